"""What users hold on to changes only on purpose: `tests/reference/surface.json` is written anew then."""

import json

from tests.support.surface import REFERENCE, surface


def test_the_surface_is_the_one_that_is_written_down() -> None:
    """A change on purpose: `uv run python -m tests.support.surface`, and an entry in CHANGELOG.md."""
    recorded, now = json.loads(REFERENCE.read_text()), surface()
    assert recorded.keys() == now.keys()
    for part, entries in recorded.items():
        assert sorted(entries) == sorted(now[part]), part
        for name, entry in entries.items():
            assert now[part][name] == entry, f"{part}: {name}"
