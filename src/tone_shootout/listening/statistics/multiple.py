"""Several tests at once: Holm's correction."""

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p values corrected by Holm's step-down method, in the given order.

    Where a corrected value is below 0.05, the probability of even one false alarm among all tests is below 5 %
    (Holm, Scandinavian Journal of Statistics 6, 1979).
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return corrected


def holm_levels(p_values: Sequence[float], alpha: float = 0.05) -> list[float]:
    """Return the level at which Holm's method compares each p value, in the given order.

    An interval of coverage 1 − level excludes 0 exactly where the corrected p value is below `alpha`. From the first
    p value that is not rejected, the level stays the same.
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    levels = [0.0] * len(p_values)
    stopped: float | None = None
    for rank, index in enumerate(order):
        level = alpha / (len(p_values) - rank) if stopped is None else stopped
        if p_values[index] >= level:
            stopped = level
        levels[index] = level
    return levels
