"""Decodes uploads in a separate process, with limits on time and memory.

A hostile file can crash or exhaust only that process. The web process receives media info or a reason for rejection.
"""

import asyncio
import resource
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from tone_shootout.rendering.executor.fork_server import CONTEXT, preload, start_server
from tone_shootout.rendering.media_info import Kind, Limits, MediaInfo

TIMEOUT_S: Final = 60.0
MEMORY_BYTES: Final = 4 << 30
"""Address space of the process: the longest DI track in stereo at 192 kHz fits."""
CONCURRENCY: Final = 2
TEXT_LENGTH: Final = 200
"""Maximum length of each text out of a file's metadata."""

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


class ProbedFile(Struct, tag=True, kw_only=True):
    """A usable file."""

    kind: Kind
    media_info: MediaInfo
    media_type: str


class RejectedFile(Struct, tag=True, kw_only=True):
    """A file that can't be used, with the reason."""

    code: str
    detail: str


class MediaProbe:
    """Decodes uploaded files."""

    def __init__(self, limits: Limits, *, timeout_s: float = TIMEOUT_S) -> None:
        self._limits = limits
        self._timeout_s = timeout_s
        self._slots = asyncio.Semaphore(CONCURRENCY)
        # The server process has imported the decoders already: 10 ms per file instead of a second.
        preload(__name__, "tone_shootout.rendering.engine.sources")

    async def probe(self, path: Path, kind: Kind | None) -> ProbedFile | RejectedFile:
        """Decode a whole file as one of `kind`, None: of the kind that it is, without blocking the event loop."""
        async with self._slots:
            return await asyncio.to_thread(self._probe, path, kind)

    def _probe(self, path: Path, kind: Kind | None) -> ProbedFile | RejectedFile:
        start_server()
        receiver, sender = CONTEXT.Pipe(duplex=False)
        process = CONTEXT.Process(target=_run_probe, args=(sender, str(path), kind, self._limits), daemon=True)
        with receiver:
            with sender:
                process.start()
            try:
                if not receiver.poll(self._timeout_s):
                    return RejectedFile(
                        code="undecodable", detail=f"decoding took more than {self._timeout_s:g} seconds"
                    )
                return msgspec.json.decode(receiver.recv_bytes(), type=ProbedFile | RejectedFile)
            except EOFError:
                return RejectedFile(code="undecodable", detail="the decoder crashed on this file")
            finally:
                process.kill()
                process.join()
                process.close()


def _run_probe(sender: Connection, path: str, kind: Kind | None, limits: Limits) -> None:
    """Send the result of decoding a file. Runs in the other process."""
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with sender, suppress(BrokenPipeError):
        sender.send_bytes(msgspec.json.encode(_decode(Path(path), kind, limits)))


def _decode(path: Path, kind: Kind | None, limits: Limits) -> ProbedFile | RejectedFile:
    from tone_shootout.audio.containers import detect_format
    from tone_shootout.rendering.engine.sources import SourceError, probe

    try:
        kind = kind or _recognize(path, limits)
        media_info = probe(path, kind, limits=limits)
    except SourceError as error:
        return RejectedFile(code=error.code, detail=error.detail)
    except MemoryError:
        return RejectedFile(code="too_large", detail="decoding takes more memory than one file may use")
    if kind == "capture":
        return ProbedFile(kind=kind, media_info=_sanitize(media_info), media_type="application/json")
    with path.open("rb") as file:
        return ProbedFile(kind=kind, media_info=media_info, media_type=MEDIA_TYPES[detect_format(file)])


def _recognize(path: Path, limits: Limits) -> Kind:
    """Return the kind of a file: a capture is JSON, a sound file is an impulse response or a recording.

    Raises:
        SourceError: it is no sound file or can't be read.
    """
    from tone_shootout.audio.recognition import is_impulse_response
    from tone_shootout.rendering.engine.sources import decode_audio, read_source

    with path.open("rb") as file:
        if file.read(1024).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{":  # as no sound file begins
            return "capture"
    audio = decode_audio(read_source(path, max_bytes=limits.max_upload_bytes), max_seconds=limits.max_di_seconds)
    return "cab_ir" if is_impulse_response(audio) else "di_track"


def _sanitize(media_info: MediaInfo) -> MediaInfo:
    """Remove control characters from metadata texts, which a database or an HTML page can't hold, and shorten them."""
    texts: dict[str, Any] = {
        name: "".join(char for char in value if char.isprintable())[:TEXT_LENGTH]
        for name, value in msgspec.structs.asdict(media_info).items()
        if isinstance(value, str)
    }
    return msgspec.structs.replace(media_info, **texts)
