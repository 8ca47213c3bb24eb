"""`shootout inspect`: properties of captures, impulse responses and audio files."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

if TYPE_CHECKING:
    from tone_shootout.audio.nam import NamModel
    from tone_shootout.audio.notices import FileNotice
    from tone_shootout.cli._files import FileReport


TRIAL_FAILED = "expected output for noise of -20 dBFS; the file is damaged or was exported incorrectly"


@click.command("inspect")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Write JSON: a list with an object per file.")
def command(files: tuple[Path, ...], as_json: bool) -> None:
    """Show properties of captures (.nam), impulse responses and audio files. Each file is decoded completely."""
    from tone_shootout.cli._files import report_files

    report_files(files, _inspect, as_json=as_json, table=_table)


def _inspect(path: Path) -> "FileReport":
    from tone_shootout.cli._files import is_capture

    return _capture(path) if is_capture(path) else _audio(path)


def _capture(path: Path) -> "FileReport":
    import msgspec

    from tone_shootout.rendering.engine.sources import decode_capture, probe, read_source
    from tone_shootout.rendering.media_info import DEFAULT_LIMITS, CaptureInfo
    from tone_shootout.rendering.notices import gear_notice

    info = probe(path, "capture")
    notice = gear_notice(info) if isinstance(info, CaptureInfo) else None
    media_info: dict[str, Any] = msgspec.to_builtins(info)
    media_info["notices"] = [] if notice is None else [msgspec.to_builtins(notice)]
    del media_info["kind"], media_info["catalog_gear"]
    capture = decode_capture(read_source(path, max_bytes=DEFAULT_LIMITS.max_capture_bytes))
    metadata = msgspec.structs.asdict(capture.metadata)
    return {
        "type": "capture",
        **media_info,
        "version": capture.version,
        "times_real_time": round(_speed(capture), 1),
        "metadata": {k: v for k, v in metadata.items() if v is not None},
    }


def _speed(capture: "NamModel") -> float:
    """Return the seconds of audio that the capture renders per second of one core, measured with noise."""
    from time import process_time

    import numpy as np

    from tone_shootout.audio.nam import NamError
    from tone_shootout.rendering.engine.sources import SourceError

    rate = round(capture.sample_rate)
    noise = (0.1 * np.random.default_rng(0).standard_normal(rate // 2)).astype(np.float32)
    try:
        run = capture.start()
        run.process(noise)
        started = process_time()
        run.process(noise)
    except NamError as error:
        raise SourceError(error.code, f"{error}: {TRIAL_FAILED}") from None
    return 0.5 / max(process_time() - started, 1e-6)


def _audio(path: Path) -> "FileReport":
    import hashlib

    import msgspec
    import numpy as np

    from tone_shootout.audio.containers import NAMES, detect_format
    from tone_shootout.audio.files import read_audio
    from tone_shootout.audio.signals import decibels
    from tone_shootout.rendering.engine.sources import LONGEST_SECONDS

    audio = read_audio(path, max_seconds=LONGEST_SECONDS)
    channels, samples = audio.samples.shape
    as_di_track, as_recording = _usable(path, "di_track")
    as_cab_ir, as_response = _usable(path, "cab_ir")
    with path.open("rb") as file:
        container = detect_format(file)
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "type": "audio",
        "sha256": sha256,
        "size_bytes": path.stat().st_size,
        "format": NAMES[container],
        "channels": channels,
        "sample_rate_hz": audio.rate,
        "samples": samples,
        "duration_s": samples / audio.rate,
        "peak_dbfs": decibels(float(np.abs(audio.samples).max())),
        "as_di_track": as_di_track,
        "as_cab_ir": as_cab_ir,
        "notices": [msgspec.to_builtins(notice) for notice in dict.fromkeys((*as_recording, *as_response))],
    }


def _usable(path: Path, kind: "Literal['di_track', 'cab_ir']") -> "tuple[dict[str, Any], tuple[FileNotice, ...]]":
    """Return whether a file can be used as a DI track or a cab IR, and the notices that apply then."""
    from tone_shootout.rendering.engine.sources import SourceError, probe
    from tone_shootout.rendering.media_info import CabIrInfo, DiTrackInfo

    try:
        info = probe(path, kind)
    except SourceError as error:
        return {"usable": False, "detail": error.detail}, ()
    if isinstance(info, CabIrInfo) and info.stereo:
        detail = 'in stereo, or with channel set to "left", "right" or "mean": its sides differ'
        return {"usable": True, "detail": detail}, info.notices
    if isinstance(info, DiTrackInfo) and info.cancels:
        detail = 'with channel set to "left" or "right": its sides cancel'
        return {"usable": True, "detail": detail}, info.notices
    return {"usable": True, "detail": None}, info.notices


def _table(answers: "list[FileReport]") -> str:
    return "\n\n".join(_entry(found) for found in answers)


def _entry(found: "FileReport") -> str:
    metadata = found.get("metadata")
    lists = ("metadata", "notices", "parts", "sizes")
    rows = {name: value for name, value in found.items() if name not in ("file", *lists)}
    for number, part in enumerate(_dicts(found.get("parts")), start=1):
        rows[f"part.{number}"] = _part(part)
    for size in _dicts(found.get("sizes")):
        rows[f"size below {size['below']:g}"] = _levels(size)
    notices = found.get("notices")
    if isinstance(notices, list):
        rows |= {f"notice.{notice['code']}": notice["detail"] for notice in notices}
    if isinstance(metadata, dict):
        rows |= {f"metadata.{name}": value for name, value in metadata.items()}
    width = max(len(name) for name in rows)
    return "\n".join([str(found["file"]), *(f"  {name.ljust(width)}  {_text(value)}" for name, value in rows.items())])


def _dicts(value: object) -> "list[dict[str, Any]]":
    return list(value) if isinstance(value, (list, tuple)) else []


def _part(part: "dict[str, Any]") -> str:
    model = f"{part['architecture']} {part['size_class']}, {part['parameters']} parameters, {_levels(part)}"
    return f"{model} ({part['pointer']})"


def _levels(part: "dict[str, Any]") -> str:
    level = part["input_level_dbu"]
    stated = "input level not stated" if level is None else f"input level {level:g} dBu"
    return f"{part['gear'] or 'gear not stated'}, {stated}"


def _text(value: object) -> str:
    if value is None:
        return "not stated"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        answer, separator = ("yes", ", ") if value["usable"] else ("no", ": ")
        return answer + (f"{separator}{_text(value['detail'])}" if value["detail"] else "")
    if isinstance(value, float):
        return f"{value:.6g}"
    return "".join(char if char.isprintable() else " " for char in str(value))
