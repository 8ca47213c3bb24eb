"""What can be wrong with a spec once it is known what its files are: all of it, each with a pointer into the spec."""

from collections.abc import Iterator, Mapping
from typing import Final

from tone_shootout.audio.convolve import STEREO_IR
from tone_shootout.rendering.media_info import CabIrInfo, CaptureInfo, DiTrackInfo, Limits, MediaInfo
from tone_shootout.rendering.plan.rates import running_rates, slice_of
from tone_shootout.rendering.spec import grammar
from tone_shootout.rendering.spec.schema import CabIrBlock, CaptureBlock, Chain, EqBlock, Override, Spec, SpecError

_CANCEL: Final = 'the sides of this DI track cancel each other to silence: set channel to "left" or "right"'

SHORTEST_SECONDS: Final = 0.4
"""One gating block of BS.1770: anything shorter has no integrated loudness."""


def check_spec(spec: Spec, facts: Mapping[str, MediaInfo], limits: Limits) -> Iterator[SpecError]:
    """Yield everything that is wrong with a spec; codes as in `plan.plan`."""
    yield from _check_size(spec, limits)
    yield from _check_sources(spec, facts)
    yield from _check_slices(spec, facts, limits)
    for index, chain in enumerate(spec.chains):
        yield from _check_chain(chain, f"/chains/{index}", facts, (*chain.allow, *spec.allow))


def _check_size(spec: Spec, limits: Limits) -> Iterator[SpecError]:
    segments = len(spec.di_tracks) * len(spec.chains)
    for code, pointer, what, count, limit in (
        ("too_many_di_tracks", "/di_tracks", "DI tracks", len(spec.di_tracks), limits.di_tracks),
        ("too_many_chains", "/chains", "chains", len(spec.chains), limits.chains),
        ("too_many_segments", "", "segments (DI tracks times chains)", segments, limits.segments),
    ):
        if count > limit:
            yield SpecError(code, pointer, f"expected at most {limit} {what}, got {count}")


def _check_sources(spec: Spec, facts: Mapping[str, MediaInfo]) -> Iterator[SpecError]:
    for index, track in enumerate(spec.di_tracks):
        yield from _check_source(f"/di_tracks/{index}/file", track.file, facts, DiTrackInfo, "a DI track")
        di = facts.get(track.file)
        if isinstance(di, DiTrackInfo) and di.cancels and track.channel not in ("left", "right"):
            yield SpecError("sides_cancel", f"/di_tracks/{index}/channel", _CANCEL)
    for index, chain in enumerate(spec.chains):
        for place, block in enumerate(chain.blocks):
            pointer = f"/chains/{index}/blocks/{place}/file"
            if isinstance(block, CaptureBlock):
                yield from _check_source(pointer, block.file, facts, CaptureInfo, "a capture")
            elif isinstance(block, CabIrBlock):
                yield from _check_source(pointer, block.file, facts, CabIrInfo, "a cab IR")
                ir = facts.get(block.file)
                if isinstance(ir, CabIrInfo) and ir.stereo and block.channel is None and not block.bypass:
                    yield SpecError("stereo_ir", f"/chains/{index}/blocks/{place}/channel", STEREO_IR)


def _check_source(
    pointer: str, file: str, facts: Mapping[str, MediaInfo], kind: type[MediaInfo], what: str
) -> Iterator[SpecError]:
    found = facts.get(file)
    if found is None:
        yield SpecError("missing_asset", pointer, f"expected {what}, found nothing under {file!r}")
    elif not isinstance(found, kind):
        names = {DiTrackInfo: "audio", CaptureInfo: "a capture", CabIrInfo: "a cab IR"}
        yield SpecError("wrong_kind", pointer, f"expected {what}, {file!r} is {names[type(found)]}")


def _check_slices(spec: Spec, facts: Mapping[str, MediaInfo], limits: Limits) -> Iterator[SpecError]:
    for index, track in enumerate(spec.di_tracks):
        di = facts.get(track.file)
        if not isinstance(di, DiTrackInfo):
            continue
        pointer = f"/di_tracks/{index}"
        start, stop = slice_of(track, di)
        if di.seconds > limits.max_di_seconds:
            yield SpecError(
                "too_long", f"{pointer}/file", f"expected at most {limits.max_di_seconds:g} s, got {di.seconds:.1f} s"
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
                f"expected a start within the {di.seconds:.3f} s of the track, got {track.start_s:g} s",
            )
        elif stop > di.samples:
            yield SpecError(
                "invalid_slice",
                f"{pointer}/end_s",
                f"expected an end within the {di.seconds:.3f} s of the track, got {track.end_s:g} s",
            )
        elif stop - start < SHORTEST_SECONDS * di.rate:
            yield SpecError(
                "too_short",
                pointer,
                f"expected at least {SHORTEST_SECONDS:g} s to measure a loudness, got {(stop - start) / di.rate:.3f} s",
            )


def _check_chain(
    chain: Chain, pointer: str, facts: Mapping[str, MediaInfo], allow: tuple[Override, ...]
) -> Iterator[SpecError]:
    parts: list[tuple[int, grammar.Part]] = []
    for index, block, rate in running_rates(chain, facts):
        place = f"{pointer}/blocks/{index}"
        if isinstance(block, CabIrBlock):
            parts.append((index, "cab"))
            yield from _check_cuts(block, place, rate)
        elif isinstance(block, CaptureBlock):
            found = facts.get(block.file)
            known = (found.catalog_gear, found.gear_at(block.size)) if isinstance(found, CaptureInfo) else ()
            parts.append((index, grammar.part_of(block.gear, *known)))
            if block.size not in (None, 1.0) and isinstance(found, CaptureInfo) and not found.slimmable:
                yield SpecError(
                    "not_slimmable", f"{place}/size", f"expected no size below 1, {block.file!r} has only one"
                )
        elif isinstance(block, EqBlock):
            for number, band in enumerate(block.bands):
                yield from _check_frequency(band.hz, f"{place}/bands/{number}/hz", rate)
    for fault in grammar.faults(parts, allow):
        place = "" if fault.block is None else f"/{fault.block}"
        yield SpecError(fault.code, f"{pointer}/blocks{place}", fault.detail)


def _check_cuts(block: CabIrBlock, place: str, rate: int) -> Iterator[SpecError]:
    if block.low_cut_hz is not None:
        yield from _check_frequency(block.low_cut_hz, f"{place}/low_cut_hz", rate)
    if block.high_cut_hz is not None:
        yield from _check_frequency(block.high_cut_hz, f"{place}/high_cut_hz", rate)


def _check_frequency(hz: float, pointer: str, rate: int) -> Iterator[SpecError]:
    highest = rate / 2 - 1
    if hz > highest:
        yield SpecError(
            "beyond_nyquist",
            pointer,
            f"expected at most {highest:g} Hz where the chain runs at {rate} Hz, got {hz:g} Hz",
        )
