"""What a worker's thread tells, and when it is written."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tone_shootout.jobs.execution.attempt import PROGRESS_S, Attempt
from tone_shootout.jobs.models import Job
from tone_shootout.rendering.errors import Cancelled


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _progress(attempt: Attempt) -> list[dict[str, Any]]:
    return [data for kind, data, _ in attempt.take_events() if kind == "progress"]


@given(
    steps=st.lists(
        st.tuples(st.floats(0.0, 100.0), st.floats(0.0, 100.0), st.floats(0.0, 1.0)), min_size=1, max_size=50
    )
)
def test_progress_never_goes_back_nor_beyond_the_whole_and_comes_at_most_twice_a_second(
    steps: list[tuple[float, float, float]],
) -> None:
    async def check() -> None:
        clock = Clock()
        attempt = Attempt(Job(), clock=clock)
        attempt.reserve(3.0)
        last, last_at = -1.0, -PROGRESS_S
        for done, total, passed in steps:
            attempt.progress(done, total)
            clock.now += passed
            for data in _progress(attempt):
                assert 0 <= data["done"] <= data["total"]
                assert data["done"] >= last
                assert clock.now - last_at >= PROGRESS_S
                last, last_at = data["done"], clock.now

    asyncio.run(check())


async def test_work_behind_the_rendering_is_a_part_of_the_whole() -> None:
    clock = Clock()
    attempt = Attempt(Job(), clock=clock)
    attempt.reserve(2.0)
    attempt.progress(8.0, 8.0)
    (rendered,) = _progress(attempt)
    assert rendered["percent"] == 80.0
    for share, percent in ((0.5, 90.0), (1.0, 100.0)):
        clock.now += PROGRESS_S
        attempt.advance(share)
        assert _progress(attempt)[0]["percent"] == percent


async def test_everything_but_progress_is_to_be_written_at_once_and_in_order() -> None:
    attempt = Attempt(Job(), clock=Clock())
    await asyncio.to_thread(attempt.phase, "render")
    await asyncio.to_thread(attempt.segment, 1, "rendered", None)
    await asyncio.wait_for(attempt.pending_events.wait(), 30)
    assert [kind for kind, _, _ in attempt.take_events()] == ["phase", "segment"]
    assert attempt.take_events() == []


async def test_what_could_not_be_written_stays_in_front() -> None:
    attempt = Attempt(Job(), clock=Clock())
    attempt.phase("fetch")
    lines = attempt.take_events()
    attempt.phase("render")
    attempt.release(lines)
    assert [data["phase"] for _, data, _ in attempt.take_events()] == ["fetch", "render"]


async def test_every_segment_that_can_be_heard_is_named_once() -> None:
    attempt = Attempt(Job())
    for position, status in ((1, "cached"), (2, "rendered"), (1, "leveled")):
        attempt.segment(position, status, None)  # type: ignore[arg-type]  # the tuples above hold its values
    assert attempt.take_ready_segments() == [1, 2]
    assert attempt.take_ready_segments() == []


async def test_work_that_is_not_wanted_is_stopped() -> None:
    attempt = Attempt(Job())
    attempt.check()
    attempt.stop.set()
    with pytest.raises(Cancelled):
        attempt.check()
