"""Schema of specs: DI tracks, chains and the common level.

A spec file contains a `document.SpecDocument`, which may have a grid; `Spec` is the same with all chains written out.
The `config` of the REST API has the structure of a document with `asset` ids in place of files: both derive from the
structs named `…Base`, so that each field is described once.
"""

from collections.abc import Sequence
from typing import Annotated, Final, Literal

from msgspec import Meta

from tone_shootout import validation
from tone_shootout.audio.constants import Channel
from tone_shootout.rendering.spec.options import Export, Level, Output, Part, Video

SCHEMA: Final = 1

ONE_LINE: Final = validation.ONE_LINE

Name = Annotated[str, Meta(min_length=1, max_length=80, pattern=ONE_LINE)]
Decibels = Annotated[float, Meta(ge=-60.0, le=60.0)]
Hertz = Annotated[float, Meta(ge=1.0, le=96_000.0)]
Seconds = Annotated[float, Meta(gt=0.0, le=36_000.0)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
PathText = Annotated[str, Meta(min_length=1, max_length=1024)]
FilePath = Annotated[PathText, Meta(description="Path, relative to the spec.")]

Override = Literal["no_amp", "multiple_amps", "no_cab", "ir_required", "ir_forbidden", "multiple_irs", "invalid_order"]
"""Rule of the chain grammar that an author can disable; `no_cab` is a synonym of `ir_required`."""


class SpecError(ValueError):
    """Invalid spec.

    Attributes:
        code: stable identifier.
        pointer: JSON pointer (RFC 6901) to the invalid value.
        detail: one-line message for the user.
    """

    def __init__(self, code: str, pointer: str, detail: str) -> None:
        super().__init__(f"{validation.printable_line(pointer) or '/'}: {detail} ({code})")
        self.code = code
        self.pointer = pointer
        self.detail = detail
        self.errors: tuple[SpecError, ...] = (self,)
        """All errors of the spec."""


class InvalidSpec(SpecError):  # noqa: N818 - named after its content
    """A spec that can't be rendered; `errors` has all its errors, and the other attributes are those of the first."""

    def __init__(self, errors: Sequence[SpecError]) -> None:
        super().__init__(errors[0].code, errors[0].pointer, errors[0].detail)
        self.args = ("; ".join(str(error) for error in errors),)
        self.errors = tuple(errors)


class DiTrackBase(Part, kw_only=True, frozen=True):
    """A dry recording, or a slice of one."""

    name: Annotated[Name, Meta(description="Name in results.", examples=["Riff in E"])]
    calibration_dbu: Annotated[
        Decibels | None, Meta(description="Level of the interface: dBu at 0 dBFS.", examples=[12.2])
    ] = None
    start_s: Annotated[float, Meta(ge=0.0, le=36_000.0, description="Start of the slice, seconds.", examples=[0.0])] = (
        0.0
    )
    end_s: Annotated[
        Seconds | None,
        Meta(description="End of the slice, seconds. Default: end of the recording.", examples=[8.0]),
    ] = None
    channel: Annotated[
        Channel | None,
        Meta(
            description="Side of a stereo file to use. Default: the only side with a signal, or the mean of both.",
            examples=["left"],
        ),
    ] = None


Bypass = Annotated[bool, Meta(description="Whether to skip this block.")]
InputGain = Annotated[Decibels, Meta(description="Gain before the capture, dB.", examples=[0.0])]
CaptureSize = Annotated[
    Share | None, Meta(description="Size of a slimmable capture, 0 to 1. Default: full size.", examples=[1.0])
]
GearType = Literal["amp", "amp_cab", "pedal", "pedal_amp", "amp_pedal_cab", "preamp", "studio"]
CaptureGear = Annotated[
    GearType | None,
    Meta(
        description="Gear type of the capture. Default: gear type in the metadata of the file or of TONE3000.",
        examples=["amp"],
    ),
]
CabChannel = Annotated[
    Channel | None,
    Meta(
        description="Side to use of a stereo file whose sides differ; ignored for other files. Default: both, in "
        "stereo.",
        examples=["left"],
    ),
]
CabMix = Annotated[Share, Meta(description="Share of the wet signal, 0 to 1.", examples=[1.0])]
LowCut = Annotated[Hertz | None, Meta(description="High-pass after the cabinet, Hz.", examples=[70.0])]
HighCut = Annotated[Hertz | None, Meta(description="Low-pass after the cabinet, Hz.", examples=[9000.0])]


class BlockBase(Part, kw_only=True, frozen=True, tag_field="type"):
    """One element of a chain."""

    bypass: Bypass = False


class CaptureBase(BlockBase, kw_only=True, frozen=True, tag="capture"):
    """A neural model of gear."""

    input_gain_db: InputGain = 0.0
    size: CaptureSize = None
    gear: CaptureGear = None


class CabIrBase(BlockBase, kw_only=True, frozen=True, tag="cab_ir"):
    """The impulse response of a cabinet."""

    channel: CabChannel = None
    mix: CabMix = 1.0
    low_cut_hz: LowCut = None
    high_cut_hz: HighCut = None


class GainBlock(BlockBase, kw_only=True, frozen=True, tag="gain"):
    """A change of level."""

    gain_db: Annotated[Decibels, Meta(description="Gain, dB.", examples=[-3.0])]


BandType = Literal["highpass", "lowpass", "low_shelf", "high_shelf", "peak"]
ReverbType = Literal["room", "hall", "plate", "spring"]


class Band(Part, kw_only=True, frozen=True):
    """One filter of an equalizer."""

    type: Annotated[
        BandType,
        Meta(description="Filter type.", examples=["peak"]),
    ]
    frequency_hz: Annotated[Hertz, Meta(description="Corner or center frequency, Hz.", examples=[3000.0])]
    gain_db: Annotated[float, Meta(ge=-24.0, le=24.0, description="Gain of a shelf or peak, dB.", examples=[2.0])] = 0.0
    q: Annotated[float, Meta(ge=0.1, le=20.0, description="Quality factor.", examples=[0.9])] = 0.7071067811865476


class EqBlock(BlockBase, kw_only=True, frozen=True, tag="eq"):
    """An equalizer: filters in series."""

    bands: Annotated[tuple[Band, ...], Meta(min_length=1, max_length=16, description="Filters, in order.")]


class CompressorBlock(BlockBase, kw_only=True, frozen=True, tag="compressor"):
    """A feed-forward compressor."""

    threshold_db: Annotated[float, Meta(ge=-60.0, le=0.0, description="Threshold, dBFS.", examples=[-24.0])] = -24.0
    ratio: Annotated[float, Meta(ge=1.0, le=100.0, description="Ratio, to 1.", examples=[4.0])] = 4.0
    attack_ms: Annotated[float, Meta(ge=0.1, le=500.0, description="Attack time, ms.", examples=[10.0])] = 10.0
    release_ms: Annotated[float, Meta(ge=1.0, le=5000.0, description="Release time, ms.", examples=[120.0])] = 120.0


class NoiseGateBlock(BlockBase, kw_only=True, frozen=True, tag="noise_gate"):
    """A gate that closes below its threshold."""

    threshold_db: Annotated[float, Meta(ge=-100.0, le=0.0, description="Threshold, dBFS.", examples=[-60.0])] = -60.0


class DelayBlock(BlockBase, kw_only=True, frozen=True, tag="delay"):
    """A delay with feedback. Its tail ends with the segment (`export.tail_s`)."""

    time_ms: Annotated[float, Meta(ge=1.0, le=5000.0, description="Delay time, ms.", examples=[380.0])]
    feedback: Annotated[
        float, Meta(ge=0.0, le=0.95, description="Gain of each repeat relative to the previous one.", examples=[0.3])
    ] = 0.3
    mix: Annotated[Share, Meta(description="Share of the wet signal, 0 to 1.", examples=[0.25])] = 0.25


class ReverbBlock(BlockBase, kw_only=True, frozen=True, tag="reverb"):
    """A reverb. Its tail ends with the segment (`export.tail_s`)."""

    reverb_type: Annotated[ReverbType, Meta(description="Type of reverb.", examples=["plate"])] = "room"
    mix: Annotated[Share, Meta(description="Share of the wet signal, 0 to 1.", examples=[0.2])] = 0.2
    decay_s: Annotated[
        float, Meta(ge=0.1, le=10.0, description="Time to decay by 60 dB (RT60), seconds.", examples=[1.2])
    ] = 1.2
    width: Annotated[
        Share,
        Meta(
            description="Width of the reverb, from 0, mono, to 1, sides without correlation. Above 0 it makes the "
            "sound stereo.",
            examples=[0.0],
        ),
    ] = 0.0
    channel: Annotated[
        Channel | None,
        Meta(
            description="Side to use of a reverb with width, so that it leaves the sound as it is, mono or stereo; "
            "ignored without width. Default: both.",
            examples=["left"],
        ),
    ] = None


InputLevels = Annotated[tuple[Decibels, ...], Meta(min_length=1, max_length=16)]


class Sweep(Part, kw_only=True, frozen=True):
    """Input levels at which every chain is rendered, besides those with levels of their own."""

    input_db: Annotated[
        InputLevels,
        Meta(
            description="Changes of the input before the first capture of each chain, dB.",
            examples=[[-12.0, -6.0, 0.0, 6.0]],
        ),
    ]


class ChainBase(Part, kw_only=True, frozen=True):
    """Blocks from the DI track to the output, in order."""

    name: Annotated[Name, Meta(description="Name in results.", examples=["Plexi, V30"])]
    trim_db: Annotated[
        float,
        Meta(
            ge=-12.0,
            le=12.0,
            description="Intentional offset from the common loudness, dB; recorded in the manifest.",
            examples=[0.0],
        ),
    ] = 0.0
    allow: Annotated[
        tuple[Override, ...],
        Meta(description="Rules of the chain grammar to ignore for this chain.", examples=[["no_cab"]]),
    ] = ()
    input_gain_db: Annotated[
        Decibels | InputLevels,
        Meta(
            description="Gain before the first capture, dB, besides that of its block; in a split, before the first "
            "one of each path. A list stands for a chain at each of its levels.",
            examples=[0.0],
        ),
    ] = 0.0


class SpecBase(Part, kw_only=True, frozen=True):
    """Title, level and options of a shootout."""

    schema: Annotated[Literal[1], Meta(description="Version of this format.")] = SCHEMA
    title: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=120,
            pattern=ONE_LINE,
            description="Title of the shootout.",
            examples=["Two crunches"],
        ),
    ] = "Shootout"
    level: Annotated[Level, Meta(description="Common level of all segments.")] = Level()
    output: Annotated[Output, Meta(description="What to make of the segments.")] = Output()
    video: Annotated[Video, Meta(description="Form of the video.")] = Video()
    export: Annotated[Export, Meta(description="How the files of the segments are cut.")] = Export()
    allow: Annotated[
        tuple[Override, ...], Meta(description="Rules of the chain grammar to ignore for all chains.", examples=[[]])
    ] = ()
    commercial: Annotated[
        bool,
        Meta(
            description="Whether the result is for commercial use; if so, files whose license may not allow that "
            "cause a notice.",
            examples=[False],
        ),
    ] = False


class DiTrack(DiTrackBase, kw_only=True, frozen=True):
    """A dry recording in a spec file."""

    file: FilePath


class CaptureBlock(CaptureBase, kw_only=True, frozen=True, tag="capture"):
    """A capture in a spec file."""

    file: FilePath


class CabIrBlock(CabIrBase, kw_only=True, frozen=True, tag="cab_ir"):
    """A cab IR in a spec file."""

    file: FilePath


Polarity = Literal["normal", "inverted"]


class PathBase(Part, kw_only=True, frozen=True):
    """One of the parallel paths of a split."""

    mix_db: Annotated[
        float, Meta(ge=-60.0, le=24.0, description="Gain of the path in the sum, dB.", examples=[0.0])
    ] = 0.0
    pan: Annotated[
        float,
        Meta(
            ge=-1.0,
            le=1.0,
            description="Place of the path between the sides, from -1 (left) to 1 (right). A path beside the middle "
            "makes the sum stereo.",
            examples=[0.0],
        ),
    ] = 0.0
    polarity: Annotated[
        Polarity, Meta(description="Whether the path is inverted in the sum.", examples=["inverted"])
    ] = "normal"
    align: Annotated[
        bool,
        Meta(
            description="Whether the path starts as early as the one with the least latency: its measured latency is "
            "compensated."
        ),
    ] = True


class SplitBase(BlockBase, kw_only=True, frozen=True, tag="split"):
    """Parallel paths from the same input, summed: two cabs, two amps, or a dry path beside a wet one."""


Effect = GainBlock | EqBlock | CompressorBlock | NoiseGateBlock | DelayBlock | ReverbBlock
"""A block without a file."""
LeafBlock = CaptureBlock | CabIrBlock | Effect
"""A block that a path can have: all but a split."""


class SplitPath(PathBase, kw_only=True, frozen=True):
    """One of the parallel paths of a split."""

    blocks: Annotated[
        tuple[LeafBlock, ...], Meta(max_length=16, description="Blocks, in order. Default: none, a dry path.")
    ] = ()


class SplitBlock(SplitBase, kw_only=True, frozen=True, tag="split"):
    """Parallel paths from the same input, summed: two cabs, two amps, or a dry path beside a wet one."""

    paths: Annotated[tuple[SplitPath, ...], Meta(min_length=2, max_length=4, description="The paths.")]


Block = LeafBlock | SplitBlock


class Chain(ChainBase, kw_only=True, frozen=True):
    """A chain in a spec file."""

    blocks: Annotated[
        tuple[Block, ...],
        Meta(min_length=1, max_length=32, description="Blocks, in order."),
    ]


class Spec(SpecBase, kw_only=True, frozen=True):
    """A spec with all chains written out: a grid is expanded (`spec.grid`).

    The renderer treats `file` as an opaque name; its caller maps names to media info and paths.
    """

    di_tracks: Annotated[tuple[DiTrack, ...], Meta(min_length=1, max_length=64, description="DI tracks, in order.")]
    chains: Annotated[tuple[Chain, ...], Meta(min_length=1, max_length=256, description="Chains, in order.")]
