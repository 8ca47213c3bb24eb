"""Child processes that do the heavy work: cancelled at once, gone with their parent, one BLAS thread each.

A child is a plain Python of its own (`python -m tone_shootout.rendering.child`) that reads tasks from its standard
input and answers on its standard output. It holds nothing that would be missed, so letting go of it means killing it,
which works in the middle of any library's code; and when its parent dies, the end of its input ends it.
"""

import os
import selectors
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import IO, Final, Self, cast

from tone_shootout.rendering.errors import RenderError, WorkerDied
from tone_shootout.rendering.frames import Done, Failed, Progress, frame, messages, write
from tone_shootout.rendering.work import Result, Task

TICK_SECONDS: Final = 0.1
"""How often `check` is called at least."""

_ONE_THREAD: Final = dict.fromkeys(
    ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)


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

    @property
    def pids(self) -> tuple[int, ...]:
        """Return the process ids of the children."""
        return tuple(child.process.pid for child in self._children)

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
        """
        waiting = list(enumerate(tasks))[::-1]
        while len(self._children) < min(self._processes, len(tasks)):
            self._children.append(_Child())
        with selectors.DefaultSelector() as selector:
            for child in self._children:
                selector.register(child.output, selectors.EVENT_READ, child)
                if waiting:
                    child.give(*waiting.pop())
            while any(child.task is not None for child in self._children):
                check()
                for key, _ in selector.select(TICK_SECONDS):
                    child = key.data
                    for message in child.receive():
                        index = child.task
                        match message:
                            case Progress(share):
                                progress(index, share)
                            case Failed(code, detail):
                                raise RenderError(code, detail)
                            case Done(result):
                                child.task = None
                                if waiting:
                                    child.give(*waiting.pop())
                                yield index, result
        check()


class _Child:
    """One child process, and the index of the task that it has in hand."""

    def __init__(self) -> None:
        # A decoder of hostile files has no business with the service's secrets.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SHOOTOUT_")}
        # -P: the folder that the user happens to be in is not a place to import from.
        # A session of its own keeps the terminal's Ctrl-C from it.
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tone_shootout.rendering.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment | _ONE_THREAD,
            bufsize=0,
            start_new_session=True,
        )
        self._input, self._output = cast(IO[bytes], self.process.stdin), cast(IO[bytes], self.process.stdout)
        self.output = self._output.fileno()
        self.task: int | None = None
        self._received = bytearray()

    def give(self, index: int, task: Task) -> None:
        """Hand the child a task."""
        self.task = index
        try:
            write(self._input, frame(task))
        except BrokenPipeError:
            raise self._died() from None

    def receive(self) -> Iterator[Progress | Done | Failed]:
        """Yield the messages that have come."""
        received = os.read(self.output, 65_536)
        if not received:
            raise self._died()
        self._received += received
        yield from messages(self._received)

    def kill(self) -> None:
        """End the child, whatever it is doing."""
        self.process.kill()
        self.process.wait()
        self._input.close()
        self._output.close()

    def _died(self) -> WorkerDied:
        code = self.process.wait()
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return WorkerDied(f"a rendering process {how}")
