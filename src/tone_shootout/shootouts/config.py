"""A shootout's config: the spec with ids of library items where a spec file has files."""

from collections.abc import Iterator
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct, structs

from tone_shootout.rendering import spec

AssetId = Annotated[
    UUID, Meta(description="Id of the library item.", examples=["0197a6c2-5d5e-7b1a-8f3c-2b9d64e0a111"])
]


class AssetDiTrack(spec.DiTrackBase, kw_only=True, frozen=True):
    """A DI track out of the library."""

    asset: AssetId


class AssetCapture(spec.CaptureBase, kw_only=True, frozen=True, tag="capture"):
    """A capture out of the library."""

    asset: AssetId


class AssetCabIr(spec.CabIrBase, kw_only=True, frozen=True, tag="cab_ir"):
    """A cab IR out of the library."""

    asset: AssetId


AssetBlock = (
    AssetCapture | AssetCabIr | spec.Gain | spec.Eq | spec.Compressor | spec.NoiseGate | spec.Delay | spec.Reverb
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
            if isinstance(block, AssetCapture | AssetCabIr):
                yield block.asset


def spec_of(config: Config) -> spec.Spec:
    """Return the spec that a config stands for: each file is called by its library item's id."""
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


def config_pointer(pointer: str) -> str:
    """Turn a JSON pointer into a spec into one into its config: `/di_tracks/0/file` is `/di_tracks/0/asset` there."""
    return f"{pointer.removesuffix('/file')}/asset" if pointer.endswith("/file") else pointer


def _block(block: AssetBlock) -> spec.Block:
    if isinstance(block, AssetCapture):
        return spec.Capture(**_fields(block, without=("asset",)), file=str(block.asset))
    if isinstance(block, AssetCabIr):
        return spec.CabIr(**_fields(block, without=("asset",)), file=str(block.asset))
    return block


def _fields(struct: Struct, *, without: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in structs.asdict(struct).items() if name not in without}
