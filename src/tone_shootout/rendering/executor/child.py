"""Main loop of a rendering child process; see `pool`."""

import os
import queue
import signal
import threading
import traceback
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import msgspec

from tone_shootout.rendering.errors import RenderError
from tone_shootout.rendering.executor.tasks import Crashed, Done, Failed, Message, Progress, Task

if TYPE_CHECKING:
    from tone_shootout.rendering.engine.chain import SourceCache

PROGRESS_STEP = 0.005
"""Smallest change of the completed share that is sent to the parent."""


def main(parent: "Connection[Any, Any]") -> None:
    """Run tasks from the parent, one after the other, until the parent ends."""
    # The parent handles Ctrl-C, and the output of libraries must not mix with the parent's.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(2, 1)
    inbox: queue.SimpleQueue[Task] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(parent, inbox), daemon=True).start()
    # Imported here because the parent imports this module too and does not need the engine.
    from tone_shootout.audio.blas import limit_to_one_thread
    from tone_shootout.rendering.engine.chain import SourceCache

    limit_to_one_thread()
    source_cache = SourceCache()
    while True:
        _send(parent, _run(inbox.get(), source_cache, parent))


def _receive(parent: "Connection[Any, Any]", inbox: "queue.SimpleQueue[Task]") -> None:
    decoder: msgspec.msgpack.Decoder[Task] = msgspec.msgpack.Decoder(Task)
    try:
        while True:
            inbox.put(decoder.decode(parent.recv_bytes()))
    except (EOFError, ConnectionError):
        os._exit(0)


def _run(task: Task, source_cache: "SourceCache", parent: "Connection[Any, Any]") -> Done | Failed | Crashed:
    from tone_shootout.rendering.executor.registry import REGISTRY

    reported = 0.0

    def report_progress(share: float) -> None:
        nonlocal reported
        if share >= reported + PROGRESS_STEP:
            reported = share
            _send(parent, Progress(share))

    try:
        handler = REGISTRY[type(task)].load_handler()
        return Done(handler(task, source_cache, report_progress))
    except RenderError as error:
        return Failed(error.code, error.detail, error.segment, error.pointer)
    except MemoryError:
        return Failed("out_of_memory", "not enough memory: render fewer segments at once")
    except OSError as error:
        return Failed("storage", f"a file can't be read or written: {error.strerror or error}")
    except Exception:  # noqa: BLE001 - the parent has to receive every failure
        return Crashed(traceback.format_exc())


def _send(parent: "Connection[Any, Any]", message: Message) -> None:
    try:
        parent.send_bytes(msgspec.msgpack.encode(message))
    except ConnectionError:
        os._exit(0)
