"""A rendering child process; see `pool`."""

import os
import queue
import signal
import threading
import traceback
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import msgspec

from tone_shootout.rendering.errors import RenderError
from tone_shootout.rendering.executor.tasks import Broken, Done, Failed, Message, Progress, Task

if TYPE_CHECKING:
    from tone_shootout.rendering.engine.chain import SourceCache

PROGRESS_STEP = 0.005


def main(parent: "Connection[Any, Any]") -> None:
    """Do the tasks that come in, one after the other, until the parent is gone."""
    # Ctrl-C is the parent's to deal with, and what a library prints is no part of the parent's output.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(2, 1)
    inbox: queue.SimpleQueue[Task] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(parent, inbox), daemon=True).start()
    # Here, because the parent imports this module too and has no use for what does the work.
    from tone_shootout.audio.blas import limit_to_one_thread
    from tone_shootout.rendering.engine.chain import SourceCache

    limit_to_one_thread()
    source_cache = SourceCache()
    while True:
        _tell(parent, _do(inbox.get(), source_cache, parent))


def _listen(parent: "Connection[Any, Any]", inbox: "queue.SimpleQueue[Task]") -> None:
    decoder: msgspec.msgpack.Decoder[Task] = msgspec.msgpack.Decoder(Task)
    try:
        while True:
            inbox.put(decoder.decode(parent.recv_bytes()))
    except (EOFError, ConnectionError):
        os._exit(0)


def _do(task: Task, source_cache: "SourceCache", parent: "Connection[Any, Any]") -> Done | Failed | Broken:
    from tone_shootout.rendering.executor.handlers import perform

    told = 0.0

    def tick(share: float) -> None:
        nonlocal told
        if share >= told + PROGRESS_STEP:
            told = share
            _tell(parent, Progress(share))

    try:
        return Done(perform(task, source_cache, tick))
    except RenderError as error:
        return Failed(error.code, error.detail, error.segment, error.pointer)
    except MemoryError:
        return Failed("out_of_memory", "there is not enough memory to make this; render fewer segments at a time")
    except OSError as error:
        return Failed("storage", f"a file can't be read or written: {error.strerror or error}")
    except Exception:  # noqa: BLE001 - whatever it is, the parent has to hear of it
        return Broken(traceback.format_exc())


def _tell(parent: "Connection[Any, Any]", message: Message) -> None:
    try:
        parent.send_bytes(msgspec.msgpack.encode(message))
    except ConnectionError:
        os._exit(0)
