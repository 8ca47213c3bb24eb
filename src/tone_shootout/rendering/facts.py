"""What is known of DI tracks, captures and cab IRs once they have been decoded: plain data, made by `sources.probe`.

A plan is made of facts alone, long after the files were looked at and without them.
"""

from typing import Literal

from msgspec import Struct

Kind = Literal["di_track", "capture", "cab_ir"]


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


class DiFacts(Struct, frozen=True, kw_only=True, tag_field="kind", tag="di_track"):
    """A dry recording: SHA-256 and size of the file, samples per channel at `rate` Hz, its peak in mono."""

    sha256: str
    bytes: int
    samples: int
    rate: int
    seconds: float
    channels: int
    peak_dbfs: float


class CaptureFacts(Struct, frozen=True, kw_only=True, tag_field="kind", tag="capture"):
    """A neural model of gear.

    `sample_rate` is what it runs at, in Hz, and `sample_rate_stated` whether the file says so. `name`, `gear_type` and
    `input_level_dbu` (level of a sine whose peak is 0 dBFS) come from the file's metadata, None where it has none.
    """

    sha256: str
    bytes: int
    architecture: str
    size_class: str
    sample_rate: int
    sample_rate_stated: bool
    parameters: int
    receptive_field: int
    slimmable: bool
    name: str | None = None
    gear_type: str | None = None
    input_level_dbu: float | None = None


class IrFacts(Struct, frozen=True, kw_only=True, tag_field="kind", tag="cab_ir"):
    """The impulse response of a cabinet: `samples` at `rate` Hz."""

    sha256: str
    bytes: int
    samples: int
    rate: int
    seconds: float


Facts = DiFacts | CaptureFacts | IrFacts
"""A tagged union: `msgspec.json.decode(..., type=Facts)` reads back what was kept as JSON."""
