"""Blocks of a chain without the splits around them: what names files and has parameters of its own."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from tone_shootout.rendering.spec.pointers import Place
from tone_shootout.rendering.spec.schema import (
    Block,
    CabIrBlock,
    CaptureBlock,
    Chain,
    LeafBlock,
    SplitBase,
    SplitBlock,
)


class Leaf(NamedTuple):
    """A block that is no split.

    Attributes:
        place: its place in the chain.
        block: the block.
        bypass: whether it is skipped, by itself or with the split around it.
    """

    place: Place
    block: LeafBlock
    bypass: bool


def leaves(chain: Chain) -> Iterator[Leaf]:
    """Yield the blocks of a chain, in place of each split the blocks of its paths."""
    for place, block, split in without_splits(chain.blocks):
        yield Leaf(place, block, block.bypass or (split is not None and split.bypass))


def without_splits(blocks: Sequence[Any]) -> Iterator[tuple[Place, Any, SplitBase | None]]:
    """Yield place and block of blocks of any form of spec, in place of each split the blocks of its paths.

    Args:
        blocks: of a chain or a template; splits among them have `paths`, which have `blocks`.

    Yields:
        Place, block, and the split that it is in; None: it is in none.
    """
    for index, block in enumerate(blocks):
        if not isinstance(block, SplitBase):
            yield (index,), block, None
            continue
        paths: Sequence[Any] = getattr(block, "paths")  # noqa: B009 - each form of a split declares its own
        for number, path in enumerate(paths):
            yield from (((index, number, position), inner, block) for position, inner in enumerate(path.blocks))


def block_at(chain: Chain, place: Place) -> Block:
    """Return the block at a place."""
    if len(place) == 1:
        return chain.blocks[place[0]]
    split, path, position = place
    block = chain.blocks[split]
    if not isinstance(block, SplitBlock):
        raise TypeError(f"expected a split at {split}, found {block}")
    return block.paths[path].blocks[position]


def with_files(chain: Chain, rename: Callable[[str], str]) -> Chain:
    """Return a chain with other names of its files."""

    def renamed(block: Block) -> Block:
        if isinstance(block, SplitBlock):
            paths = tuple(
                msgspec.structs.replace(path, blocks=tuple(renamed(inner) for inner in path.blocks))
                for path in block.paths
            )
            return msgspec.structs.replace(block, paths=paths)
        if isinstance(block, CaptureBlock | CabIrBlock):
            return msgspec.structs.replace(block, file=rename(block.file))
        return block

    return msgspec.structs.replace(chain, blocks=tuple(map(renamed, chain.blocks)))


def files_of(chain: Chain) -> Iterator[str]:
    """Yield the `file` of each capture and cab IR of a chain."""
    for _, block, _ in leaves(chain):
        if isinstance(block, CaptureBlock | CabIrBlock):
            yield block.file


def first_captures(chain: Chain) -> list[tuple[Place, CaptureBlock]]:
    """Return the captures that the DI track reaches first: one, or in a split the first one of each path."""
    for index, block in enumerate(chain.blocks):
        if block.bypass:
            continue
        if isinstance(block, CaptureBlock):
            return [((index,), block)]
        found: list[tuple[Place, CaptureBlock]] = []
        for number, path in enumerate(block.paths if isinstance(block, SplitBlock) else ()):
            inside = ((index, number, position) for position in range(len(path.blocks)))
            found += [
                (place, inner)
                for place in inside
                if isinstance(inner := path.blocks[place[2]], CaptureBlock) and not inner.bypass
            ][:1]
        if found:
            return found
    return []
