"""What a backup has done so far."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tone_shootout.backup.records import ObjectRecord


class Progress:
    """Counts what is done; a subclass shows it."""

    def __init__(self) -> None:
        self.step = ""
        self.all_count = self.all_bytes = 0
        self.count = self.content_bytes = self.copied = 0

    def begin(self, step: str, count: int, content_bytes: int) -> None:
        """Begin a step of `count` objects with `content_bytes` in all."""
        self.step, self.all_count, self.all_bytes = step, count, content_bytes
        self.count = self.content_bytes = self.copied = 0

    def done(self, record: "ObjectRecord", *, copied: bool) -> None:
        """Count an object that was copied or was there."""
        self.count += 1
        self.content_bytes += record.size_bytes
        self.copied += copied
