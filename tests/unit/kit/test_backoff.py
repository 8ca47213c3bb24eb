"""Delays between retries."""

from hypothesis import given
from hypothesis import strategies as st

from tone_shootout.kit.backoff import Backoff


def test_delays_grow_up_to_the_longest() -> None:
    backoff = Backoff(first_s=2.0, longest_s=15.0)
    assert [backoff.delay_s(failures) for failures in range(1, 6)] == [2.0, 4.0, 8.0, 15.0, 15.0]
    assert [Backoff(first_s=5, longest_s=100, growth=3).delay_s(n) for n in range(1, 5)] == [5, 15, 45, 100]


@given(
    failures=st.integers(1, 1_000_000),
    first_s=st.floats(1e-3, 1e3),
    growth=st.floats(1.0, 10.0),
    jitter=st.floats(0.0, 1.0),
)
def test_no_number_of_failures_makes_a_delay_too_long(
    failures: int, first_s: float, growth: float, jitter: float
) -> None:
    delay_s = Backoff(first_s=first_s, longest_s=300.0, growth=growth, jitter=jitter).delay_s(failures)
    assert 0 <= delay_s <= 300.0 * (1 + jitter)


def test_jitter_spreads_delays_within_its_bounds() -> None:
    backoff = Backoff(first_s=10.0, longest_s=10.0, jitter=0.2)
    delays = {backoff.delay_s(1) for _ in range(200)}
    assert len(delays) > 100
    assert min(delays) >= 8.0
    assert max(delays) <= 12.0
