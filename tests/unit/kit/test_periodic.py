"""Periodic work in the background."""

import asyncio

from tone_shootout.kit.periodic import running_periodically


async def test_steps_go_on_after_failures_which_are_counted() -> None:
    results = iter([OSError("a"), OSError("b"), None, OSError("c")])
    failures: list[tuple[str, int]] = []
    is_done = asyncio.Event()

    async def step() -> None:
        result = next(results, None)
        if result is not None:
            raise result
        if len(failures) == 3:
            is_done.set()

    async with running_periodically(
        step, interval_s=0.0, on_error=lambda error, number: failures.append((str(error), number))
    ):
        await asyncio.wait_for(is_done.wait(), 5)
    assert failures == [("a", 1), ("b", 2), ("c", 1)]


async def test_a_running_step_finishes_before_the_context_ends() -> None:
    is_running, finished = asyncio.Event(), []

    async def step() -> None:
        is_running.set()
        await asyncio.sleep(0.05)
        finished.append(True)

    async with running_periodically(step, interval_s=60.0, on_error=lambda *_: None):
        await is_running.wait()
    assert finished == [True]


async def test_a_step_that_does_not_finish_is_cancelled() -> None:
    is_running, cancelled = asyncio.Event(), []

    async def step() -> None:
        is_running.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async with running_periodically(step, interval_s=60.0, on_error=lambda *_: None, stop_s=0.01):
        await is_running.wait()
    assert cancelled == [True]


async def test_a_step_can_be_woken_early_but_not_right_after_a_failure() -> None:
    wake, steps = asyncio.Event(), asyncio.Queue[int]()
    failing = True

    async def step() -> None:
        steps.put_nowait(1)
        if failing:
            raise OSError

    async with running_periodically(step, interval_s=60.0, on_error=lambda *_: None, wake=wake, retry_s=0.05, stop_s=0):
        began = asyncio.get_running_loop().time()
        for _ in range(3):
            await asyncio.wait_for(steps.get(), 5)
            wake.set()
        assert asyncio.get_running_loop().time() - began >= 0.09
        failing = False
        await asyncio.wait_for(steps.get(), 5)
        wake.set()
        await asyncio.wait_for(steps.get(), 5)
