"""Media info of DI tracks, captures and cab IRs: plain data that `sources.probe` returns.

A plan is made from media info alone, without access to the files.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from tone_shootout.audio.notices import FileNotice

Kind = Literal["di_track", "capture", "cab_ir"]
KIND_WORDS: Final[Mapping[Kind, str]] = {"di_track": "DI track", "capture": "capture", "cab_ir": "cab IR"}

FileNotices = Annotated[tuple[FileNotice, ...], Meta(description="Likely mistakes in the file; it is used unchanged.")]


def gear_name(text: str | None) -> str | None:
    """Return a gear type as this program spells it: `amp_cab` for “Amp-Cab”; None for None and blank text."""
    return re.sub(r"[-\s]+", "_", (text or "").strip().lower()) or None


class Limits(Struct, frozen=True, kw_only=True):
    """Limits on the size of files and of shootouts."""

    max_upload_bytes: int = 200_000_000
    max_capture_bytes: int = 16_000_000
    max_di_seconds: float = 600.0
    max_ir_seconds: float = 10.0
    di_tracks: int = 8
    chains: int = 16
    segments: int = 64

    def max_bytes(self, kind: Kind) -> int:
        """Return the maximum file size in bytes."""
        return self.max_capture_bytes if kind == "capture" else self.max_upload_bytes

    def max_seconds(self, kind: Literal["di_track", "cab_ir"]) -> float:
        """Return the maximum duration in seconds."""
        return self.max_di_seconds if kind == "di_track" else self.max_ir_seconds


DEFAULT_LIMITS = Limits()


class DiTrackInfo(Struct, frozen=True, kw_only=True, tag_field="kind", tag="di_track"):
    """Media info of a DI track."""

    sha256: Annotated[str, Meta(description="SHA-256 of the file.")]
    size_bytes: Annotated[int, Meta(description="Size of the file in bytes.")]
    samples: Annotated[int, Meta(description="Number of samples in each channel.")]
    sample_rate_hz: Annotated[int, Meta(description="Sample rate, Hz.")]
    duration_s: Annotated[float, Meta(description="Duration, seconds.")]
    channels: Annotated[int, Meta(description="Number of channels in the file.")]
    peak_dbfs: Annotated[float, Meta(description="Peak in mono, dBFS; of the louder side if `cancels`.")]
    cancels: Annotated[
        bool, Meta(description="Whether the sides cancel to silence, so that `channel` has to select one.")
    ] = False
    padded: Annotated[
        bool, Meta(description="Whether samples are at least one byte smaller than their containers.")
    ] = False
    notices: FileNotices = ()


class PartInfo(Struct, frozen=True, kw_only=True):
    """Media info of a model inside a capture: one size of a container, or one stage of a Sequential."""

    pointer: Annotated[str, Meta(description="JSON pointer to the model in the file.", examples=["/config/models/0"])]
    architecture: Annotated[str, Meta(description="Architecture of the network.")]
    size_class: Annotated[str, Meta(description="Size class of the network.")]
    parameters: Annotated[int, Meta(description="Number of weights.")]
    receptive_field_samples: Annotated[int, Meta(description="Receptive field, samples.")]
    name: Annotated[str | None, Meta(description="Name in the file.")] = None
    gear: Annotated[str | None, Meta(description="Gear type in the file, such as `amp_cab`.")] = None
    input_level_dbu: Annotated[float | None, Meta(description="Input level of a sine that peaks at 0 dBFS, dBu.")] = (
        None
    )


class SizeInfo(Struct, frozen=True, kw_only=True):
    """Media info of a slimmable capture for a range of sizes."""

    below: Annotated[
        float,
        Meta(
            description="Upper limit of the range of sizes, exclusive.",
            examples=[0.5],
        ),
    ]
    gear: Annotated[str | None, Meta(description="Gear type in the file, such as `amp_cab`.")] = None
    input_level_dbu: Annotated[float | None, Meta(description="Input level of a sine that peaks at 0 dBFS, dBu.")] = (
        None
    )


class CaptureInfo(Struct, frozen=True, kw_only=True, tag_field="kind", tag="capture"):
    """Media info of a capture.

    `name`, `gear` and `input_level_dbu` come from the file's metadata at full size; `sizes` has their values at
    other sizes and is empty if they do not differ.
    """

    sha256: Annotated[str, Meta(description="SHA-256 of the file.")]
    size_bytes: Annotated[int, Meta(description="Size of the file in bytes.")]
    architecture: Annotated[str, Meta(description="Architecture of the network.")]
    size_class: Annotated[str, Meta(description="Size class of the network.")]
    sample_rate_hz: Annotated[int, Meta(description="Sample rate of the capture, Hz.")]
    sample_rate_stated: Annotated[
        bool, Meta(description="Whether the file states its sample rate; otherwise 48 kHz is assumed.")
    ]
    parameters: Annotated[int, Meta(description="Number of weights.")]
    receptive_field_samples: Annotated[int, Meta(description="Receptive field, samples.")]
    slimmable: Annotated[bool, Meta(description="Whether the capture has more than one size.")]
    name: Annotated[str | None, Meta(description="Name in the file.")] = None
    gear: Annotated[str | None, Meta(description="Gear type in the file, such as `amp_cab`.")] = None
    input_level_dbu: Annotated[float | None, Meta(description="Input level of a sine that peaks at 0 dBFS, dBu.")] = (
        None
    )
    catalog_gear: Annotated[
        str | None, Meta(description="Gear type as you or TONE3000 state it; precedes that of the file.")
    ] = None
    parts: Annotated[tuple[PartInfo, ...], Meta(description="Models inside the capture, up to 64.")] = ()
    sizes: Annotated[
        tuple[SizeInfo, ...], Meta(description="Metadata that differs at other sizes, smallest first.")
    ] = ()
    notices: FileNotices = ()

    def gear_at(self, size: float | None) -> str | None:
        """Return the gear type in the file at a size, None if not stated."""
        found = self._at(size)
        return self.gear if found is None else found.gear

    def level_at(self, size: float | None) -> float | None:
        """Return the input level at a size, dBu; None if not stated."""
        found = self._at(size)
        return self.input_level_dbu if found is None else found.input_level_dbu

    def _at(self, size: float | None) -> SizeInfo | None:
        if size is None or not self.sizes:
            return None
        return next((each for each in self.sizes if size < each.below), self.sizes[-1])


class CabIrInfo(Struct, frozen=True, kw_only=True, tag_field="kind", tag="cab_ir"):
    """Media info of a cab IR."""

    sha256: Annotated[str, Meta(description="SHA-256 of the file.")]
    size_bytes: Annotated[int, Meta(description="Size of the file in bytes.")]
    samples: Annotated[int, Meta(description="Number of samples in each channel.")]
    sample_rate_hz: Annotated[int, Meta(description="Sample rate, Hz.")]
    duration_s: Annotated[float, Meta(description="Duration, seconds.")]
    stereo: Annotated[bool, Meta(description="Whether the sides differ: without `channel`, the IR is stereo.")] = False
    padded: Annotated[
        bool, Meta(description="Whether samples are at least one byte smaller than their containers.")
    ] = False
    notices: FileNotices = ()


MediaInfo = DiTrackInfo | CaptureInfo | CabIrInfo
"""Tagged union of the media info of all kinds: `msgspec.json.decode(..., type=MediaInfo)` reads it from JSON."""


_KINDS: Final[Mapping[type[MediaInfo], Kind]] = {
    DiTrackInfo: "di_track",
    CaptureInfo: "capture",
    CabIrInfo: "cab_ir",
}


def kind_of(info: MediaInfo) -> Kind:
    """Return the kind of the file that media info is about."""
    return _KINDS[type(info)]
