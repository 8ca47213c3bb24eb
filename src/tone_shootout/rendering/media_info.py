"""What is known of DI tracks, captures and cab IRs once they have been decoded: plain data, made by `sources.probe`.

A plan is made of facts alone, long after the files were looked at and without them.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from tone_shootout.audio.notices import FileNotice

Kind = Literal["di_track", "capture", "cab_ir"]

FileNotices = Annotated[
    tuple[FileNotice, ...], Meta(description="What its author most likely did not mean; it is used as it is.")
]


class Limits(Struct, frozen=True, kw_only=True):
    """What is accepted: sizes of files, and of shootouts."""

    max_upload_bytes: int = 200_000_000
    max_capture_bytes: int = 16_000_000
    max_di_seconds: float = 600.0
    max_ir_seconds: float = 10.0
    di_tracks: int = 8
    chains: int = 16
    segments: int = 64

    def max_bytes(self, kind: Kind) -> int:
        """Return the largest file of a kind."""
        return self.max_capture_bytes if kind == "capture" else self.max_upload_bytes

    def max_seconds(self, kind: Literal["di_track", "cab_ir"]) -> float:
        """Return the longest recording of a kind."""
        return self.max_di_seconds if kind == "di_track" else self.max_ir_seconds


DEFAULT_LIMITS = Limits()


class DiTrackInfo(Struct, frozen=True, kw_only=True, tag_field="kind", tag="di_track"):
    """A dry recording: SHA-256 and size of the file, samples per channel at `rate` Hz, its peak in mono."""

    sha256: Annotated[str, Meta(description="SHA-256 of the file.")]
    bytes: Annotated[int, Meta(description="Size of the file.")]
    samples: Annotated[int, Meta(description="Samples in each channel.")]
    rate: Annotated[int, Meta(description="Sample rate, Hz.")]
    seconds: Annotated[float, Meta(description="Length, seconds.")]
    channels: Annotated[int, Meta(description="Channels in the file.")]
    peak_dbfs: Annotated[float, Meta(description="Peak, once folded to mono, dBFS; of a side where `cancels`.")]
    cancels: Annotated[
        bool, Meta(description="Whether its sides cancel to silence, so that `channel` has to choose one of them.")
    ] = False
    padded: Annotated[
        bool, Meta(description="Whether its samples have at least a byte less than their containers.")
    ] = False
    notices: FileNotices = ()


class PartInfo(Struct, frozen=True, kw_only=True):
    """A model inside a capture: of a container one of its sizes, of a Sequential one of those that play in a row."""

    pointer: Annotated[str, Meta(description="JSON pointer to its place in the file.", examples=["/config/models/0"])]
    architecture: Annotated[str, Meta(description="The network's architecture.")]
    size_class: Annotated[str, Meta(description="Its size among those of its kind.")]
    parameters: Annotated[int, Meta(description="Weights in the network.")]
    receptive_field: Annotated[int, Meta(description="How many samples back it listens.")]
    name: Annotated[str | None, Meta(description="What the file calls it.")] = None
    gear_type: Annotated[str | None, Meta(description="What the file says that it is a capture of.")] = None
    input_level_dbu: Annotated[
        float | None, Meta(description="Level of a sine whose peak is 0 dBFS at its input, dBu.")
    ] = None


class SizeInfo(Struct, frozen=True, kw_only=True):
    """What is said of a container's capture at the sizes below a limit."""

    below: Annotated[float, Meta(description="Sizes below this, and not below the limit before it.", examples=[0.5])]
    gear_type: Annotated[str | None, Meta(description="What the file says that it is a capture of.")] = None
    input_level_dbu: Annotated[
        float | None, Meta(description="Level of a sine whose peak is 0 dBFS at its input, dBu.")
    ] = None


class CaptureInfo(Struct, frozen=True, kw_only=True, tag_field="kind", tag="capture"):
    """A neural model of gear.

    `sample_rate` is what it runs at, in Hz, and `sample_rate_stated` whether the file says so. `name`, `gear_type` and
    `input_level_dbu` (level of a sine whose peak is 0 dBFS) come from the file's metadata at full size, None where it
    has none; `sizes` is what they are at others, empty where they are the same. `catalog_gear` is what the catalogue
    that the file was imported from calls the gear.
    """

    sha256: Annotated[str, Meta(description="SHA-256 of the file.")]
    bytes: Annotated[int, Meta(description="Size of the file.")]
    architecture: Annotated[str, Meta(description="The network's architecture.")]
    size_class: Annotated[str, Meta(description="Its size among those of its kind.")]
    sample_rate: Annotated[int, Meta(description="Rate that it runs at, Hz.")]
    sample_rate_stated: Annotated[bool, Meta(description="Whether the file says so; otherwise 48 kHz is assumed.")]
    parameters: Annotated[int, Meta(description="Weights in the network.")]
    receptive_field: Annotated[int, Meta(description="How many samples back it listens.")]
    slimmable: Annotated[bool, Meta(description="Whether it has more than one size.")]
    name: Annotated[str | None, Meta(description="What the file calls itself.")] = None
    gear_type: Annotated[str | None, Meta(description="What the file says that it is a capture of.")] = None
    input_level_dbu: Annotated[
        float | None, Meta(description="Level of a sine whose peak is 0 dBFS at its input, dBu.")
    ] = None
    catalog_gear: Annotated[
        str | None, Meta(description="What TONE3000 says that it is a capture of; goes before the file's own word.")
    ] = None
    parts: Annotated[tuple[PartInfo, ...], Meta(description="The models that it is made of, up to 64.")] = ()
    sizes: Annotated[tuple[SizeInfo, ...], Meta(description="What differs at other sizes, the smallest first.")] = ()
    notices: FileNotices = ()

    def gear_at(self, size: float | None) -> str | None:
        """Return what the file says that the capture is of, at a size."""
        found = self._at(size)
        return self.gear_type if found is None else found.gear_type

    def level_at(self, size: float | None) -> float | None:
        """Return the input level of the model that plays at a size, dBu; None: not stated."""
        found = self._at(size)
        return self.input_level_dbu if found is None else found.input_level_dbu

    def _at(self, size: float | None) -> SizeInfo | None:
        if size is None or not self.sizes:
            return None
        return next((each for each in self.sizes if size < each.below), self.sizes[-1])


class CabIrInfo(Struct, frozen=True, kw_only=True, tag_field="kind", tag="cab_ir"):
    """The impulse response of a cabinet: `samples` at `rate` Hz."""

    sha256: Annotated[str, Meta(description="SHA-256 of the file.")]
    bytes: Annotated[int, Meta(description="Size of the file.")]
    samples: Annotated[int, Meta(description="Samples in each channel.")]
    rate: Annotated[int, Meta(description="Sample rate, Hz.")]
    seconds: Annotated[float, Meta(description="Length, seconds.")]
    stereo: Annotated[
        bool, Meta(description="Whether its sides differ, so that `channel` has to choose one of them.")
    ] = False
    padded: Annotated[
        bool, Meta(description="Whether its samples have at least a byte less than their containers.")
    ] = False
    notices: FileNotices = ()


MediaInfo = DiTrackInfo | CaptureInfo | CabIrInfo
"""A tagged union: `msgspec.json.decode(..., type=MediaInfo)` reads back what was kept as JSON."""
