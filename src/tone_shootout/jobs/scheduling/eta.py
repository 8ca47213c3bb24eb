"""How long the rest of some work will take, from how it went so far."""

import math

_MEMORY: float = 1 / 3
"""Part of the time so far after which a speed counts only 1/e."""
_SHORTEST_MEMORY_S: float = 2.0


class EtaEstimator:
    """Estimates the time that is left.

    Work and time are summed with weights that fade, so that the speed of late counts more than that of the beginning.
    The memory grows with the work: what takes an hour is not judged by its last seconds.
    """

    def __init__(self) -> None:
        self._begun: float | None = None
        self._last = (0.0, 0.0)
        self._work = 0.0
        self._time = 0.0

    def eta_s(self, done: float, total: float, now: float) -> float | None:
        """Return the seconds that are left, None where nothing is known yet.

        Args:
            done: work done; the first that is done is the beginning, and the start before it does not count.
            total: work in all, in the same unit.
            now: seconds on a clock that never goes back.
        """
        if done <= 0:
            return None
        if self._begun is None:
            self._begun, self._last = now, (done, now)
        before, then = self._last
        memory = max(_SHORTEST_MEMORY_S, (now - self._begun) * _MEMORY)
        fading = math.exp(-(now - then) / memory)
        self._work = self._work * fading + (done - before)
        self._time = self._time * fading + (now - then)
        self._last = done, now
        if done >= total:
            return 0.0
        return (total - done) * self._time / self._work if self._work > 0 else None
