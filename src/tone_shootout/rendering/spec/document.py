"""Content of a spec file: chains, and a grid of captures and cab IRs that stands for many chains."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from tone_shootout.rendering.spec.schema import (
    Bypass,
    CabChannel,
    CabIrBase,
    CabMix,
    CaptureBase,
    CaptureGear,
    CaptureSize,
    Chain,
    DiTrack,
    Effect,
    FilePath,
    HighCut,
    InputGain,
    LowCut,
    Name,
    Override,
    Part,
    PathBase,
    PathText,
    SpecBase,
    SplitBase,
    Sweep,
)

PartName = Annotated[
    Name | None,
    Meta(
        description="Name within the names of chains. Default: the name of the file or of the library item.",
        examples=["Plexi"],
    ),
]


class GridCaptureBase(Part, kw_only=True, frozen=True):
    """A capture of a grid. An option that is left out is that of the template's block."""

    name: PartName = None
    bypass: Bypass | UnsetType = UNSET
    input_gain_db: InputGain | UnsetType = UNSET
    size: CaptureSize | UnsetType = UNSET
    gear: CaptureGear | UnsetType = UNSET


class GridCabIrBase(Part, kw_only=True, frozen=True):
    """A cab IR of a grid. An option that is left out is that of the template's block."""

    name: PartName = None
    bypass: Bypass | UnsetType = UNSET
    channel: CabChannel | UnsetType = UNSET
    mix: CabMix | UnsetType = UNSET
    low_cut_hz: LowCut | UnsetType = UNSET
    high_cut_hz: HighCut | UnsetType = UNSET


class GridBase(Part, kw_only=True, frozen=True):
    """Every pedal with every capture and every cab IR, as chains named after their parts."""

    allow: Annotated[
        tuple[Override, ...],
        Meta(description="Rules of the chain grammar to ignore for the chains of the grid.", examples=[["no_cab"]]),
    ] = ()


class PedalSlot(CaptureBase, kw_only=True, frozen=True, tag="pedal"):
    """The place of the grid's pedals."""


class GridCapture(GridCaptureBase, kw_only=True, frozen=True):
    """A capture of a grid in a spec file. An option that is left out is that of the template's block."""

    file: FilePath


class GridCabIr(GridCabIrBase, kw_only=True, frozen=True):
    """A cab IR of a grid in a spec file. An option that is left out is that of the template's block."""

    file: FilePath


class CaptureSlot(CaptureBase, kw_only=True, frozen=True, tag="capture"):
    """The place of the grid's captures; with `file`, one capture for all chains."""

    file: Annotated[
        PathText | UnsetType, Meta(description="Path, relative to the spec. Default: each capture of the grid.")
    ] = UNSET


class CabIrSlot(CabIrBase, kw_only=True, frozen=True, tag="cab_ir"):
    """The place of the grid's cab IRs; with `file`, one cab IR for all chains."""

    file: Annotated[
        PathText | UnsetType, Meta(description="Path, relative to the spec. Default: each cab IR of the grid.")
    ] = UNSET


SlotLeaf = PedalSlot | CaptureSlot | CabIrSlot | Effect
"""A block that a path of a template can have: all but a split."""


class SlotPath(PathBase, kw_only=True, frozen=True):
    """One of the parallel paths of a template's split."""

    blocks: Annotated[
        tuple[SlotLeaf, ...], Meta(max_length=16, description="Blocks, in order. Default: none, a dry path.")
    ] = ()


class SplitSlot(SplitBase, kw_only=True, frozen=True, tag="split"):
    """Parallel paths from the same input, summed; the places of the grid's parts may be within them."""

    paths: Annotated[tuple[SlotPath, ...], Meta(min_length=2, max_length=4, description="The paths.")]


TemplateBlock = SlotLeaf | SplitSlot


class Grid(GridBase, kw_only=True, frozen=True):
    """Every pedal with every capture and every cab IR, as chains named after their parts."""

    pedals: Annotated[
        tuple[FilePath | GridCapture, ...],
        Meta(max_length=64, description="Captures of pedals: paths, or tables with options.", examples=[["boost.nam"]]),
    ] = ()
    captures: Annotated[
        tuple[FilePath | GridCapture, ...],
        Meta(max_length=64, description="Captures: paths, or tables with options.", examples=[["plexi.nam"]]),
    ] = ()
    cab_irs: Annotated[
        tuple[FilePath | GridCabIr, ...],
        Meta(max_length=64, description="Cab IRs: paths, or tables with options.", examples=[["v30.wav"]]),
    ] = ()
    template: Annotated[
        Annotated[tuple[TemplateBlock, ...], Meta(min_length=1, max_length=32)] | None,
        Meta(
            description="Blocks of each chain. Blocks of type `pedal`, `capture` and `cab_ir` without `file` are "
            "the places of the parts, each once, within paths of a `split` too. Default: pedal, capture, cab IR.",
            examples=[[{"type": "capture"}, {"type": "cab_ir"}, {"type": "gain", "gain_db": -3.0}]],
        ),
    ] = None


class SpecDocument(SpecBase, kw_only=True, frozen=True):
    """Content of a spec file."""

    di_tracks: Annotated[tuple[DiTrack, ...], Meta(min_length=1, max_length=64, description="DI tracks, in order.")]
    chains: Annotated[
        tuple[Chain, ...], Meta(max_length=256, description="Chains, in order; those of the grid follow.")
    ] = ()
    grid: Annotated[Grid | None, Meta(description="Captures and cab IRs to combine to chains.")] = None
    sweep: Annotated[
        tuple[Sweep, ...], Meta(max_length=4, description="Input levels at which every chain is rendered.")
    ] = ()
