"""The config of a shootout: a spec with ids of library items, or models of TONE3000, in place of file names."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from tone_shootout.rendering.media_info import Kind
from tone_shootout.rendering.spec import document as grids
from tone_shootout.rendering.spec import schema as spec
from tone_shootout.rendering.spec.grid import AXES
from tone_shootout.rendering.spec.leaves import without_splits
from tone_shootout.rendering.spec.pointers import Place, block_pointer, template_pointer

_SOURCES = ("asset", "tone3000")

AssetId = Annotated[
    UUID, Meta(description="Id of the library item.", examples=["0197a6c2-5d5e-7b1a-8f3c-2b9d64e0a111"])
]


class ModelRef(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model of TONE3000. A job downloads it through your connection if your library does not have it."""

    tone_id: Annotated[int, Meta(ge=1, le=2**53, description="Id of the tone at TONE3000.", examples=[900101])]
    model_id: Annotated[int, Meta(ge=1, le=2**53, description="Id of the model at TONE3000.", examples=[910001])]

    @property
    def file(self) -> str:
        """Name of the file in a spec."""
        return f"tone3000:{self.tone_id}/{self.model_id}"


AssetChoice = Annotated[AssetId | UnsetType, Meta(description="Id of the library item. Alternative: `tone3000`.")]
ModelChoice = Annotated[
    ModelRef | UnsetType,
    Meta(description="A model of TONE3000, in place of `asset`.", examples=[{"tone_id": 900101, "model_id": 910001}]),
]


class AssetDiTrack(spec.DiTrackBase, kw_only=True, frozen=True):
    """A DI track of the library."""

    asset: AssetId


class AssetCapture(spec.CaptureBase, kw_only=True, frozen=True, tag="capture"):
    """A capture of the library or of TONE3000."""

    asset: AssetChoice = UNSET
    tone3000: ModelChoice = UNSET


class AssetCabIr(spec.CabIrBase, kw_only=True, frozen=True, tag="cab_ir"):
    """A cab IR of the library or of TONE3000."""

    asset: AssetChoice = UNSET
    tone3000: ModelChoice = UNSET


AssetLeaf = AssetCapture | AssetCabIr | spec.Effect
"""A block that a path can have: all but a split."""


class AssetPath(spec.PathBase, kw_only=True, frozen=True):
    """One of the parallel paths of a split."""

    blocks: Annotated[
        tuple[AssetLeaf, ...],
        Meta(max_length=16, description="Blocks, in order. Default: none, a dry path.", examples=[[]]),
    ] = ()


class AssetSplit(spec.SplitBase, kw_only=True, frozen=True, tag="split"):
    """Parallel paths from the same input, summed: two cabs, two amps, or a dry path beside a wet one."""

    paths: Annotated[tuple[AssetPath, ...], Meta(min_length=2, max_length=4, description="The paths.")]


AssetBlock = AssetLeaf | AssetSplit


class AssetChain(spec.ChainBase, kw_only=True, frozen=True):
    """An ordered list of blocks, from the DI track to the output."""

    blocks: Annotated[tuple[AssetBlock, ...], Meta(min_length=1, max_length=32, description="Blocks, in order.")]


class AssetGridCapture(grids.GridCaptureBase, kw_only=True, frozen=True):
    """A capture of a grid. An option that is left out is that of the template's block."""

    asset: AssetChoice = UNSET
    tone3000: ModelChoice = UNSET


class AssetGridCabIr(grids.GridCabIrBase, kw_only=True, frozen=True):
    """A cab IR of a grid. An option that is left out is that of the template's block."""

    asset: AssetChoice = UNSET
    tone3000: ModelChoice = UNSET


class AssetCaptureSlot(spec.CaptureBase, kw_only=True, frozen=True, tag="capture"):
    """The place of the grid's captures; with `asset` or `tone3000`, one capture for all chains."""

    asset: AssetChoice = UNSET
    tone3000: ModelChoice = UNSET


class AssetCabIrSlot(spec.CabIrBase, kw_only=True, frozen=True, tag="cab_ir"):
    """The place of the grid's cab IRs; with `asset` or `tone3000`, one cab IR for all chains."""

    asset: AssetChoice = UNSET
    tone3000: ModelChoice = UNSET


AssetSlotLeaf = grids.PedalSlot | AssetCaptureSlot | AssetCabIrSlot | spec.Effect
"""A block that a path of a template can have: all but a split."""


class AssetSlotPath(spec.PathBase, kw_only=True, frozen=True):
    """One of the parallel paths of a template's split."""

    blocks: Annotated[
        tuple[AssetSlotLeaf, ...],
        Meta(max_length=16, description="Blocks, in order. Default: none, a dry path.", examples=[[]]),
    ] = ()


class AssetSplitSlot(spec.SplitBase, kw_only=True, frozen=True, tag="split"):
    """Parallel paths from the same input, summed; the places of the grid's parts may be within them."""

    paths: Annotated[tuple[AssetSlotPath, ...], Meta(min_length=2, max_length=4, description="The paths.")]


AssetTemplateBlock = AssetSlotLeaf | AssetSplitSlot

_EXAMPLES = [["0197a6c2-5d5e-7b1a-8f3c-2b9d64e0a111"]]


class AssetGrid(grids.GridBase, kw_only=True, frozen=True):
    """Every pedal with every capture and every cab IR, as chains named after their parts."""

    pedals: Annotated[
        tuple[AssetId | AssetGridCapture, ...],
        Meta(max_length=64, description="Captures of pedals: ids, or objects with options.", examples=_EXAMPLES),
    ] = ()
    captures: Annotated[
        tuple[AssetId | AssetGridCapture, ...],
        Meta(max_length=64, description="Captures: ids, or objects with options.", examples=_EXAMPLES),
    ] = ()
    cab_irs: Annotated[
        tuple[AssetId | AssetGridCabIr, ...],
        Meta(max_length=64, description="Cab IRs: ids, or objects with options.", examples=_EXAMPLES),
    ] = ()
    template: Annotated[
        Annotated[tuple[AssetTemplateBlock, ...], Meta(min_length=1, max_length=32)] | None,
        Meta(
            description="Blocks of each chain. Blocks of type `pedal`, `capture` and `cab_ir` without `asset` and "
            "`tone3000` are the places of the parts, each once, within paths of a `split` too. Default: pedal, "
            "capture, cab IR.",
            examples=[[{"type": "capture"}, {"type": "cab_ir"}, {"type": "gain", "gain_db": -3.0}]],
        ),
    ] = None


class Config(spec.SpecBase, kw_only=True, frozen=True):
    """The config of a shootout: DI tracks, chains and the common level."""

    di_tracks: Annotated[tuple[AssetDiTrack, ...], Meta(min_length=1, max_length=64, description="DI tracks.")]
    chains: Annotated[
        tuple[AssetChain, ...], Meta(max_length=256, description="Chains to compare; those of the grid follow.")
    ] = ()
    grid: Annotated[AssetGrid | None, Meta(description="Captures and cab IRs to combine to chains.")] = None
    sweep: Annotated[
        tuple[spec.Sweep, ...],
        Meta(max_length=4, description="Input levels at which every chain is rendered.", examples=[[]]),
    ] = ()


_Holder = AssetCapture | AssetCabIr | AssetGridCapture | AssetGridCabIr | AssetCaptureSlot | AssetCabIrSlot


def assets_of(config: Config) -> Iterator[UUID]:
    """Yield the ids of the library items in a config, repeated ones repeatedly."""
    for track in config.di_tracks:
        yield track.asset
    for _, holder, _ in _holders(config):
        if isinstance(holder, UUID):
            yield holder
        elif holder.asset is not UNSET:
            yield holder.asset


def models_of(config: Config) -> Iterator[tuple[str, ModelRef, Kind]]:
    """Yield file name, model and required kind of each model of TONE3000 in a config, repeated ones repeatedly."""
    for _, holder, kind in _holders(config):
        if not isinstance(holder, UUID) and holder.tone3000 is not UNSET:
            yield holder.tone3000.file, holder.tone3000, kind


def check_sources(config: Config) -> Iterator[spec.SpecError]:
    """Yield an error for each block that has not exactly one of `asset` and `tone3000`.

    A block of a grid's template may have neither.
    """
    for pointer, holder, _ in _holders(config):
        if isinstance(holder, UUID) or (holder.asset is UNSET) != (holder.tone3000 is UNSET):
            continue
        given = "neither" if holder.asset is UNSET else "both"
        if given == "both" or not isinstance(holder, AssetCaptureSlot | AssetCabIrSlot):
            detail = f"expected either `asset` or `tone3000`, got {given}"
            yield spec.SpecError("one_source", pointer, detail)


def _holders(config: Config) -> Iterator[tuple[str, UUID | _Holder, Kind]]:
    """Yield pointer, value and required kind of everything in a config that names a capture or a cab IR."""
    for index, chain in enumerate(config.chains):
        for place, block in _leaves(chain.blocks):
            if isinstance(block, AssetCapture | AssetCabIr):
                yield block_pointer(index, place), block, "capture" if isinstance(block, AssetCapture) else "cab_ir"
    if config.grid is None:
        return
    for axis in AXES:
        for index, entry in enumerate(getattr(config.grid, axis)):
            yield f"/grid/{axis}/{index}", entry, "cab_ir" if axis == "cab_irs" else "capture"
    for place, slot in _leaves(config.grid.template or ()):
        if isinstance(slot, AssetCaptureSlot | AssetCabIrSlot):
            yield template_pointer(place), slot, "capture" if isinstance(slot, AssetCaptureSlot) else "cab_ir"


def _leaves(blocks: Sequence[AssetBlock | AssetTemplateBlock]) -> Iterator[tuple[Place, AssetLeaf | AssetSlotLeaf]]:
    return ((place, block) for place, block, _ in without_splits(blocks))


def document_of(config: Config) -> grids.SpecDocument:
    """Return the spec of a config as a file would contain it, with the ids of library items as file names."""
    return grids.SpecDocument(
        **_fields(config, without=("di_tracks", "chains", "grid")),
        grid=None if config.grid is None else _grid(config.grid),
        di_tracks=tuple(
            spec.DiTrack(**_fields(track, without=("asset",)), file=str(track.asset)) for track in config.di_tracks
        ),
        chains=tuple(
            spec.Chain(**_fields(chain, without=("blocks",)), blocks=tuple(map(_block, chain.blocks)))
            for chain in config.chains
        ),
    )


def config_pointer(pointer: str, config: Config) -> str:
    """Turn a JSON pointer into a spec document into one into its config.

    `/di_tracks/0/file` is `/di_tracks/0/asset` there, `/chains/0/blocks/0/file` may be `/chains/0/blocks/0/tone3000`.
    """
    if not pointer.endswith("/file"):
        return pointer
    holder_pointer = pointer.removesuffix("/file")
    holder = next((each for at, each, _ in _holders(config) if at == holder_pointer), None)
    is_model = holder is not None and not isinstance(holder, UUID) and holder.tone3000 is not UNSET
    return f"{holder_pointer}/{'tone3000' if is_model else 'asset'}"


def _block(block: AssetBlock) -> spec.Block:
    if isinstance(block, AssetSplit):
        paths = tuple(
            spec.SplitPath(**_fields(path, without=("blocks",)), blocks=tuple(map(_leaf, path.blocks)))
            for path in block.paths
        )
        return spec.SplitBlock(**_fields(block, without=("paths",)), paths=paths)
    return _leaf(block)


def _leaf(block: AssetLeaf) -> spec.LeafBlock:
    if isinstance(block, AssetCapture):
        return spec.CaptureBlock(**_fields(block, without=_SOURCES), file=_file(block))
    if isinstance(block, AssetCabIr):
        return spec.CabIrBlock(**_fields(block, without=_SOURCES), file=_file(block))
    return block


def _grid(grid: AssetGrid) -> grids.Grid:
    template = None if grid.template is None else tuple(_slot(block) for block in grid.template)
    entries: dict[str, Any] = {axis: tuple(map(_entry, getattr(grid, axis))) for axis in AXES}
    return grids.Grid(allow=grid.allow, template=template, **entries)


def _entry(entry: UUID | AssetGridCapture | AssetGridCabIr) -> str | grids.GridCapture | grids.GridCabIr:
    if isinstance(entry, UUID):
        return str(entry)
    kind = grids.GridCapture if isinstance(entry, AssetGridCapture) else grids.GridCabIr
    return kind(**_fields(entry, without=_SOURCES), file=_file(entry))


def _slot(block: AssetTemplateBlock) -> grids.TemplateBlock:
    if isinstance(block, AssetSplitSlot):
        paths = tuple(
            grids.SlotPath(**_fields(path, without=("blocks",)), blocks=tuple(map(_leaf_slot, path.blocks)))
            for path in block.paths
        )
        return grids.SplitSlot(bypass=block.bypass, paths=paths)
    return _leaf_slot(block)


def _leaf_slot(block: AssetSlotLeaf) -> grids.SlotLeaf:
    if not isinstance(block, AssetCaptureSlot | AssetCabIrSlot):
        return block
    kind = grids.CaptureSlot if isinstance(block, AssetCaptureSlot) else grids.CabIrSlot
    return kind(**_fields(block, without=_SOURCES), file=_file(block) or UNSET)


def _file(block: _Holder) -> str:
    if block.tone3000 is not UNSET:
        return block.tone3000.file
    return "" if block.asset is UNSET else str(block.asset)  # `check_sources` reports a block with neither


def _fields(struct: Struct, *, without: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in structs.asdict(struct).items() if name not in without}
