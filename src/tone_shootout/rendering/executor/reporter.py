"""What `produce` needs of whoever calls it: somebody to report to, and perhaps a store of what was made before."""

from typing import Literal, Protocol

from tone_shootout.rendering.executor.tasks import Measured

Phase = Literal["render", "level", "plots", "video"]
SegmentStatus = Literal["rendered", "cached", "levelled"]


class Reporter(Protocol):
    """Told how the work goes. Called from the thread that called `produce`, and only from there."""

    def phase(self, name: Phase) -> None:
        """Start a phase."""

    def progress(self, done: float, total: float) -> None:
        """Tell how much of all work is done, in estimated seconds on one core."""

    def segment(self, position: int, status: SegmentStatus, measured: Measured | None) -> None:
        """Tell that a segment has got further, and what it measures now."""

    def file(self, name: str) -> None:
        """Tell that a file is in its place in the result folder; the manifest comes last."""

    def check(self) -> None:
        """Raise `Cancelled` where the work is no longer wanted; called at least every 0.1 s while children work."""


class Store(Protocol):
    """Keeps what was made, by the hash of what it was made of: see `store` and `products`."""

    def get(self, key: str) -> bytes | None:
        """Return what is kept under a key, None where there is nothing. What comes is what was put."""

    def put(self, key: str, content: bytes) -> None:
        """Keep something. Failing to is no reason to raise."""
