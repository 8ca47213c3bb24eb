"""Order of a few items in which similar ones are neighbors."""

from collections.abc import Sequence
from itertools import combinations, product
from typing import NamedTuple

# For the first and the last leaf: the least sum of the distances of neighbors, and the leaves in that order.
_Orders = dict[tuple[int, int], tuple[float, tuple[int, ...]]]


class _Cluster(NamedTuple):
    size: int
    orders: _Orders


def leaf_order(count: int, distances: Sequence[float]) -> list[int]:
    """Order items by average linkage, with the leaves in the order of least distance between neighbors.

    Of all orders that keep each cluster together, it is the one whose neighbors are closest in total (Bar-Joseph et
    al., "Fast optimal leaf ordering for hierarchical clustering", Bioinformatics 17, 2001). An order and its reverse
    are equally close; the cluster that is older at the last step comes first.

    Args:
        count: number of items, 1 or more.
        distances: distance of each two of them, in the order of `itertools.combinations`.

    Returns:
        Indices of the items in order.
    """
    apart = dict(zip(combinations(range(count), 2), distances, strict=True))
    apart |= {(other, one): distance for (one, other), distance in apart.items()}
    clusters = {n: _Cluster(1, {(n, n): (0.0, (n,))}) for n in range(count)}
    between = {pair: distance for pair, distance in apart.items() if pair[0] < pair[1]}
    merged = clusters[0].orders
    for number in range(count, 2 * count - 1):
        first, second = min(between, key=lambda pair: (between[pair], pair))
        one, other = clusters.pop(first), clusters.pop(second)
        merged = _merge(one.orders, other.orders, apart)
        size = one.size + other.size
        for n in clusters:
            parts = (between.pop((min(n, part), max(n, part))) for part in (first, second))
            between[n, number] = (
                sum(part * weight for part, weight in zip(parts, (one.size, other.size), strict=True)) / size
            )
        del between[first, second]
        reverse = {(last, start): (total, order[::-1]) for (start, last), (total, order) in merged.items()}
        clusters[number] = _Cluster(size, merged | reverse)
    return list(min(merged.values(), key=lambda found: found[0])[1])


def _merge(first: _Orders, second: _Orders, apart: dict[tuple[int, int], float]) -> _Orders:
    """Return the best order of two clusters, one before the other, for each first and last leaf."""
    best: _Orders = {}
    for ((start, end), before), ((begin, last), behind) in product(first.items(), second.items()):
        total = before[0] + apart[end, begin] + behind[0]
        known = best.get((start, last))
        if known is None or total < known[0]:
            best[start, last] = total, before[1] + behind[1]
    return best
