"""Decodes files to DI tracks, captures and cab IRs, within strict limits.

The kind of a file is decided by decoding it, never by its name. `probe` runs once, when a file is uploaded; rendering
reads the file again and checks its hash.
"""

import hashlib
import math
import unicodedata
from pathlib import Path
from typing import Final

from tone_shootout.audio.constants import Channel
from tone_shootout.audio.convolve import prepare_ir, prepare_responses
from tone_shootout.audio.diagnostics import di_notices, ir_notices
from tone_shootout.audio.files import Audio, mono, read_audio
from tone_shootout.audio.nam import Metadata, NamError, NamModel, Part, load
from tone_shootout.audio.sides import single_response
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
    gear_name,
)

SILENCE_DBFS: Final = -80.0
"""Recordings with a lower peak are considered silent."""

MAX_LEVEL_DBU: Final = 60.0
"""Input levels beyond ±60 dBu are mistakes in the file and count as not stated."""

MAX_TEXT: Final = 200
"""Longest text from a file's metadata, characters; longer texts are cut."""

MAX_PARTS: Final = 64
"""Largest number of models inside a capture that are described."""

LONGEST_SECONDS: Final = 36_000.0
"""Upper bound of all limits on duration; sufficient to decode files that were probed before."""


class SourceError(ValueError):
    """A file can't be used.

    Attributes:
        code: stable identifier for programs.
        detail: one-line message for the user.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail

    def __str__(self) -> str:
        return self.detail


def probe(path: Path, kind: Kind, *, limits: Limits = DEFAULT_LIMITS) -> MediaInfo:
    """Decode or load a whole file and return its media info.

    Args:
        path: the file.
        kind: the expected kind.
        limits: limits on size and duration.

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
        stereo = single_response(audio.samples) is None
        prepare(audio, audio.rate, "left" if stereo else None)
        return CabIrInfo(
            sha256=sha256,
            size_bytes=len(data),
            samples=samples,
            sample_rate_hz=audio.rate,
            duration_s=seconds,
            stereo=stereo,
            padded=audio.padded,
            notices=(*audio.notices, *ir_notices(audio)),
        )
    mixed = mono(audio)
    cancels = len(audio.samples) == 2 and _is_silent(mixed) and not _is_silent(audio.samples)
    return DiTrackInfo(
        sha256=sha256,
        size_bytes=len(data),
        samples=samples,
        sample_rate_hz=audio.rate,
        duration_s=seconds,
        channels=len(audio.samples),
        peak_dbfs=_audible_peak(audio.samples if cancels else mixed),
        cancels=cancels,
        padded=audio.padded,
        notices=(*audio.notices, *di_notices(audio)),
    )


def resolve_path(folder: Path, file: str) -> Path:
    """Resolve a path whose name on disk may be in another Unicode normalization form.

    "é" is one code point or two (NFC, NFD): editors write the former, some file systems and archives use the latter. An
    exact match is preferred.

    Args:
        folder: base of relative paths.
        file: path in the spec.

    Returns:
        The matching path, or `folder / file` if there is none.
    """
    path = folder / file
    if path.exists() or file.isascii():
        return path
    found = Path(path.anchor) if path.is_absolute() else Path()
    for part in path.parts[1 if path.is_absolute() else 0 :]:
        found = found / part if (found / part).exists() else found / _match_unicode(found, part)
    return found if found.exists() else path


def _match_unicode(folder: Path, name: str) -> str:
    """Return the name of an entry that is the same text in another Unicode form, or `name` if there is none."""
    normalized = unicodedata.normalize("NFC", name)
    try:
        same = sorted(each.name for each in folder.iterdir() if unicodedata.normalize("NFC", each.name) == normalized)
    except OSError:
        return name
    return same[0] if same else name


def read_source(path: Path, *, max_bytes: int, sha256: str | None = None) -> bytes:
    """Read a file, with checks of its size and hash.

    Args:
        path: the file.
        max_bytes: maximum size in bytes.
        sha256: expected hash in hexadecimal; None for no check.

    Raises:
        SourceError: `too_large`, or `changed` if the content has another hash.
        OSError: the file can't be read.
    """
    with path.open("rb") as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise SourceError("too_large", f"expected a file of at most {max_bytes / 1e6:g} MB, got a larger one")
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise SourceError("changed", "the file has changed since it was probed. Start again with the current file")
    return data


def decode_audio(data: bytes, *, max_seconds: float = LONGEST_SECONDS) -> Audio:
    """Decode a recording or an impulse response.

    Args:
        data: content of the file.
        max_seconds: maximum duration in seconds.

    Returns:
        Unchanged samples, shape (channels, T), full scale ±1, 1 or 2 channels.

    Raises:
        SourceError: as for `probe`.
    """
    try:
        return read_audio(data, max_seconds=max_seconds)
    except AudioError as error:
        raise SourceError(error.code, error.detail) from None


def decode_di(data: bytes, *, channel: Channel | None = None) -> tuple[Float32, int]:
    """Decode a DI track to mono.

    Args:
        data: content of the file.
        channel: channel of a stereo file; None for the rule of `audio.files.mono`.

    Returns:
        Samples, shape (T,), full scale ±1, and their sample rate in Hz.

    Raises:
        SourceError: as for `probe`.
    """
    audio = decode_audio(data)
    return mono(audio, channel), audio.rate


def decode_ir(data: bytes, rate: int, *, channel: Channel | None = None) -> Float32:
    """Decode a cab IR and prepare each of its sides for `audio.convolve.cab_ir`.

    Args:
        data: content of the file.
        rate: sample rate of the chain in Hz.
        channel: channel of a stereo file whose sides differ; None: both.

    Returns:
        Samples at `rate`, shape (T,), or (2, T) for sides that differ if `channel` is None.

    Raises:
        SourceError: as for `probe`.
    """
    audio = decode_audio(data)
    try:
        return prepare_responses(audio, rate, channel=channel)
    except AudioError as error:
        raise SourceError(error.code, error.detail) from None


def prepare(audio: Audio, rate: int, channel: Channel | None) -> Float32:
    """Prepare a decoded cab IR for `audio.convolve.cab_ir`.

    Args:
        audio: decoded cab IR.
        rate: sample rate of the chain in Hz.
        channel: channel of a stereo file whose sides differ.

    Returns:
        Samples, shape (T,), at `rate`.

    Raises:
        SourceError: as for `probe`, or `stereo_ir` if the sides differ and `channel` is None.
    """
    try:
        return prepare_ir(audio, rate, channel=channel)
    except AudioError as error:
        raise SourceError(error.code, error.detail) from None


def decode_capture(data: bytes) -> NamModel:
    """Load a capture.

    Args:
        data: content of the `.nam` file.

    Raises:
        SourceError: with the code of the engine and a detail with the JSON pointer, or `unsupported_rate` for a sample
            rate that is not an integer from 8 to 192 kHz.
    """
    try:
        capture = load(data)
    except NamError as error:
        raise SourceError(error.code, str(error)) from None
    if not MIN_RATE <= capture.sample_rate <= MAX_RATE or capture.sample_rate != int(capture.sample_rate):
        raise SourceError(
            "unsupported_rate",
            f"expected an integer sample rate of {MIN_RATE} to {MAX_RATE} Hz, got {capture.sample_rate:g} Hz",
        )
    return capture


def _capture_info(capture: NamModel, *, sha256: str, size: int) -> CaptureInfo:
    metadata = capture.metadata
    return CaptureInfo(
        sha256=sha256,
        size_bytes=size,
        architecture=capture.architecture,
        size_class=capture.size_class,
        sample_rate_hz=int(capture.sample_rate),
        sample_rate_stated=capture.sample_rate_stated,
        parameters=capture.parameters,
        receptive_field_samples=capture.receptive_field,
        slimmable=capture.slimmable,
        name=_text(metadata.name),
        gear=gear_name(_text(metadata.gear_type)),
        input_level_dbu=_level(metadata),
        parts=tuple(_part_info(part) for part in capture.parts()[:MAX_PARTS]),
        sizes=_size_info(capture),
    )


def _part_info(part: Part) -> PartInfo:
    return PartInfo(
        pointer=part.pointer,
        architecture=part.architecture,
        size_class=part.size_class,
        parameters=part.parameters,
        receptive_field_samples=part.receptive_field,
        name=_text(part.metadata.name),
        gear=gear_name(_text(part.metadata.gear_type)),
        input_level_dbu=_level(part.metadata),
    )


def _size_info(capture: NamModel) -> tuple[SizeInfo, ...]:
    """Return the metadata of a container's submodels, empty if it does not differ between them."""
    sizes, lowest = [], 0.0
    for below in capture.size_limits():
        metadata = capture.metadata_at(min(max(lowest, 0.0), 1.0))
        sizes.append(SizeInfo(below=below, gear=gear_name(_text(metadata.gear_type)), input_level_dbu=_level(metadata)))
        lowest = below
    equal = len({(each.gear, each.input_level_dbu) for each in sizes}) <= 1
    return () if equal else tuple(sizes)


def _level(metadata: Metadata) -> float | None:
    """Return the stated input level, dBu; None if it is missing or implausible."""
    level = metadata.input_level_dbu
    return level if level is not None and abs(level) <= MAX_LEVEL_DBU else None


def _text(text: str | None) -> str | None:
    """Return a text from a file's metadata as one printable line of limited length, None if it is empty."""
    line = "".join(char for char in " ".join((text or "").split()) if char.isprintable())
    return line[:MAX_TEXT].strip() or None


def _peak_dbfs(samples: Float32) -> float:
    return decibels(max(float(samples.max()), -float(samples.min())))


def _is_silent(samples: Float32) -> bool:
    return _peak_dbfs(samples) < SILENCE_DBFS


def _audible_peak(samples: Float32) -> float:
    peak = _peak_dbfs(samples)
    if peak < SILENCE_DBFS:
        found = "digital silence" if math.isinf(peak) else f"a peak of {peak:.0f} dBFS"
        raise SourceError("silent", f"expected a peak above {SILENCE_DBFS:.0f} dBFS, got {found}")
    return peak
