"""The active blocks of a chain as nodes: what each one's input is, and at which rate it runs."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import NamedTuple

from tone_shootout.rendering.media_info import CabIrInfo, CaptureInfo, MediaInfo
from tone_shootout.rendering.plan.rates import OUTPUT_RATE
from tone_shootout.rendering.spec.leaves import leaves
from tone_shootout.rendering.spec.pointers import Place
from tone_shootout.rendering.spec.schema import Block, CabIrBlock, CaptureBlock, Chain, ReverbBlock, SplitBlock


class PathNodes(NamedTuple):
    """The nodes of a path: the last one, which is the split's own input if the path is empty, and all."""

    last: int
    nodes: tuple[int, ...]


class Node(NamedTuple):
    """An active block.

    Attributes:
        place: its place in the chain.
        block: the block.
        rate: sample rate, Hz.
        source: the node whose output is its input; -1: the DI track.
        channels: channels of its output: 2 after a stereo IR, a reverb with width, and a split with a path that is
            stereo or panned.
        paths: of a split, its paths, whose outputs it sums.
    """

    place: Place
    block: Block
    rate: int
    source: int
    channels: int = 1
    paths: tuple[PathNodes, ...] = ()


def nodes_of(chain: Chain, media_info: Mapping[str, MediaInfo]) -> list[Node]:
    """Return the active blocks of a chain; each comes after those that it depends on.

    A chain runs at the rate of its first capture, and from each later capture on at that capture's rate. A chain
    without captures runs at `OUTPUT_RATE`. Each path of a split starts at the rate before the split, at which the
    paths are summed.
    """

    def rate_of(block: Block, before: int) -> int:
        found = media_info.get(block.file) if isinstance(block, CaptureBlock) else None
        return found.sample_rate_hz if isinstance(found, CaptureInfo) else before

    captures = (rate_of(leaf.block, 0) for leaf in leaves(chain) if not leaf.bypass)
    rate = next((rate for rate in captures if rate), OUTPUT_RATE)
    nodes: list[Node] = []
    last = -1
    for index, block in enumerate(chain.blocks):
        if block.bypass:
            continue
        paths: list[PathNodes] = []
        for number, path in enumerate(block.paths if isinstance(block, SplitBlock) else ()):
            before, path_rate, inside = last, rate, []
            for position, inner in enumerate(path.blocks):
                if not inner.bypass:
                    path_rate = rate_of(inner, path_rate)
                    channels = _channels(inner, _channels_of(nodes, before), media_info)
                    nodes.append(Node((index, number, position), inner, path_rate, before, channels))
                    before = len(nodes) - 1
                    inside.append(before)
            paths.append(PathNodes(before, tuple(inside)))
        rate = rate_of(block, rate)
        channels = _channels_of(nodes, last)
        if isinstance(block, SplitBlock):
            is_stereo = any(path.pan for path in block.paths)
            channels = 2 if is_stereo else max(_channels_of(nodes, path.last) for path in paths)
        else:
            channels = _channels(block, channels, media_info)
        nodes.append(Node((index,), block, rate, last, channels, tuple(paths)))
        last = len(nodes) - 1
    return nodes


def _channels_of(nodes: Sequence[Node], index: int) -> int:
    return nodes[index].channels if index >= 0 else 1


def _channels(block: Block, before: int, media_info: Mapping[str, MediaInfo]) -> int:
    if isinstance(block, ReverbBlock) and block.width and block.channel is None:
        return 2
    found = media_info.get(block.file) if isinstance(block, CabIrBlock) and block.channel is None else None
    return 2 if isinstance(found, CabIrInfo) and found.stereo else before


class Route(NamedTuple):
    """A way from the DI track to the output.

    Attributes:
        nodes: its nodes that are no split.
        paths: the splits on it, as indices of their blocks, with the number of the path that it takes.
    """

    nodes: tuple[int, ...]
    paths: tuple[tuple[int, int], ...]


def routes(nodes: Sequence[Node]) -> Iterator[Route]:
    """Yield all ways through the nodes of a chain."""
    splits = [number for number, node in enumerate(nodes) if node.paths]
    inside = {inner for split in splits for path in nodes[split].paths for inner in path.nodes}
    for chosen in product(*(range(len(nodes[split].paths)) for split in splits)):
        taken = dict(zip(splits, chosen, strict=True))
        route: list[int] = []
        for number, node in enumerate(nodes):
            if number in taken:
                route += node.paths[taken[number]].nodes
            elif number not in inside:
                route.append(number)
        yield Route(tuple(route), tuple((nodes[split].place[0], path) for split, path in taken.items()))
