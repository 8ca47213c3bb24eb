"""Stages of a segment: the active blocks of its chain, each with a key of everything that shapes its output."""

from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec
from msgspec import Struct

from tone_shootout.rendering.media_info import CabIrInfo, CaptureInfo, MediaInfo
from tone_shootout.rendering.plan import keys
from tone_shootout.rendering.plan.rates import resampled
from tone_shootout.rendering.plan.routes import nodes_of
from tone_shootout.rendering.spec.leaves import first_captures
from tone_shootout.rendering.spec.pointers import Place
from tone_shootout.rendering.spec.schema import (
    Block,
    CabIrBlock,
    CaptureBlock,
    Chain,
    CompressorBlock,
    DelayBlock,
    EqBlock,
    GainBlock,
    LeafBlock,
    NoiseGateBlock,
    ReverbBlock,
    SplitBlock,
)

# Estimates for one core, in nanoseconds a sample; measured on an x86-64 server.
_NS_CAPTURE: Final = 45.0
_NS_PER_PARAMETER: Final = 0.023
_NS_PATH: Final = 5.0
_NS_BLOCK: Final[Mapping[type[Block], float]] = {
    CabIrBlock: 50.0,
    GainBlock: 2.0,
    EqBlock: 20.0,
    CompressorBlock: 115.0,
    NoiseGateBlock: 110.0,
    DelayBlock: 10.0,
    ReverbBlock: 105.0,
}


class StagePath(Struct, frozen=True, kw_only=True):
    """One path of a split.

    Attributes:
        last: index of the stage whose output is summed; for an empty path the input of the split, -1: the DI track.
        stages: indices of its stages.
        key: hash of everything that shapes its response to a probe; empty for an empty path.
        align: whether its latency is compensated.
    """

    last: int
    stages: tuple[int, ...]
    key: str
    align: bool


class Stage(Struct, frozen=True, kw_only=True):
    """One active block of a chain. Equal blocks at the start of paths of a split are one stage.

    Attributes:
        place: place of the block in the chain.
        source: index of the stage whose output is its input; -1: the DI track.
        paths: of a split, its paths.
        key: hash of everything that shapes its output.
        rate: sample rate, Hz.
        samples: length of its output.
        channels: channels of its output, 1 or 2.
        drive_db: calibration gain before the first capture, dB; None: a level is unknown or it is another block.
        input_db: gain of the chain before its first capture, dB; 0 for other blocks.
        inference: whether it runs a capture, so that its output is worth caching.
        cost: estimated seconds on one core.
    """

    place: Place
    source: int
    paths: tuple[StagePath, ...] = ()
    key: str
    rate: int
    samples: int
    channels: int = 1
    drive_db: float | None = None
    input_db: float = 0.0
    inference: bool
    cost: float

    @property
    def inputs(self) -> tuple[int, ...]:
        """Indices of the stages that it needs, -1 for the DI track."""
        return tuple(path.last for path in self.paths) or (self.source,)


class Stages(Struct, frozen=True):
    """The stages of a segment, and the documents of its blocks that keys are made of."""

    stages: tuple[Stage, ...]
    documents: tuple[dict[str, Any], ...]


def stages_of(
    chain: Chain,
    media_info: Mapping[str, MediaInfo],
    drives: Mapping[Place, float],
    di: dict[str, Any],
    *,
    length: int,
    di_rate: int,
) -> Stages:
    """Return the stages of a segment.

    Args:
        chain: the chain.
        media_info: media info of its files.
        drives: calibration gains before captures, dB, by place.
        di: the document of the slice of the DI track.
        length: samples of the slice and its tail.
        di_rate: sample rate of the DI track, Hz.
    """
    first = {place for place, _ in first_captures(chain)}
    input_db = 0.0 if isinstance(chain.input_gain_db, tuple) else chain.input_gain_db
    made: list[Stage] = []
    documents: list[tuple[dict[str, Any], ...]] = []
    """Of each stage, the blocks up to it."""
    by_key: dict[str, int] = {}
    stage_of = {-1: -1}
    for number, node in enumerate(nodes_of(chain, media_info)):
        source = stage_of[node.source]
        before = documents[source] if source >= 0 else ()
        samples = resampled(length, di_rate, node.rate)
        if isinstance(node.block, SplitBlock):
            insides = [[documents[stage_of[inner]][-1] for inner in path.nodes] for path in node.paths]
            document = keys.split_document(node.block, rate=node.rate, paths=insides)
            paths = tuple(
                StagePath(
                    last=stage_of[path.last],
                    stages=tuple(stage_of[inner] for inner in path.nodes),
                    key=keys.response_key(inside, rate=node.rate) if inside else "",
                    align=spec.align,
                )
                for spec, path, inside in zip(node.block.paths, node.paths, insides, strict=True)
            )
            drive, cost_ns = None, _NS_PATH * len(paths)
        else:
            drive = drives.get(node.place)
            block: LeafBlock = node.block
            if node.place in first and isinstance(block, CaptureBlock):
                # In keys, what the chain adds is as if the block stated it.
                block = msgspec.structs.replace(block, input_gain_db=block.input_gain_db + input_db)
            document, paths = _leaf_document(block, node.rate, media_info, drive), ()
            cost_ns = _cost_ns(block, media_info)
        key = keys.stage_key(di, (*before, document))
        stage_of[number] = by_key.setdefault(key, len(made))
        if stage_of[number] < len(made):
            continue
        documents.append((*before, document))
        made.append(
            Stage(
                place=node.place,
                source=source,
                paths=paths,
                key=key,
                rate=node.rate,
                samples=samples,
                channels=node.channels,
                drive_db=drive,
                input_db=input_db if node.place in first else 0.0,
                inference=isinstance(node.block, CaptureBlock),
                cost=samples * node.channels * cost_ns * 1e-9,
            )
        )
    return Stages(tuple(made), documents[-1] if documents else ())


def _leaf_document(
    block: LeafBlock, rate: int, media_info: Mapping[str, MediaInfo], drive_db: float | None
) -> dict[str, Any]:
    source = media_info[block.file] if isinstance(block, CaptureBlock | CabIrBlock) else None
    if isinstance(block, CaptureBlock) and not cast(CaptureInfo, source).slimmable:
        block = msgspec.structs.replace(block, size=None)
    return keys.block_document(
        block,
        rate=rate,
        sha256=source.sha256 if source else None,
        drive_db=drive_db,
        padded=isinstance(source, CabIrInfo) and source.padded,
    )


def _cost_ns(block: LeafBlock, media_info: Mapping[str, MediaInfo]) -> float:
    if isinstance(block, CaptureBlock):
        return _NS_CAPTURE + cast(CaptureInfo, media_info[block.file]).parameters * _NS_PER_PARAMETER
    return _NS_BLOCK[type(block)]
