"""A rendering child process; see `pool`."""

import os
import queue
import signal
import sys
import threading
from typing import IO

from tone_shootout.rendering.chain import Shelf
from tone_shootout.rendering.errors import RenderError
from tone_shootout.rendering.frames import Done, Failed, Message, Progress, frame, read_task, write
from tone_shootout.rendering.work import Task, perform

PROGRESS_STEP = 0.005


def main() -> None:
    """Do the tasks that come in, one after the other, until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What a library prints goes to standard error: standard output belongs to the messages.
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    inbox: queue.SimpleQueue[Task] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, inbox), daemon=True).start()
    shelf = Shelf()
    while True:
        _do(inbox.get(), shelf, answers)


def _listen(file: IO[bytes], inbox: "queue.SimpleQueue[Task]") -> None:
    while (task := read_task(file)) is not None:
        inbox.put(task)
    os._exit(0)


def _do(task: Task, shelf: Shelf, answers: IO[bytes]) -> None:
    told = 0.0

    def tick(share: float) -> None:
        nonlocal told
        if share >= told + PROGRESS_STEP:
            told = share
            _answer(answers, Progress(share))

    try:
        message: Done | Failed = Done(perform(task, shelf, tick))
    except RenderError as error:
        message = Failed(error.code, error.detail)
    except MemoryError:
        message = Failed("out_of_memory", "there is not enough memory for this segment; render fewer at a time")
    except OSError as error:
        message = Failed("storage", f"a file can't be read or written: {error.strerror}")
    _answer(answers, message)


def _answer(answers: IO[bytes], message: Message) -> None:
    try:
        write(answers, frame(message))
    except BrokenPipeError:
        os._exit(0)


if __name__ == "__main__":
    main()
