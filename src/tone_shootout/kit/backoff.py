"""Growing delays between the tries of something that fails."""

import random
from dataclasses import dataclass
from typing import Final

_MAX_EXPONENT: Final = 64
"""Bounds the power, so that it is finite for every number of failures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Exponential backoff.

    Attributes:
        first_s: delay after the first failure, in seconds.
        longest_s: longest delay, in seconds, before jitter.
        growth: factor from one delay to the next.
        jitter: largest random deviation, as a fraction of the delay (0 to 1). It spreads what failed together.
    """

    first_s: float
    longest_s: float
    growth: float = 2.0
    jitter: float = 0.0

    def delay_s(self, failures: int) -> float:
        """Return the delay before the next try, in seconds.

        Args:
            failures: number of failures in a row, from 1.
        """
        delay_s = min(self.first_s * self.growth ** min(failures - 1, _MAX_EXPONENT), self.longest_s)
        return delay_s * random.uniform(1 - self.jitter, 1 + self.jitter) if self.jitter else delay_s  # noqa: S311
