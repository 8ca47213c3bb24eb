"""Helpers that wait for events of processes instead of sleeping."""

import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Self

import psutil

TIMEOUT_S = 60.0


class Events(queue.Queue[str]):
    """Collect events; `until` waits for the first that contains a text and returns it."""

    def __call__(self, event: str) -> None:
        self.put(event)

    def until(self, text: str) -> str:
        while text not in (event := self.get(timeout=TIMEOUT_S)):
            pass
        return event

    def all(self) -> list[str]:
        return [self.get_nowait() for _ in range(self.qsize())]


def eventually(condition: Callable[[], bool], *, timeout_s: float = TIMEOUT_S) -> None:
    """Return as soon as `condition` holds; fail after the timeout."""
    pause, deadline = threading.Event(), time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "condition not met before the timeout"
        pause.wait(0.02)


def all_exited(*pids: int) -> bool:
    """Return whether none of these processes runs (a zombie does not count as running)."""
    return not any(_runs(pid) for pid in pids)


def process_tree(pid: int) -> list[int]:
    """Return the ids of the process and its descendants."""
    process = psutil.Process(pid)
    return [pid, *(child.pid for child in process.children(recursive=True))]


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Script:
    """A Python program in a separate process that reports by lines of output."""

    def __init__(self, source: str, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", source, *map(str, arguments)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()
