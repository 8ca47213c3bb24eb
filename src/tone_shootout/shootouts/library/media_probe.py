"""Uploads are decoded in a process of their own, with bounds on time and memory.

Whatever a hostile file does to a decoder, it does it there: the web process gets facts or a refusal.
"""

import asyncio
import multiprocessing
import resource
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from tone_shootout.rendering.media_info import Kind, Limits, MediaInfo

TIMEOUT_S: Final = 60.0
MEMORY_BYTES: Final = 4 << 30
"""Address space of the process: the longest DI track in stereo at 192 kHz fits."""
AT_ONCE: Final = 2
TEXT_LENGTH: Final = 200
"""Longest text that is kept of what a file says about itself."""

MEDIA_TYPES: Final = {
    "wav": "audio/wav",
    "w64": "audio/x-w64",
    "caf": "audio/x-caf",
    "aiff": "audio/aiff",
    "flac": "audio/flac",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "mov": "audio/mp4",
}


class Examined(Struct, tag=True, kw_only=True):
    """A file that can be used."""

    facts: MediaInfo
    media_type: str


class Refused(Struct, tag=True, kw_only=True):
    """A file that can't be used, and why."""

    code: str
    detail: str


class MediaProbe:
    """Finds out what uploaded files are."""

    def __init__(self, limits: Limits, *, timeout_s: float = TIMEOUT_S) -> None:
        self._limits = limits
        self._timeout_s = timeout_s
        self._places = asyncio.Semaphore(AT_ONCE)
        # A server process that has the decoders imported and forks: 10 ms a file instead of a second.
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([__name__, "tone_shootout.rendering.engine.sources"])

    async def examine(self, path: Path, kind: Kind) -> Examined | Refused:
        """Decode or load all of a file, without blocking the event loop."""
        async with self._places:
            return await asyncio.to_thread(self._examine, path, kind)

    def _examine(self, path: Path, kind: Kind) -> Examined | Refused:
        receiver, sender = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_work, args=(sender, str(path), kind, self._limits), daemon=True)
        with receiver:
            with sender:
                process.start()
            try:
                if not receiver.poll(self._timeout_s):
                    return Refused(code="undecodable", detail=f"decoding took more than {self._timeout_s:g} seconds")
                return msgspec.json.decode(receiver.recv_bytes(), type=Examined | Refused)
            except EOFError:
                return Refused(code="undecodable", detail="the decoder broke down over this file")
            finally:
                process.kill()
                process.join()
                process.close()


def _work(sender: Connection, path: str, kind: Kind, limits: Limits) -> None:
    """Answer with what the file is. Runs in the other process."""
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with sender, suppress(BrokenPipeError):
        sender.send_bytes(msgspec.json.encode(_look(Path(path), kind, limits)))


def _look(path: Path, kind: Kind, limits: Limits) -> Examined | Refused:
    from tone_shootout.audio.containers import recognise
    from tone_shootout.rendering.engine.sources import SourceError, probe

    try:
        facts = probe(path, kind, limits=limits)
    except SourceError as error:
        return Refused(code=error.code, detail=error.detail)
    except MemoryError:
        return Refused(code="too_large", detail="decoding takes more memory than there is for one file")
    if kind == "capture":
        return Examined(facts=_plain(facts), media_type="application/json")
    with path.open("rb") as file:
        return Examined(facts=facts, media_type=MEDIA_TYPES[recognise(file)])


def _plain(facts: MediaInfo) -> MediaInfo:
    """Take out of a file's words about itself what a database or a page could choke on."""
    texts: dict[str, Any] = {
        name: "".join(sign for sign in value if sign.isprintable())[:TEXT_LENGTH]
        for name, value in msgspec.structs.asdict(facts).items()
        if isinstance(value, str)
    }
    return msgspec.structs.replace(facts, **texts)
