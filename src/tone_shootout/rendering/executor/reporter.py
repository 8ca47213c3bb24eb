"""Interfaces that a caller of `produce` implements: a reporter, and optionally a store of earlier results."""

from typing import Literal, Protocol

from tone_shootout.rendering.executor.tasks import Measured

Phase = Literal["render", "level", "plots", "video"]
SegmentStatus = Literal["rendered", "cached", "leveled"]


class Reporter(Protocol):
    """Receives progress and can cancel. All methods are called from the thread that called `produce`."""

    def phase(self, name: Phase) -> None:
        """Handle the start of a phase."""

    def progress(self, done: float, total: float) -> None:
        """Handle progress: completed and total cost, in estimated seconds on one core."""

    def segment(self, position: int, status: SegmentStatus, measured: Measured | None) -> None:
        """Handle a segment's new status and its current levels."""

    def file(self, name: str) -> None:
        """Handle a file that is now in the result folder; the manifest is the last one."""

    def check(self) -> None:
        """Raise `Cancelled` to cancel; called at least every 0.1 s while child processes run."""


class Store(Protocol):
    """Caches results by the hash of everything that decides them: see `store` and `result_cache`."""

    def get(self, key: str) -> bytes | None:
        """Return the content under a key exactly as it was stored, None if there is none."""

    def put(self, key: str, content: bytes) -> None:
        """Store content. A failure to store must not raise."""
