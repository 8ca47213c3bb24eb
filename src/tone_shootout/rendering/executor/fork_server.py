"""The server process that child processes are forked from.

`multiprocessing` has one for each process of ours, however many parts of it fork children. What the server has imported
before the first child is started, no child imports again.
"""

import multiprocessing
import multiprocessing.forkserver
import multiprocessing.resource_tracker
import os
import signal
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

# Apple's Accelerate, which NumPy uses on macOS, does not work on both sides of a fork.
if sys.platform == "darwin":
    CONTEXT: Final = multiprocessing.get_context("spawn")
else:
    CONTEXT: Final = multiprocessing.get_context("forkserver")

_RENDERING: Final = "tone_shootout.rendering.executor.preload"
_PLOTS: Final = "tone_shootout.rendering.output.draw_plots"
_LOCK: Final = threading.Lock()
_modules: dict[str, None] = {}


def preload(*modules: str) -> None:
    """Add modules to what the server process imports. It has no effect once the server runs."""
    with _LOCK:
        _modules.update(dict.fromkeys(modules))


def preload_rendering(*, plots: bool = False) -> None:
    """Add what rendering needs, in a process that renders but may fork other children first.

    Args:
        plots: whether to add what only plots need, too: for processes that live long. It takes longer to import than
            everything else, and the first child waits for it.
    """
    preload(_RENDERING, *([_PLOTS] if plots else []))


def has_plots() -> bool:
    """Return whether the server imports what plots need. If not, each child does that draws one."""
    return _PLOTS in _modules


def start_server() -> None:
    """Start the server process, if it is not running."""
    if sys.platform == "darwin":
        return
    # Start the tracker first: its start unblocks SIGINT.
    multiprocessing.resource_tracker.ensure_running()
    with _LOCK, _without_interrupts(), _environment("PYTHONSAFEPATH", "1"):
        # The server and its children must not import from the current folder, and leave Ctrl-C to the parent.
        CONTEXT.set_forkserver_preload(list(_modules))
        multiprocessing.forkserver.ensure_running()


@contextmanager
def _without_interrupts() -> Generator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _environment(name: str, value: str) -> Generator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
