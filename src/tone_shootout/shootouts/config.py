"""A shootout's config: the spec with ids of library items, or of TONE3000's models, where a spec file has files."""

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
    """A model of TONE3000, which a job fetches through your connection if it is not in your library."""

    tone: Annotated[int, Meta(ge=1, le=2**53, description="The tone's id at TONE3000.", examples=[900101])]
    model: Annotated[int, Meta(ge=1, le=2**53, description="The model's id there.", examples=[910001])]

    @property
    def file(self) -> str:
        """What a spec calls it."""
        return f"tone3000:{self.tone}/{self.model}"


AssetChoice = Annotated[AssetId | UnsetType, Meta(description="Id of the library item; or else give `tone3000`.")]
ModelChoice = Annotated[
    ModelRef | UnsetType,
    Meta(description="Instead of `asset`: a model of TONE3000.", examples=[{"tone": 900101, "model": 910001}]),
]


class AssetDiTrack(spec.DiTrackBase, kw_only=True, frozen=True):
    """A DI track out of the library."""

    asset: AssetId


class AssetCapture(spec.CaptureBase, kw_only=True, frozen=True, tag="capture"):
    """A capture out of the library, or of TONE3000."""

    asset: AssetChoice = UNSET
    tone3000: ModelChoice = UNSET


class AssetCabIr(spec.CabIrBase, kw_only=True, frozen=True, tag="cab_ir"):
    """A cab IR out of the library, or of TONE3000."""

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
    """Blocks from the DI track to the output, in order."""

    blocks: Annotated[tuple[AssetBlock, ...], Meta(min_length=1, max_length=32, description="The blocks, in order.")]


class Config(spec.SpecBase, kw_only=True, frozen=True):
    """What is compared, and at which level."""

    di_tracks: Annotated[tuple[AssetDiTrack, ...], Meta(min_length=1, max_length=64, description="What is played.")]
    chains: Annotated[
        tuple[AssetChain, ...], Meta(min_length=1, max_length=256, description="What it is played through.")
    ]


def assets_of(config: Config) -> Iterator[UUID]:
    """Yield the ids of the library items that a config names, as often as it names them."""
    for track in config.di_tracks:
        yield track.asset
    for chain in config.chains:
        for block in chain.blocks:
            if isinstance(block, AssetCapture | AssetCabIr) and block.asset is not UNSET:
                yield block.asset


def models_of(config: Config) -> Iterator[tuple[str, ModelRef, Kind]]:
    """Yield the models of TONE3000 that a config names, as often as it names them, and what each has to be."""
    for chain in config.chains:
        for block in chain.blocks:
            if isinstance(block, AssetCapture | AssetCabIr) and block.tone3000 is not UNSET:
                yield block.tone3000.file, block.tone3000, "capture" if isinstance(block, AssetCapture) else "cab_ir"


def check_sources(config: Config) -> Iterator[spec.SpecError]:
    """Yield an error for each block that does not say in exactly one way which file it means."""
    for index, chain in enumerate(config.chains):
        for place, block in enumerate(chain.blocks):
            if not isinstance(block, AssetCapture | AssetCabIr):
                continue
            if (block.asset is UNSET) == (block.tone3000 is UNSET):
                came = "neither" if block.asset is UNSET else "both"
                detail = f"expected either `asset` or `tone3000`, got {came}"
                yield spec.SpecError("one_source", block_pointer(index, place), detail)


def spec_of(config: Config) -> spec.Spec:
    """Return the spec that a config stands for: files are called by their library items' ids."""
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
    return str(block.asset) if block.tone3000 is UNSET else block.tone3000.file


def _fields(struct: Struct, *, without: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in structs.asdict(struct).items() if name not in without}
