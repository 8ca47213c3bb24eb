"""Child processes that do the heavy work: cancelled at once, and gone with their parent.

They are forked by a server process (`multiprocessing`'s) that has everything imported, so that one more costs some
milliseconds. A child holds nothing that would be missed: letting go of it means killing it, which works in the middle
of any library's code. When the parent dies, the end of its pipe ends the child.
"""

import multiprocessing
import multiprocessing.forkserver
import multiprocessing.resource_tracker
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from contextlib import contextmanager
from multiprocessing.connection import wait
from types import TracebackType
from typing import Final, Self

import msgspec

from tone_shootout.rendering.errors import RenderError, WorkerDied
from tone_shootout.rendering.executor.child import main as child_main
from tone_shootout.rendering.executor.tasks import Broken, Done, Failed, Message, Progress, Result, Task

TICK_SECONDS: Final = 0.1
"""How often `check` is called at least."""

# Apple's Accelerate, which NumPy is built on there, can't be used on both sides of a fork.
if sys.platform == "darwin":
    _CONTEXT: Final = multiprocessing.get_context("spawn")
else:
    _CONTEXT: Final = multiprocessing.get_context("forkserver")
_SERVER_LOCK: Final = threading.Lock()


class Pool:
    """Up to `processes` children, started when there is work for them and killed when the `with` block is left."""

    def __init__(self, processes: int) -> None:
        if processes < 1:
            raise ValueError(f"expected at least one process, got {processes}")
        self._processes = processes
        self._children: list[_Child] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for child in self._children:
            child.kill()
        self._children.clear()

    def run(
        self,
        tasks: Sequence[Task],
        *,
        check: Callable[[], None],
        progress: Callable[[int, float], None],
    ) -> Iterator[tuple[int, Result]]:
        """Do tasks, in their order as children get free, and yield each one's index and result as it is done.

        Args:
            tasks: what to do.
            check: called at least every 0.1 s; what it raises ends the run.
            progress: told a task's index and the share of it that is done.

        Raises:
            RenderError: a task can't be done.
            WorkerDied: a child is gone.
            RuntimeError: there is a fault in the code that does the tasks.
        """
        waiting = list(enumerate(tasks))[::-1]
        while len(self._children) < min(self._processes, len(tasks)):
            self._children.append(_start_child(check))
        hands = {child: child.give(*waiting.pop()) for child in self._children[: len(tasks)]}
        while hands:
            check()
            ready = wait([child.connection for child in hands], TICK_SECONDS)
            for child in [child for child in hands if child.connection in ready]:
                index = hands[child]
                match child.receive():
                    case Progress(share):
                        progress(index, share)
                    case Failed(code, detail, segment, pointer):
                        raise RenderError(code, detail, segment=segment, pointer=pointer)
                    case Broken(traceback):
                        raise RuntimeError(f"a rendering process broke down\n{traceback}")
                    case Done(result):
                        del hands[child]
                        if waiting:
                            hands[child] = child.give(*waiting.pop())
                        yield index, result
        check()


class _Child:
    """One child process."""

    def __init__(self) -> None:
        _start_server()
        self.connection, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=child_main, args=(theirs,), daemon=True)
        with theirs:
            self._process.start()

    def give(self, index: int, task: Task) -> int:
        """Hand the child a task; return the task's index."""
        try:
            self.connection.send_bytes(msgspec.msgpack.encode(task))
        except ConnectionError:
            raise self._died() from None
        return index

    def receive(self) -> Message:
        """Return what the child says; wait for it."""
        try:
            return _decoder.decode(self.connection.recv_bytes())
        except (EOFError, ConnectionError):
            raise self._died() from None

    def kill(self) -> None:
        """End the child, whatever it is doing."""
        self._process.kill()
        self._process.join()
        self._process.close()
        self.connection.close()

    def _died(self) -> WorkerDied:
        self._process.join()
        code = self._process.exitcode or 0
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return WorkerDied(f"a rendering process {how}")


def _start_child(check: Callable[[], None]) -> _Child:
    """Start a child, calling `check` meanwhile: the first one waits for all that the server imports."""
    check()
    starter = futures.ThreadPoolExecutor(1)
    starting = starter.submit(_Child)
    try:
        while not futures.wait([starting], TICK_SECONDS).done:
            check()
        return starting.result()
    except BaseException:
        starting.add_done_callback(_kill)
        raise
    finally:
        starter.shutdown(wait=False)


def _kill(started: "futures.Future[_Child]") -> None:
    if started.exception() is None:
        started.result().kill()


_decoder: Final[msgspec.msgpack.Decoder[Message]] = msgspec.msgpack.Decoder(Message)


def _start_server() -> None:
    """Start the process that children are forked from, where it does not run yet."""
    if sys.platform == "darwin":
        return
    # By itself first: starting it lets interrupts through again.
    multiprocessing.resource_tracker.ensure_running()
    with _SERVER_LOCK, _without_interrupts(), _environment("PYTHONSAFEPATH", "1"):
        # The folder that the user happens to be in is not a place to import from, and Ctrl-C is the parent's to deal
        # with: both hold for the server and whatever it forks.
        _CONTEXT.set_forkserver_preload(["tone_shootout.rendering.executor.preload"])
        multiprocessing.forkserver.ensure_running()


@contextmanager
def _without_interrupts() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
