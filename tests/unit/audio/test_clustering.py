"""The order of items in which similar ones are neighbors, compared with SciPy's clusters and with all orders."""

from itertools import combinations, pairwise, permutations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import leaves_list, linkage

from tests.support.examples import examples
from tone_shootout.audio.clustering import leaf_order


def _distances(count: int, seed: int) -> list[float]:
    points = np.random.default_rng(seed).standard_normal((count, 3))
    return [float(np.linalg.norm(points[one] - points[other])) for one, other in combinations(range(count), 2)]


def _clusters(count: int, distances: list[float]) -> list[set[int]]:
    found = [{n} for n in range(count)]
    for one, other, *_ in linkage(distances, "average"):
        found.append(found[int(one)] | found[int(other)])
    return found


def _total(order: list[int] | tuple[int, ...], count: int, distances: list[float]) -> float:
    apart = dict(zip(combinations(range(count), 2), distances, strict=True))
    return sum(apart[min(pair), max(pair)] for pair in pairwise(order))


def _is_together(cluster: set[int], order: list[int] | tuple[int, ...]) -> bool:
    places = [place for place, n in enumerate(order) if n in cluster]
    return places[-1] - places[0] == len(cluster) - 1


@settings(max_examples=examples(60), deadline=None)
@given(count=st.integers(2, 16), seed=st.integers(0, 1_000))
def test_it_keeps_clusters_together_and_neighbors_as_close_as_scipy(count: int, seed: int) -> None:
    distances = _distances(count, seed)
    order = leaf_order(count, distances)
    assert sorted(order) == list(range(count))
    assert all(_is_together(cluster, order) for cluster in _clusters(count, distances))
    other = [int(n) for n in leaves_list(linkage(distances, "average", optimal_ordering=True))]
    assert _total(order, count, distances) <= _total(other, count, distances) + 1e-6


@settings(max_examples=examples(10), deadline=None)
@given(count=st.integers(2, 6), seed=st.integers(0, 1_000))
def test_no_order_of_the_clusters_is_closer(count: int, seed: int) -> None:
    distances = _distances(count, seed)
    clusters = _clusters(count, distances)
    possible = [order for order in permutations(range(count)) if all(_is_together(each, order) for each in clusters)]
    closest = min(_total(order, count, distances) for order in possible)
    assert abs(_total(leaf_order(count, distances), count, distances) - closest) < 1e-9


def test_one_item() -> None:
    assert leaf_order(1, []) == [0]
