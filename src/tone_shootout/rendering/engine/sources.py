"""Files become DI tracks, captures and cab IRs here, under strict bounds.

A file is what decoding it says, never what its name says. `probe` looks once, when a file comes in; rendering reads the
file again and holds it to the hash that was found then.
"""

import hashlib
import math
import unicodedata
from pathlib import Path
from typing import Final

from tone_shootout.audio.convolve import prepare_ir
from tone_shootout.audio.diagnostics import di_notices, ir_notices
from tone_shootout.audio.files import Audio, mono, read_audio
from tone_shootout.audio.nam import Metadata, NamError, NamModel, Part, load
from tone_shootout.audio.sides import Channel, one_response
from tone_shootout.audio.signals import MAX_RATE, MIN_RATE, AudioError, Float32, decibels
from tone_shootout.rendering.media_info import (
    DEFAULT_LIMITS,
    CabIrInfo,
    CaptureInfo,
    DiTrackInfo,
    Kind,
    Limits,
    MediaInfo,
    PartInfo,
    SizeInfo,
)

SILENCE_DBFS: Final = -80.0
"""A recording whose peak is below this holds no playing."""

MAX_LEVEL_DBU: Final = 60.0
"""An input level beyond ±60 dBu is a mistake in the file and counts as not stated."""

MAX_TEXT: Final = 200

MAX_PARTS: Final = 64
"""So many models inside a capture are described."""

LONGEST_SECONDS: Final = 36_000.0
"""Nobody's limits go beyond this; whoever decodes a file again that was probed need not set a lower one."""


class SourceError(ValueError):
    """A file that can't be used.

    Attributes:
        code: stable, for programs.
        detail: one sentence: what was expected and what came.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail

    def __str__(self) -> str:
        return self.detail


def probe(path: Path, kind: Kind, *, limits: Limits = DEFAULT_LIMITS) -> MediaInfo:
    """Find out what a file is by decoding or loading all of it.

    Args:
        path: the file.
        kind: what it is meant to be.
        limits: what is accepted.

    Raises:
        SourceError: `too_large`, `silent`, `unsupported_rate`, or the decoder's or engine's own code
            (`not_audio`, `truncated`, `too_long`, `not_finite`, ...).
        OSError: the file can't be read.
    """
    data = read_source(path, max_bytes=limits.max_bytes(kind))
    sha256 = hashlib.sha256(data).hexdigest()
    if kind == "capture":
        return _capture_info(decode_capture(data), sha256=sha256, size=len(data))
    audio = decode_audio(data, max_seconds=limits.max_seconds(kind))
    samples = audio.samples.shape[1]
    seconds = samples / audio.rate
    if kind == "cab_ir":
        stereo = one_response(audio.samples) is None
        prepare(audio, audio.rate, "left" if stereo else None)
        return CabIrInfo(
            sha256=sha256,
            bytes=len(data),
            samples=samples,
            rate=audio.rate,
            seconds=seconds,
            stereo=stereo,
            padded=audio.padded,
            notices=(*audio.notices, *ir_notices(audio)),
        )
    folded = mono(audio)
    cancels = len(audio.samples) == 2 and _is_silent(folded) and not _is_silent(audio.samples)
    return DiTrackInfo(
        sha256=sha256,
        bytes=len(data),
        samples=samples,
        rate=audio.rate,
        seconds=seconds,
        channels=len(audio.samples),
        peak_dbfs=_audible_peak(audio.samples if cancels else folded),
        cancels=cancels,
        padded=audio.padded,
        notices=(*audio.notices, *di_notices(audio)),
    )


def locate(folder: Path, file: str) -> Path:
    """Return where a file is that may be written in another Unicode form than its name on disk has.

    "é" is one sign or two (NFC, NFD): editors write the one, some file systems and archives have the other. A name that
    is there as it is written is taken as it is.

    Args:
        folder: what a relative path starts from.
        file: the path, as its author wrote it.
    """
    path = folder / file
    if path.exists() or file.isascii():
        return path
    found = Path(path.anchor) if path.is_absolute() else Path()
    for part in path.parts[1 if path.is_absolute() else 0 :]:
        found = found / part if (found / part).exists() else found / _alike(found, part)
    return found if found.exists() else path


def _alike(folder: Path, name: str) -> str:
    """Return the name in a folder that is the same text in another Unicode form, or the name itself."""
    wanted = unicodedata.normalize("NFC", name)
    try:
        same = sorted(each.name for each in folder.iterdir() if unicodedata.normalize("NFC", each.name) == wanted)
    except OSError:
        return name
    return same[0] if same else name


def read_source(path: Path, *, max_bytes: int, sha256: str | None = None) -> bytes:
    """Read a file of at most `max_bytes` bytes, and hold it to its hash where one is given.

    Raises:
        SourceError: `too_large`, or `changed` where the content is not what was probed.
        OSError: the file can't be read.
    """
    with path.open("rb") as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise SourceError("too_large", f"expected a file of at most {max_bytes / 1e6:g} MB, this one is larger")
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise SourceError("changed", "the file changed after it was looked at")
    return data


def decode_audio(data: bytes, *, max_seconds: float = LONGEST_SECONDS) -> Audio:
    """Decode a recording or an impulse response as it is.

    Raises:
        SourceError: as `probe`.
    """
    try:
        return read_audio(data, max_seconds=max_seconds)
    except AudioError as error:
        raise SourceError(error.code, error.detail) from None


def decode_di(data: bytes, *, channel: Channel | None = None) -> tuple[Float32, int]:
    """Decode a DI track to mono samples of shape (T,), full scale ±1, and their rate in Hz.

    Raises:
        SourceError: as `probe`.
    """
    audio = decode_audio(data)
    return mono(audio, channel), audio.rate


def decode_ir(data: bytes, rate: int, *, channel: Channel | None = None) -> Float32:
    """Decode a cab IR and make it ready for `audio.convolve.cab_ir` at `rate` Hz: samples of shape (T,).

    Raises:
        SourceError: as `prepare`.
    """
    return prepare(decode_audio(data), rate, channel)


def prepare(audio: Audio, rate: int, channel: Channel | None) -> Float32:
    """Make a decoded cab IR ready for `audio.convolve.cab_ir` at `rate` Hz: samples of shape (T,).

    Raises:
        SourceError: as `probe`, or `stereo_ir` where its sides differ and `channel` chooses none.
    """
    try:
        return prepare_ir(audio, rate, channel=channel)
    except AudioError as error:
        raise SourceError(error.code, error.detail) from None


def decode_capture(data: bytes) -> NamModel:
    """Load a capture into the engine.

    Raises:
        SourceError: with the engine's code, and a detail that names the place in the file.
    """
    try:
        capture = load(data)
    except NamError as error:
        raise SourceError(error.code, str(error)) from None
    if not MIN_RATE <= capture.sample_rate <= MAX_RATE or capture.sample_rate != int(capture.sample_rate):
        raise SourceError(
            "unsupported_rate",
            f"expected a whole sample rate of {MIN_RATE} to {MAX_RATE} Hz, the capture states {capture.sample_rate:g}",
        )
    return capture


def _capture_info(capture: NamModel, *, sha256: str, size: int) -> CaptureInfo:
    said = capture.metadata
    return CaptureInfo(
        sha256=sha256,
        bytes=size,
        architecture=capture.architecture,
        size_class=capture.size_class,
        sample_rate=int(capture.sample_rate),
        sample_rate_stated=capture.sample_rate_stated,
        parameters=capture.parameters,
        receptive_field=capture.receptive_field,
        slimmable=capture.slimmable,
        name=_text(said.name),
        gear_type=_text(said.gear_type),
        input_level_dbu=_level(said),
        parts=tuple(_part_info(part) for part in capture.parts()[:MAX_PARTS]),
        sizes=_size_info(capture),
    )


def _part_info(part: Part) -> PartInfo:
    return PartInfo(
        pointer=part.pointer,
        architecture=part.architecture,
        size_class=part.size_class,
        parameters=part.parameters,
        receptive_field=part.receptive_field,
        name=_text(part.metadata.name),
        gear_type=_text(part.metadata.gear_type),
        input_level_dbu=_level(part.metadata),
    )


def _size_info(capture: NamModel) -> tuple[SizeInfo, ...]:
    """Return what is said of the submodels of a container; nothing where they are all said to be alike."""
    sizes, lowest = [], 0.0
    for below in capture.steps():
        said = capture.metadata_at(min(max(lowest, 0.0), 1.0))
        sizes.append(SizeInfo(below=below, gear_type=_text(said.gear_type), input_level_dbu=_level(said)))
        lowest = below
    alike = len({(each.gear_type, each.input_level_dbu) for each in sizes}) <= 1
    return () if alike else tuple(sizes)


def _level(said: Metadata) -> float | None:
    """Return the input level that a capture states, dBu; None where it can't be one."""
    level = said.input_level_dbu
    return level if level is not None and abs(level) <= MAX_LEVEL_DBU else None


def _text(text: str | None) -> str | None:
    """Return a text from a file's metadata in a form that can be shown: one line, not too long; None where empty."""
    line = "".join(sign for sign in " ".join((text or "").split()) if sign.isprintable())
    return line[:MAX_TEXT].strip() or None


def _peak_dbfs(samples: Float32) -> float:
    return decibels(max(float(samples.max()), -float(samples.min())))


def _is_silent(samples: Float32) -> bool:
    return _peak_dbfs(samples) < SILENCE_DBFS


def _audible_peak(samples: Float32) -> float:
    peak = _peak_dbfs(samples)
    if peak < SILENCE_DBFS:
        found = "digital silence" if math.isinf(peak) else f"a peak of {peak:.0f} dBFS"
        raise SourceError("silent", f"expected playing above {SILENCE_DBFS:.0f} dBFS, found {found}")
    return peak
