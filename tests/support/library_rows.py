"""Rows of a library without files, for tests and benchmarks that render nothing, and a config that uses them."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import msgspec

from tone_shootout.rendering.media_info import CabIrInfo, CaptureInfo, DiTrackInfo
from tone_shootout.shootouts.library.models import LibraryItem


def library_items(owner_id: UUID) -> list[LibraryItem]:
    """A DI track, a capture and a cab IR."""
    return [_row(owner_id, info) for info in _media_info()]


def typical_config(items: Mapping[str, str]) -> dict[str, Any]:
    """A config as it is typical: two DI tracks, three chains."""
    cab = {"type": "cab_ir", "asset": items["cab_ir"], "high_cut_hz": 9000.0}
    eq = {"type": "eq", "bands": [{"type": "highpass", "frequency_hz": 80.0}, {"type": "peak", "frequency_hz": 3000.0}]}

    def chain(name: str, gain_db: float, *further: Mapping[str, Any]) -> dict[str, Any]:
        amp = {"type": "capture", "asset": items["capture"], "gear": "amp", "input_gain_db": gain_db}
        return {"name": name, "blocks": [amp, cab, *further]}

    return {
        "title": "Three levels",
        "di_tracks": [
            {"name": "Riff", "asset": items["di_track"]},
            {"name": "Chords", "asset": items["di_track"], "start_s": 0.2, "end_s": 0.8},
        ],
        "chains": [chain("Clean", -6.0), chain("Edge", 0.0, eq), chain("High gain", 6.0, eq)],
    }


def _row(owner_id: UUID, info: DiTrackInfo | CaptureInfo | CabIrInfo) -> LibraryItem:
    facts = msgspec.to_builtins(info)
    return LibraryItem(
        id=uuid4(),
        owner_id=owner_id,
        kind=facts["kind"],
        name=f"Some {facts['kind']}",
        notes="",
        tags=["clean", "loud"],
        filename="some.file",
        sha256=info.sha256,
        size=info.size_bytes,
        media_type="audio/wav",
        facts=facts,
    )


def _media_info() -> tuple[DiTrackInfo, CaptureInfo, CabIrInfo]:
    """Media info with numbers as they are published."""
    return (
        DiTrackInfo(
            sha256="1" * 64,
            size_bytes=96_044,
            samples=48_000,
            sample_rate_hz=48_000,
            duration_s=1.0,
            channels=1,
            peak_dbfs=-3.25,
        ),
        CaptureInfo(
            sha256="2" * 64,
            size_bytes=280_000,
            architecture="WaveNet",
            size_class="standard",
            sample_rate_hz=48_000,
            sample_rate_stated=True,
            parameters=13_802,
            receptive_field_samples=4_093,
            slimmable=False,
            gear="amp",
        ),
        CabIrInfo(sha256="3" * 64, size_bytes=4_000, samples=960, sample_rate_hz=48_000, duration_s=0.02),
    )
