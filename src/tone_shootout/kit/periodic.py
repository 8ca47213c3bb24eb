"""Periodic work in the background of a process."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

STOP_S = 3.0
"""Seconds that a step gets to finish when the work is stopped."""


@asynccontextmanager
async def running_periodically(
    step: Callable[[], Awaitable[Any]],
    *,
    interval_s: float,
    on_error: Callable[[Exception, int], None],
    wake: asyncio.Event | None = None,
    retry_s: float | None = None,
    stop_s: float = STOP_S,
) -> AsyncGenerator[None, None]:
    """Run `step` at once and then every `interval_s` seconds, as long as the context lasts.

    A step that raises ends nothing: the next one runs all the same. At the end of the context a running step may
    finish within `stop_s` seconds, because a cancelled statement leaves its connection open; then it is cancelled.

    Args:
        step: the work; safe to repeat.
        interval_s: seconds between the end of a step and the start of the next.
        on_error: called with what a step raised, and the number of failures in a row, from 1.
        wake: starts the next step early, but none within `retry_s` of a failure. Cleared before each step.
        retry_s: seconds between a failed step and the next; None: `interval_s`.
        stop_s: seconds to wait for a running step at the end.
    """
    stopping = asyncio.Event()
    task = asyncio.create_task(
        _run_until(
            stopping,
            step,
            interval_s=interval_s,
            on_error=on_error,
            wake=wake or asyncio.Event(),
            retry_s=interval_s if retry_s is None else retry_s,
        )
    )
    try:
        yield
    finally:
        stopping.set()
        await asyncio.wait({task}, timeout=stop_s)
        task.cancel()
        await asyncio.wait({task})


async def _run_until(
    stopping: asyncio.Event,
    step: Callable[[], Awaitable[Any]],
    *,
    interval_s: float,
    on_error: Callable[[Exception, int], None],
    wake: asyncio.Event,
    retry_s: float,
) -> None:
    failures = 0
    while not stopping.is_set():
        wake.clear()
        try:
            await step()
        except Exception as error:  # noqa: BLE001 - the next step may succeed
            failures += 1
            on_error(error, failures)
            await _wait_for_any(retry_s, stopping)
        else:
            failures = 0
            await _wait_for_any(interval_s, stopping, wake)


async def _wait_for_any(timeout_s: float, *events: asyncio.Event) -> None:
    """Wait until one of the events is set, at most `timeout_s` seconds."""
    waiting = {asyncio.create_task(event.wait()) for event in events}
    try:
        await asyncio.wait(waiting, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
