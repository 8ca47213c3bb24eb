"""The time that is left, as it is estimated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tone_shootout.jobs.scheduling.eta import EtaEstimator


def _follow(speeds: list[float], *, total: float, step_s: float = 0.5) -> list[tuple[float, float | None]]:
    """Estimates with the seconds that were truly left, for work at these speeds, one after the other."""
    ends = []
    done, now = 0.0, 0.0
    for speed in speeds:
        ends.append((now, done))
        now, done = now + step_s, done + speed * step_s
    ends.append((now, done))
    pace = EtaEstimator()
    return [(now - at, pace.eta_s(done, total, at)) for at, done in ends]


def test_nothing_is_known_before_anything_is_done() -> None:
    assert EtaEstimator().eta_s(0.0, 10.0, 100.0) is None


def test_nothing_is_left_at_the_end() -> None:
    pace = EtaEstimator()
    pace.eta_s(0.0, 10.0, 0.0)
    assert pace.eta_s(10.0, 10.0, 5.0) == 0.0


def test_the_time_before_anything_is_done_does_not_count() -> None:
    pace = EtaEstimator()
    for at, done in ((0.0, 0.0), (60.0, 0.0), (61.0, 1.0), (62.0, 2.0)):
        eta = pace.eta_s(done, 10.0, at)
    assert eta == pytest.approx(8.0)


def test_what_was_there_before_the_beginning_does_not_count() -> None:
    pace = EtaEstimator()
    pace.eta_s(8.0, 10.0, 0.0)
    assert pace.eta_s(9.0, 10.0, 10.0) == pytest.approx(10.0)


@given(speed=st.floats(0.01, 1e6), steps=st.integers(3, 400))
def test_steady_work_is_estimated_right_from_the_second_moment(speed: float, steps: int) -> None:
    found = _follow([speed] * steps, total=speed * steps * 0.5)
    for left, eta in found[2:-1]:
        assert eta == pytest.approx(left, rel=1e-6)


@given(factor=st.floats(0.2, 5.0))
def test_after_a_change_of_speed_the_estimate_comes_to_the_truth(factor: float) -> None:
    speeds = [1.0] * 100 + [factor] * 400
    found = _follow(speeds, total=sum(speeds) * 0.5)
    for left, eta in found[300:-1]:
        assert eta is not None
        assert eta == pytest.approx(left, rel=0.2)
    left, eta = found[-2]
    assert eta == pytest.approx(left, rel=0.02)


def test_work_that_stands_still_takes_longer_and_longer() -> None:
    estimates = [eta for _, eta in _follow([1.0] * 20 + [0.0] * 20, total=100.0)[20:] if eta is not None]
    assert estimates == sorted(estimates)
    assert estimates[-1] > 2 * estimates[0]
