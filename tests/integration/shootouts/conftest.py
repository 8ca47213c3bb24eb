"""What the tests of the library look into."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from tone_shootout.kit.settings import Settings


@pytest.fixture
def blobs(settings: Settings) -> Callable[[UUID], list[str]]:
    """Names everything that is stored for a user."""

    def stored(owner_id: UUID) -> list[str]:
        folder = settings.data / "objects" / "users" / str(owner_id)
        return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())

    return stored


@pytest.fixture
def incoming(settings: Settings) -> Callable[[], list[Path]]:
    """Names uploads that are on the disk while they are looked at."""
    return lambda: sorted((settings.data / "incoming").iterdir())
