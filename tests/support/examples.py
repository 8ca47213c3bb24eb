"""Numbers of examples of property tests."""

import hypothesis

THOROUGH_PROFILE = "thorough"


def examples(count: int) -> int:
    """Return `count` in `task test:thorough`, a quarter of it in `task test`."""
    return count if hypothesis.settings.get_current_profile_name() == THOROUGH_PROFILE else count // 4
