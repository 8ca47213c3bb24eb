"""What `produce` needs of whoever calls it: somebody to report to, and perhaps a store of rendered sound."""

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from tone_shootout.rendering.work import Measured

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


class SoundStore(Protocol):
    """Keeps rendered sound, before the level match: segments by render key, what is behind a capture by stage key."""

    def get(self, key: str) -> NDArray[np.float32] | None:
        """Return the samples that are kept under a key, None where there are none. What comes is checked."""

    def put(self, key: str, samples: NDArray[np.float32]) -> None:
        """Keep samples, shape (T,). Failing to is no reason to raise."""
