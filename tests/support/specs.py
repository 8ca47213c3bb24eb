"""Specs and facts for the tests of planning: short to write, complete to plan."""

import hashlib
from typing import Any

import msgspec

from tone_shootout.rendering.media_info import CabIrInfo, CaptureInfo, DiTrackInfo, MediaInfo
from tone_shootout.rendering.spec.grid import expand
from tone_shootout.rendering.spec.reading import Format, parse_document
from tone_shootout.rendering.spec.schema import InvalidSpec, Spec


def parse_spec(data: bytes, *, format: Format) -> Spec:  # noqa: A002 - as `parse_document`
    """The spec in a file, with its grid written out; `InvalidSpec` has the errors of either."""
    expansion = expand(parse_document(data, format=format))
    if expansion.errors:
        raise InvalidSpec(expansion.errors)
    return expansion.spec


def digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def di_facts(name: str = "riff.wav", *, samples: int = 480_000, rate: int = 48_000) -> DiTrackInfo:
    return DiTrackInfo(
        sha256=digest(name),
        size_bytes=1000,
        samples=samples,
        sample_rate_hz=rate,
        duration_s=samples / rate,
        channels=1,
        peak_dbfs=-6.0,
    )


def capture_facts(
    name: str = "amp.nam",
    *,
    gear_type: str | None = None,
    rate: int = 48_000,
    input_level_dbu: float | None = None,
    slimmable: bool = False,
) -> CaptureInfo:
    return CaptureInfo(
        sha256=digest(name),
        size_bytes=1000,
        architecture="WaveNet",
        size_class="nano",
        sample_rate_hz=rate,
        sample_rate_stated=True,
        parameters=842,
        receptive_field_samples=4093,
        slimmable=slimmable,
        gear=gear_type,
        input_level_dbu=input_level_dbu,
    )


def ir_facts(name: str = "cab.wav") -> CabIrInfo:
    return CabIrInfo(sha256=digest(name), size_bytes=1000, samples=4410, sample_rate_hz=44_100, duration_s=0.1)


FACTS: dict[str, MediaInfo] = {
    "riff.wav": di_facts("riff.wav"),
    "arpeggio.wav": di_facts("arpeggio.wav", samples=96_000),
    "amp.nam": capture_facts("amp.nam", gear_type="amp"),
    "combo.nam": capture_facts("combo.nam", gear_type="amp_cab"),
    "pedal.nam": capture_facts("pedal.nam", gear_type="pedal"),
    "unknown.nam": capture_facts("unknown.nam"),
    "other.nam": capture_facts("other.nam"),
    "cab.wav": ir_facts("cab.wav"),
    "cab2.wav": ir_facts("cab2.wav"),
}


def blocks(*files: str | dict[str, Any]) -> list[dict[str, Any]]:
    """Make blocks of file names (`.nam`: a capture, `.wav`: a cab IR), other types and whole blocks."""
    made: list[dict[str, Any]] = []
    for file in files:
        if isinstance(file, dict):
            made.append(file)
        else:
            made.append({"type": "capture" if file.endswith(".nam") else "cab_ir", "file": file})
    return made


def spec(
    *chains: list[dict[str, Any]] | dict[str, Any], tracks: list[dict[str, Any]] | None = None, **more: Any
) -> Spec:
    """Make a spec of chains, given as lists of blocks or whole."""
    whole = [
        chain if isinstance(chain, dict) else {"name": f"Chain {n}", "blocks": chain} for n, chain in enumerate(chains)
    ]
    document = {"di_tracks": tracks or [{"name": "Riff in E", "file": "riff.wav"}], "chains": whole, **more}
    return msgspec.convert(document, Spec)


def split(*paths: list[dict[str, Any]] | dict[str, Any], **more: Any) -> dict[str, Any]:
    """A split of paths, given as lists of blocks or whole."""
    whole = [path if isinstance(path, dict) else {"blocks": path} for path in paths]
    return {"type": "split", "paths": whole, **more}
