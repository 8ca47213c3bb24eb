"""Checks of a spec against the media info of its files. Every error has a JSON pointer into the spec."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tone_shootout.audio.constants import GATING_BLOCK_S
from tone_shootout.rendering.media_info import CabIrInfo, CaptureInfo, DiTrackInfo, Limits, MediaInfo
from tone_shootout.rendering.plan.rates import AB_ROUND_S, slice_of
from tone_shootout.rendering.plan.routes import Node, nodes_of, routes
from tone_shootout.rendering.spec import grammar
from tone_shootout.rendering.spec.leaves import leaves
from tone_shootout.rendering.spec.pointers import block_pointer, chain_pointer, di_track_pointer, path_pointer
from tone_shootout.rendering.spec.schema import CabIrBlock, CaptureBlock, Chain, EqBlock, Override, Spec, SpecError

MAX_SPLITS: Final = 4
"""Largest number of active splits in a chain: with four paths each, it has 256 ways from input to output."""

_DRY: Final[frozenset[grammar.Part]] = frozenset({"pedal", "outboard"})
_STEREO_INPUT: Final = (
    "a capture takes one channel, its input is stereo: put it before what makes the sound stereo, or set `channel` of "
    "the stereo IR or reverb before it"
)
_CANCEL: Final = 'the sides of this DI track cancel to silence: set `channel` to "left" or "right"'

SWAPPED_FOR_CAB_IR: Final = 'This is audio: is type = "cab_ir" meant?'
SWAPPED_FOR_CAPTURE: Final = 'This is a capture: is type = "capture" meant?'


def check_spec(spec: Spec, media_info: Mapping[str, MediaInfo], limits: Limits) -> Iterator[SpecError]:
    """Yield all errors of a spec.

    Args:
        spec: the spec.
        media_info: media info of its files, by the spec's `file`.
        limits: limits on the size of a shootout.

    Yields:
        Errors with the codes listed in `planner.plan`, each with a JSON pointer into the spec.
    """
    yield from _check_size(spec, limits)
    yield from _check_sources(spec, media_info)
    yield from _check_slices(spec, media_info, limits)
    yield from _check_video(spec, media_info)
    for index, chain in enumerate(spec.chains):
        yield from _check_chain(chain, index, media_info, (*chain.allow, *spec.allow))


def _check_size(spec: Spec, limits: Limits) -> Iterator[SpecError]:
    segments = len(spec.di_tracks) * len(spec.chains)
    for code, pointer, what, count, limit in (
        ("too_many_di_tracks", "/di_tracks", "DI tracks", len(spec.di_tracks), limits.di_tracks),
        ("too_many_chains", "/chains", "chains", len(spec.chains), limits.chains),
        ("too_many_segments", "", "segments (DI tracks times chains)", segments, limits.segments),
    ):
        if count > limit:
            yield SpecError(code, pointer, f"expected at most {limit} {what}, got {count}")


def _check_sources(spec: Spec, media_info: Mapping[str, MediaInfo]) -> Iterator[SpecError]:
    for index, track in enumerate(spec.di_tracks):
        yield from _check_source(di_track_pointer(index, "file"), track.file, media_info, DiTrackInfo, "a DI track")
        di = media_info.get(track.file)
        if isinstance(di, DiTrackInfo) and di.cancels and track.channel not in ("left", "right"):
            yield SpecError("sides_cancel", di_track_pointer(index, "channel"), _CANCEL)
    for index, chain in enumerate(spec.chains):
        for place, block, _ in leaves(chain):
            pointer = block_pointer(index, place, "file")
            if isinstance(block, CaptureBlock):
                yield from _check_source(pointer, block.file, media_info, CaptureInfo, "a capture")
            elif isinstance(block, CabIrBlock):
                yield from _check_source(pointer, block.file, media_info, CabIrInfo, "a cab IR")


def _check_source(
    pointer: str, file: str, media_info: Mapping[str, MediaInfo], kind: type[MediaInfo], what: str
) -> Iterator[SpecError]:
    found = media_info.get(file)
    if found is None:
        yield SpecError("missing_asset", pointer, f"expected {what}, found no file named {file!r}")
    elif not isinstance(found, kind):
        names = {DiTrackInfo: "audio", CaptureInfo: "a capture", CabIrInfo: "a cab IR"}
        detail = f"expected {what}, {file!r} is {names[type(found)]}"
        if kind is CaptureInfo and isinstance(found, CabIrInfo):
            detail += f". {SWAPPED_FOR_CAB_IR}"
        elif kind is CabIrInfo and isinstance(found, CaptureInfo):
            detail += f". {SWAPPED_FOR_CAPTURE}"
        yield SpecError("wrong_kind", pointer, detail)


def _check_slices(spec: Spec, media_info: Mapping[str, MediaInfo], limits: Limits) -> Iterator[SpecError]:
    for index, track in enumerate(spec.di_tracks):
        di = media_info.get(track.file)
        if not isinstance(di, DiTrackInfo):
            continue
        pointer = di_track_pointer(index)
        start, stop = slice_of(track, di)
        if di.duration_s > limits.max_di_seconds:
            yield SpecError(
                "too_long",
                f"{pointer}/file",
                f"expected at most {limits.max_di_seconds:g} s, got {di.duration_s:.1f} s",
            )
        if track.end_s is not None and track.end_s <= track.start_s:
            yield SpecError(
                "invalid_slice",
                f"{pointer}/end_s",
                f"expected an end after {track.start_s:g} s, got {track.end_s:g} s",
            )
        elif start >= di.samples:
            yield SpecError(
                "invalid_slice",
                f"{pointer}/start_s",
                f"expected a start before the end of the track at {di.duration_s:.3f} s, got {track.start_s:g} s",
            )
        elif stop > di.samples:
            yield SpecError(
                "invalid_slice",
                f"{pointer}/end_s",
                f"expected an end no later than that of the track at {di.duration_s:.3f} s, got {track.end_s:g} s",
            )
        elif (length_s := (stop - start) / di.sample_rate_hz) < GATING_BLOCK_S:
            detail = f"expected at least {GATING_BLOCK_S:g} s to measure loudness, got {length_s:.3f} s"
            yield SpecError("too_short", pointer, detail)


def _check_video(spec: Spec, media_info: Mapping[str, MediaInfo]) -> Iterator[SpecError]:
    """Yield an error if a video is to have nothing but an A/B round that is not possible."""
    if not (spec.output.video and spec.video.ab_only):
        return
    if len(spec.chains) < 2:
        yield SpecError("no_ab_round", "/video/ab_only", f"expected two chains or more, got {len(spec.chains)}")
        return
    longest = -1.0
    for track in spec.di_tracks:
        di = media_info.get(track.file)
        if isinstance(di, DiTrackInfo):
            start, stop = slice_of(track, di)
            longest = max(longest, (stop - start) / di.sample_rate_hz + spec.export.tail_s)
    if 0.0 <= longest < AB_ROUND_S:
        detail = f"expected a DI track of at least {AB_ROUND_S:g} s, the longest has {longest:.1f} s"
        yield SpecError("no_ab_round", "/video/ab_only", detail)


def _check_chain(
    chain: Chain, number: int, media_info: Mapping[str, MediaInfo], allow: tuple[Override, ...]
) -> Iterator[SpecError]:
    nodes = nodes_of(chain, media_info)
    if sum(bool(node.paths) for node in nodes) > MAX_SPLITS:
        detail = f"expected at most {MAX_SPLITS} splits in a chain"
        yield SpecError("too_many_splits", chain_pointer(number, "blocks"), detail)
        return
    parts: dict[int, grammar.Part] = {}
    for index, node in enumerate(nodes):
        block = node.block
        if isinstance(block, CabIrBlock):
            parts[index] = "cab"
            yield from _check_cuts(block, block_pointer(number, node.place), node.rate)
        elif isinstance(block, CaptureBlock):
            found = media_info.get(block.file)
            known = (found.catalog_gear, found.gear_at(block.size)) if isinstance(found, CaptureInfo) else ()
            parts[index] = grammar.part_of(block.gear, *known)
            if node.source >= 0 and nodes[node.source].channels > 1:
                yield SpecError("stereo_input", block_pointer(number, node.place), _STEREO_INPUT)
            if block.size not in (None, 1.0) and isinstance(found, CaptureInfo) and not found.slimmable:
                detail = f"expected no size below 1, because {block.file!r} is not slimmable"
                yield SpecError("not_slimmable", block_pointer(number, node.place, "size"), detail)
        elif isinstance(block, EqBlock):
            for band_index, band in enumerate(block.bands):
                pointer = block_pointer(number, node.place, f"bands/{band_index}/frequency_hz")
                yield from _check_frequency(band.frequency_hz, pointer, node.rate)
    yield from _check_grammar(number, nodes, parts, allow)


def _check_grammar(
    number: int, nodes: Sequence[Node], parts: Mapping[int, grammar.Part], allow: tuple[Override, ...]
) -> Iterator[SpecError]:
    """Check each way through a chain as a chain of its own.

    A way without amp and cab, such as a dry path beside an amp, is right if another one has them.
    """
    ways = [(route, [(index, parts[index]) for index in route.nodes if index in parts]) for route in routes(nodes)]
    wet = [way for way in ways if any(part not in _DRY for _, part in way[1])] or ways
    found: dict[tuple[str, str], SpecError] = {}
    for route, way in wet:
        for violation in grammar.violations(way, allow):
            if violation.block is not None:
                pointer = block_pointer(number, nodes[violation.block].place)
            elif route.paths:
                pointer = path_pointer(number, *route.paths[-1])
            else:
                pointer = chain_pointer(number, "blocks")
            found.setdefault((violation.code, pointer), SpecError(violation.code, pointer, violation.detail))
    yield from found.values()


def _check_cuts(block: CabIrBlock, pointer: str, rate: int) -> Iterator[SpecError]:
    if block.low_cut_hz is not None:
        yield from _check_frequency(block.low_cut_hz, f"{pointer}/low_cut_hz", rate)
    if block.high_cut_hz is not None:
        yield from _check_frequency(block.high_cut_hz, f"{pointer}/high_cut_hz", rate)


def _check_frequency(hz: float, pointer: str, rate: int) -> Iterator[SpecError]:
    highest = rate / 2 - 1
    if hz > highest:
        yield SpecError(
            "beyond_nyquist",
            pointer,
            f"expected at most {highest:g} Hz in a chain that runs at {rate} Hz, got {hz:g} Hz",
        )
