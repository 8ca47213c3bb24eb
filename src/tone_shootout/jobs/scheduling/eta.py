"""Estimated time to the end of a job, from its progress so far."""

import math

_MEMORY: float = 1 / 3
"""Time constant of the weights, as a fraction of the elapsed time."""
_SHORTEST_MEMORY_S: float = 2.0
"""Shortest time constant, in seconds."""


class EtaEstimator:
    """Estimates the remaining time of a job.

    Work and time are summed with exponentially decaying weights, so that recent speed counts most. The time constant
    grows with the elapsed time, which keeps the estimate of a long job steady.
    """

    def __init__(self) -> None:
        self._begun: float | None = None
        self._last = (0.0, 0.0)
        self._work = 0.0
        self._time = 0.0

    def eta_s(self, done: float, total: float, now: float) -> float | None:
        """Return the remaining time in seconds, None before there are two measurements.

        Args:
            done: work done, in any unit. Time before the first work is done is ignored.
            total: total work, in the same unit.
            now: seconds of a monotonic clock.
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
