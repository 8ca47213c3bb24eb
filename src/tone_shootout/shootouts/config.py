"""The config of a shootout: a spec with ids of library items, or models of TONE3000, in place of file names."""

from collections.abc import Iterator
from typing import Annotated, Any
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from tone_shootout.rendering.media_info import Kind
from tone_shootout.rendering.spec import schema as spec
from tone_shootout.rendering.spec.pointers import block_pointer

_SOURCES = ("asset", "tone3000")

AssetId = Annotated[
    UUID, Meta(description="Id of the library item.", examples=["0197a6c2-5d5e-7b1a-8f3c-2b9d64e0a111"])
]


class ModelRef(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model of TONE3000. A job downloads it through your connection if your library does not have it."""

    tone: Annotated[int, Meta(ge=1, le=2**53, description="Id of the tone at TONE3000.", examples=[900101])]
    model: Annotated[int, Meta(ge=1, le=2**53, description="Id of the model at TONE3000.", examples=[910001])]

    @property
    def file(self) -> str:
        """Name of the file in a spec."""
        return f"tone3000:{self.tone}/{self.model}"


AssetChoice = Annotated[AssetId | UnsetType, Meta(description="Id of the library item. Alternative: `tone3000`.")]
ModelChoice = Annotated[
    ModelRef | UnsetType,
    Meta(description="A model of TONE3000, in place of `asset`.", examples=[{"tone": 900101, "model": 910001}]),
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


AssetBlock = (
    AssetCapture
    | AssetCabIr
    | spec.GainBlock
    | spec.EqBlock
    | spec.CompressorBlock
    | spec.NoiseGateBlock
    | spec.DelayBlock
    | spec.ReverbBlock
)


class AssetChain(spec.ChainBase, kw_only=True, frozen=True):
    """An ordered list of blocks, from the DI track to the output."""

    blocks: Annotated[tuple[AssetBlock, ...], Meta(min_length=1, max_length=32, description="Blocks, in order.")]


class Config(spec.SpecBase, kw_only=True, frozen=True):
    """The config of a shootout: DI tracks, chains and the common level."""

    di_tracks: Annotated[tuple[AssetDiTrack, ...], Meta(min_length=1, max_length=64, description="DI tracks.")]
    chains: Annotated[tuple[AssetChain, ...], Meta(min_length=1, max_length=256, description="Chains to compare.")]


def assets_of(config: Config) -> Iterator[UUID]:
    """Yield the ids of the library items in a config, repeated ones repeatedly."""
    for track in config.di_tracks:
        yield track.asset
    for chain in config.chains:
        for block in chain.blocks:
            if isinstance(block, AssetCapture | AssetCabIr) and block.asset is not UNSET:
                yield block.asset


def models_of(config: Config) -> Iterator[tuple[str, ModelRef, Kind]]:
    """Yield file name, model and required kind of each model of TONE3000 in a config, repeated ones repeatedly."""
    for chain in config.chains:
        for block in chain.blocks:
            if isinstance(block, AssetCapture | AssetCabIr) and block.tone3000 is not UNSET:
                yield block.tone3000.file, block.tone3000, "capture" if isinstance(block, AssetCapture) else "cab_ir"


def check_sources(config: Config) -> Iterator[spec.SpecError]:
    """Yield an error for each block that has not exactly one of `asset` and `tone3000`."""
    for index, chain in enumerate(config.chains):
        for position, block in enumerate(chain.blocks):
            if not isinstance(block, AssetCapture | AssetCabIr):
                continue
            if (block.asset is UNSET) == (block.tone3000 is UNSET):
                given = "neither" if block.asset is UNSET else "both"
                detail = f"expected either `asset` or `tone3000`, got {given}"
                yield spec.SpecError("one_source", block_pointer(index, position), detail)


def spec_of(config: Config) -> spec.Spec:
    """Return the spec of a config, with the ids of library items as file names."""
    return spec.Spec(
        **_fields(config, without=("di_tracks", "chains")),
        di_tracks=tuple(
            spec.DiTrack(**_fields(track, without=("asset",)), file=str(track.asset)) for track in config.di_tracks
        ),
        chains=tuple(
            spec.Chain(**_fields(chain, without=("blocks",)), blocks=tuple(map(_block, chain.blocks)))
            for chain in config.chains
        ),
    )


def config_pointer(pointer: str, config: Config) -> str:
    """Turn a JSON pointer into a spec into one into its config.

    `/di_tracks/0/file` is `/di_tracks/0/asset` there, `/chains/0/blocks/0/file` may be `/chains/0/blocks/0/tone3000`.
    """
    if not pointer.endswith("/file"):
        return pointer
    steps = pointer.removesuffix("/file").split("/")[1:]
    if len(steps) == 4:
        block = config.chains[int(steps[1])].blocks[int(steps[3])]
        if isinstance(block, AssetCapture | AssetCabIr) and block.tone3000 is not UNSET:
            return f"/{'/'.join(steps)}/tone3000"
    return f"/{'/'.join(steps)}/asset"


def _block(block: AssetBlock) -> spec.Block:
    if isinstance(block, AssetCapture):
        return spec.CaptureBlock(**_fields(block, without=_SOURCES), file=_file(block))
    if isinstance(block, AssetCabIr):
        return spec.CabIrBlock(**_fields(block, without=_SOURCES), file=_file(block))
    return block


def _file(block: AssetCapture | AssetCabIr) -> str:
    if block.tone3000 is not UNSET:
        return block.tone3000.file
    return "" if block.asset is UNSET else str(block.asset)  # `check_sources` reports a block with neither


def _fields(struct: Struct, *, without: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in structs.asdict(struct).items() if name not in without}
