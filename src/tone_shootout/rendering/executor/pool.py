"""Pool of child processes that run tasks. They can be cancelled at once, and they end with their parent.

They are forked from the server process of `multiprocessing`, which has everything imported, so starting one takes
milliseconds. A child has no state worth saving: it is stopped by killing it, which works inside any library's code.
If the parent dies, the pipe closes and the child exits.
"""

from collections.abc import Callable, Container, Iterator, Sequence
from concurrent import futures
from multiprocessing.connection import wait
from types import TracebackType
from typing import Final, Self

import msgspec

from tone_shootout.rendering.errors import RenderError, WorkerDied
from tone_shootout.rendering.executor.child import main as child_main
from tone_shootout.rendering.executor.fork_server import CONTEXT, has_plots, preload_rendering, start_server
from tone_shootout.rendering.executor.tasks import Crashed, Done, DrawPlot, Failed, Message, Progress, Result, Task
from tone_shootout.rendering.output.plots import WaveformPlot

TICK_SECONDS: Final = 0.1
"""Longest time between two calls of `check`."""


class Pool:
    """Up to `processes` children, started when there are tasks for them and killed at the end of the `with` block."""

    def __init__(self, processes: int) -> None:
        if processes < 1:
            raise ValueError(f"expected at least one process, got {processes}")
        self._processes = processes
        self._children: list[_Child] = []
        self._drawing: _Child | None = None
        """The child that has drawn a plot."""

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
        urgency: Callable[[int], float] = lambda _: 0.0,
    ) -> Iterator[tuple[int, Result]]:
        """Start tasks as children become free, and yield each one's index and result when it is complete.

        The most urgent task starts first, of equally urgent ones the first.

        Args:
            tasks: the tasks. The caller may append further ones whenever it has received a result.
            check: called at least every 0.1 s; an exception that it raises ends the run.
            progress: called with a task's index and its completed share, 0 to 1.
            urgency: returns the urgency of a task, by its index.

        Raises:
            RenderError: a task failed.
            WorkerDied: a child ended.
            RuntimeError: a task failed because of a fault in this program.
        """
        running: dict[_Child, int] = {}
        waiting: list[int] = []
        known = 0

        def start_waiting() -> None:
            nonlocal known
            waiting.extend(range(known, len(tasks)))
            known = len(tasks)
            waiting.sort(key=lambda index: -urgency(index))
            while (found := self._match(tasks, waiting, running, check)) is not None:
                child, index = found
                waiting.remove(index)
                running[child] = child.start(index, tasks[index])

        while True:
            start_waiting()
            check()
            if not running:
                return
            ready = wait([child.connection for child in running], TICK_SECONDS)
            for child in [child for child in running if child.connection in ready]:
                index = running[child]
                match child.receive():
                    case Progress(share):
                        progress(index, share)
                    case Failed(code, detail, segment, pointer):
                        raise RenderError(code, detail, segment=segment, pointer=pointer)
                    case Crashed(traceback):
                        raise RuntimeError(f"a rendering process crashed\n{traceback}")
                    case Done(result):
                        del running[child]
                        start_waiting()
                        yield index, result

    def _match(
        self,
        tasks: Sequence[Task],
        waiting: Sequence[int],
        running: Container["_Child"],
        check: Callable[[], None],
    ) -> tuple["_Child", int] | None:
        """Return an idle child, started if necessary, and the first waiting task that it can run; None: there is none.

        If the server process has not imported what plots need, one child does and draws all of them.
        """
        if not waiting:
            return None
        one_draws = not has_plots()

        def first_task(child: "_Child | None") -> int | None:
            for index in waiting:
                if not (one_draws and _is_figure(tasks[index])) or self._drawing in (None, child):
                    return index
            return None

        for child in self._children:
            if child not in running and (index := first_task(child)) is not None:
                break
        else:
            if len(self._children) == self._processes or (index := first_task(None)) is None:
                return None
            child = _start_child(check)
            self._children.append(child)
        if _is_figure(tasks[index]):
            self._drawing = child
        return child, index


class _Child:
    """One child process."""

    def __init__(self) -> None:
        preload_rendering()
        start_server()
        self.connection, theirs = CONTEXT.Pipe()
        self._process = CONTEXT.Process(target=child_main, args=(theirs,), daemon=True)
        with theirs:
            self._process.start()

    def start(self, index: int, task: Task) -> int:
        """Send the child a task; return the task's index."""
        try:
            self.connection.send_bytes(msgspec.msgpack.encode(task))
        except ConnectionError:
            raise self._died() from None
        return index

    def receive(self) -> Message:
        """Wait for a message from the child."""
        try:
            return _decoder.decode(self.connection.recv_bytes())
        except (EOFError, ConnectionError):
            raise self._died() from None

    def kill(self) -> None:
        """Kill the child and wait until it has ended."""
        self._process.kill()
        self._process.join()
        self._process.close()
        self.connection.close()

    def _died(self) -> WorkerDied:
        self._process.join()
        code = self._process.exitcode or 0
        reason = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return WorkerDied(f"a rendering process {reason}")


def _is_figure(task: Task) -> bool:
    """Return whether a task draws with matplotlib."""
    return isinstance(task, DrawPlot) and not isinstance(task.plot, WaveformPlot)


def _start_child(check: Callable[[], None]) -> _Child:
    """Start a child, calling `check` meanwhile: the first one waits for the imports of the server process."""
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
