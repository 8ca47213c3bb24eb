"""A shootout as its author writes it: DI tracks, chains and the level they are brought to.

`Spec` is what a spec file holds. The REST `config` has the same shape with `asset` ids where files stand: both derive
from the structs named `…Base`, so that a field is described once.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from tone_shootout import validation
from tone_shootout.audio.sides import Channel
from tone_shootout.rendering.spec.pointers import di_track_pointer

SCHEMA: Final = 1

ONE_LINE: Final = validation.ONE_LINE

Name = Annotated[str, Meta(min_length=1, max_length=80, pattern=ONE_LINE)]
Decibels = Annotated[float, Meta(ge=-60.0, le=60.0)]
Hertz = Annotated[float, Meta(ge=1.0, le=96_000.0)]
Seconds = Annotated[float, Meta(gt=0.0, le=36_000.0)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]

Override = Literal["no_amp", "multiple_amps", "no_cab", "ir_required", "ir_forbidden", "multiple_irs", "invalid_order"]
"""A rule of the chain grammar that an author sets aside on purpose; `no_cab` is another word for `ir_required`."""


class SpecError(ValueError):
    """Something in a spec that can't be used.

    Attributes:
        code: stable, for programs.
        pointer: JSON pointer (RFC 6901) to the place.
        detail: one sentence: what was expected and what came.
    """

    def __init__(self, code: str, pointer: str, detail: str) -> None:
        super().__init__(f"{validation.printable_line(pointer) or '/'}: {detail} ({code})")
        self.code = code
        self.pointer = pointer
        self.detail = detail


class _Config(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True, omit_defaults=False):
    """What all parts of a spec have in common: unknown keys are refused."""


class Level(_Config, kw_only=True, frozen=True):
    """The one loudness of all segments and the true peak that none of them exceeds."""

    target_lufs: Annotated[
        float, Meta(ge=-40.0, le=-5.0, description="Requested integrated loudness, LUFS.", examples=[-16.0])
    ] = -16.0
    ceiling_dbtp: Annotated[
        float, Meta(ge=-20.0, le=0.0, description="Highest true peak, dBTP.", examples=[-1.0])
    ] = -1.0


class DiTrackBase(_Config, kw_only=True, frozen=True):
    """A dry recording, or a slice of one."""

    name: Annotated[Name, Meta(description="What it is called in results.", examples=["Riff in E"])]
    calibration_dbu: Annotated[
        Decibels | None, Meta(description="Level of the interface: dBu at 0 dBFS.", examples=[12.2])
    ] = None
    start_s: Annotated[float, Meta(ge=0.0, description="Where the slice starts, seconds.", examples=[0.0])] = 0.0
    end_s: Annotated[
        Seconds | None,
        Meta(description="Where the slice ends, seconds; absent: at the end.", examples=[8.0]),
    ] = None
    channel: Annotated[
        Channel | None,
        Meta(
            description="Side of a stereo file; absent: the side that is played, or the mean of both.",
            examples=["left"],
        ),
    ] = None


class BlockBase(_Config, kw_only=True, frozen=True, tag_field="type"):
    """One element of a chain."""

    bypass: Annotated[bool, Meta(description="Leave this block out, without taking it from the chain.")] = False


class CaptureBase(BlockBase, kw_only=True, frozen=True, tag="capture"):
    """A neural model of gear."""

    input_gain_db: Annotated[Decibels, Meta(description="Gain in front of the capture, dB.", examples=[0.0])] = 0.0
    size: Annotated[
        Share | None, Meta(description="Size of a slimmable capture, 0 to 1; absent: full.", examples=[1.0])
    ] = None
    gear: Annotated[
        Literal["amp", "amp_cab", "pedal", "pedal_amp", "amp_pedal_cab", "preamp", "studio"] | None,
        Meta(
            description="What the capture is of, where its own metadata is missing or wrong.",
            examples=["amp"],
        ),
    ] = None


class CabIrBase(BlockBase, kw_only=True, frozen=True, tag="cab_ir"):
    """The impulse response of a cabinet."""

    channel: Annotated[
        Channel | None,
        Meta(
            description="Side of a stereo file whose sides differ; has no effect on a file that holds one response.",
            examples=["left"],
        ),
    ] = None
    mix: Annotated[Share, Meta(description="Share of the cabinet in the sound.", examples=[1.0])] = 1.0
    low_cut_hz: Annotated[Hertz | None, Meta(description="High-pass behind the cabinet, Hz.", examples=[70.0])] = None
    high_cut_hz: Annotated[Hertz | None, Meta(description="Low-pass behind it, Hz.", examples=[9000.0])] = None


class GainBlock(BlockBase, kw_only=True, frozen=True, tag="gain"):
    """A plain change of level."""

    db: Annotated[Decibels, Meta(description="Gain, dB.", examples=[-3.0])]


class Band(_Config, kw_only=True, frozen=True):
    """One filter of an equaliser."""

    kind: Annotated[
        Literal["highpass", "lowpass", "low_shelf", "high_shelf", "peak"],
        Meta(description="Which kind of filter.", examples=["peak"]),
    ]
    hz: Annotated[Hertz, Meta(description="Corner or centre, Hz.", examples=[3000.0])]
    db: Annotated[float, Meta(ge=-24.0, le=24.0, description="Gain of a shelf or peak, dB.", examples=[2.0])] = 0.0
    q: Annotated[float, Meta(ge=0.1, le=20.0, description="Quality factor.", examples=[0.9])] = 0.7071067811865476


class EqBlock(BlockBase, kw_only=True, frozen=True, tag="eq"):
    """Filters one after the other."""

    bands: Annotated[tuple[Band, ...], Meta(min_length=1, max_length=16, description="The filters, in order.")]


class CompressorBlock(BlockBase, kw_only=True, frozen=True, tag="compressor"):
    """A feed-forward compressor."""

    threshold_db: Annotated[float, Meta(ge=-60.0, le=0.0, description="Threshold, dBFS.", examples=[-24.0])] = -24.0
    ratio: Annotated[float, Meta(ge=1.0, le=100.0, description="Ratio, to one.", examples=[4.0])] = 4.0
    attack_ms: Annotated[float, Meta(ge=0.1, le=500.0, description="Attack, ms.", examples=[10.0])] = 10.0
    release_ms: Annotated[float, Meta(ge=1.0, le=5000.0, description="Release, ms.", examples=[120.0])] = 120.0


class NoiseGateBlock(BlockBase, kw_only=True, frozen=True, tag="noise_gate"):
    """A gate that closes below its threshold."""

    threshold_db: Annotated[float, Meta(ge=-100.0, le=0.0, description="Threshold, dBFS.", examples=[-60.0])] = -60.0


class DelayBlock(BlockBase, kw_only=True, frozen=True, tag="delay"):
    """Repeats. The tail is cut where the DI track ends."""

    ms: Annotated[float, Meta(ge=1.0, le=5000.0, description="Time between repeats, ms.", examples=[380.0])]
    feedback: Annotated[
        float, Meta(ge=0.0, le=0.95, description="Level of each repeat to the one before.", examples=[0.3])
    ] = 0.3
    mix: Annotated[Share, Meta(description="Share of the repeats in the sound.", examples=[0.25])] = 0.25


class ReverbBlock(BlockBase, kw_only=True, frozen=True, tag="reverb"):
    """A room. The tail is cut where the DI track ends."""

    kind: Annotated[Literal["room", "hall", "plate", "spring"], Meta(description="Which kind of room.")] = "room"
    mix: Annotated[Share, Meta(description="Share of the room in the sound.", examples=[0.2])] = 0.2
    decay_s: Annotated[float, Meta(ge=0.1, le=10.0, description="Time to fall by 60 dB, seconds.", examples=[1.2])] = (
        1.2
    )


class ChainBase(_Config, kw_only=True, frozen=True):
    """Blocks from the DI track to the output, in order."""

    name: Annotated[Name, Meta(description="What it is called in results.", examples=["Plexi, V30"])]
    trim_db: Annotated[
        float,
        Meta(
            ge=-12.0,
            le=12.0,
            description="Deliberate offset from the common loudness, dB; recorded.",
            examples=[0.0],
        ),
    ] = 0.0
    allow: Annotated[
        tuple[Override, ...],
        Meta(description="Rules of the chain grammar set aside on purpose.", examples=[["no_cab"]]),
    ] = ()


class SpecBase(_Config, kw_only=True, frozen=True):
    """A shootout's title and level."""

    schema: Annotated[Literal[1], Meta(description="Version of this format.")] = SCHEMA
    title: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=120,
            pattern=ONE_LINE,
            description="What the shootout is called.",
            examples=["Two crunches"],
        ),
    ] = "Shootout"
    level: Annotated[Level, Meta(description="The loudness of all segments.")] = Level()
    allow: Annotated[tuple[Override, ...], Meta(description="The same for every chain.", examples=[[]])] = ()
    commercial: Annotated[
        bool,
        Meta(
            description="The result is meant for commercial use: files whose licence does not allow that are named.",
            examples=[False],
        ),
    ] = False


class DiTrack(DiTrackBase, kw_only=True, frozen=True):
    """A dry recording in a spec file."""

    file: Annotated[str, Meta(min_length=1, max_length=1024, description="Path, relative to the spec.")]


class CaptureBlock(CaptureBase, kw_only=True, frozen=True, tag="capture"):
    """A capture in a spec file."""

    file: Annotated[str, Meta(min_length=1, max_length=1024, description="Path, relative to the spec.")]


class CabIrBlock(CabIrBase, kw_only=True, frozen=True, tag="cab_ir"):
    """A cab IR in a spec file."""

    file: Annotated[str, Meta(min_length=1, max_length=1024, description="Path, relative to the spec.")]


Block = CaptureBlock | CabIrBlock | GainBlock | EqBlock | CompressorBlock | NoiseGateBlock | DelayBlock | ReverbBlock


class Chain(ChainBase, kw_only=True, frozen=True):
    """A chain in a spec file."""

    blocks: Annotated[
        tuple[Block, ...],
        Meta(min_length=1, max_length=32, description="The blocks, in order."),
    ]


def files_of(chain: Chain) -> Iterator[str]:
    """Yield the files that a chain names."""
    for block in chain.blocks:
        if isinstance(block, CaptureBlock | CabIrBlock):
            yield block.file


class Spec(SpecBase, kw_only=True, frozen=True):
    """A spec file.

    Inside the renderer `file` is an opaque name: whoever plans the shootout says which content it stands for.
    """

    di_tracks: Annotated[tuple[DiTrack, ...], Meta(min_length=1, max_length=64, description="What is played.")]
    chains: Annotated[tuple[Chain, ...], Meta(min_length=1, max_length=256, description="What it is played through.")]


def check_slices(tracks: Sequence[DiTrackBase]) -> None:
    """Refuse a slice that ends before it starts.

    Raises:
        SpecError: code `invalid_slice`, pointing at the track's `end_s`.
    """
    for index, track in enumerate(tracks):
        if track.end_s is not None and track.end_s <= track.start_s:
            raise SpecError(
                "invalid_slice",
                di_track_pointer(index, "end_s"),
                f"expected an end after {track.start_s:g} s, got {track.end_s:g} s",
            )
