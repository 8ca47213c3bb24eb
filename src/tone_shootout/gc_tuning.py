"""Garbage collection during startup."""

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def gc_disabled() -> Generator[None, None, None]:
    """Disable the garbage collector during imports, then exclude the imported objects from collection.

    Imported modules live as long as the process, but the collector traverses them whenever their number has grown by a
    quarter, and at exit. That takes a third of the time to start and stop a web process. Forked processes also share
    more memory.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def freeze_started_process() -> None:
    """Exclude everything that a process made during its start from garbage collection, and collect less often.

    A request or a job makes a few hundred objects and nearly no cycles. With the default thresholds, the collector
    traverses what those in progress have made several times in each of them.

    A WebSocket does leave a cycle, about 7 kB, and is old when it is closed: only a full collection frees it. There is
    one for each million objects that were made and not freed, which is about 5,000 closed WebSockets.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 5)
