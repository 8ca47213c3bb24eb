"""Plans: every DI track through every chain, each pair a segment with a render key, validated before rendering."""

import math
import re
import unicodedata
from collections.abc import Mapping
from itertools import product
from typing import Literal, cast

from msgspec import Struct

from tone_shootout.audio.constants import LATEST_S, Channel
from tone_shootout.rendering.media_info import DEFAULT_LIMITS, DiTrackInfo, Limits, MediaInfo
from tone_shootout.rendering.notices import Notice, spec_notices
from tone_shootout.rendering.plan import keys
from tone_shootout.rendering.plan.calibration import calibrate
from tone_shootout.rendering.plan.rates import OUTPUT_RATE, resampled, slice_of
from tone_shootout.rendering.plan.stages import Stage, stages_of
from tone_shootout.rendering.spec.checks import check_spec
from tone_shootout.rendering.spec.leaves import files_of
from tone_shootout.rendering.spec.schema import InvalidSpec, Spec


class PlannedSegment(Struct, frozen=True, kw_only=True):
    """One DI track through one chain.

    Attributes:
        position: from 1; all chains of the first DI track, then all of the second, and so on.
        di_track: index of the DI track in the spec.
        chain: index of the chain in the spec.
        di_name: name of the DI track.
        chain_name: name of the chain.
        file: path of the FLAC file, relative to the result folder.
        render_key: hash of everything that shapes the samples.
        di_rate: sample rate of the DI track, Hz.
        start: first sample of the slice, at `di_rate`.
        stop: end of the slice, exclusive, at `di_rate`.
        tail: silence after the slice, samples at `di_rate`.
        reserve: silence after the tail, samples at `di_rate`, of which the segment has what is moved into it.
        slice_fades: which ends of the slice are faded: those where the recording goes on, and the end before a tail.
        faded: whether both ends of the segment are faded.
        channel: selected side of the DI track's file; None: none is selected.
        samples: length of the segment at `OUTPUT_RATE`.
        seconds: duration of the segment.
        calibration: a sentence about the calibration gain before the first capture.
        stages: the active blocks; each comes after those that it depends on, the last one is the output.
        chain_key: hash of everything that shapes the response of its chain to a probe.
        cost: estimated seconds on one core.
        channels: channels of the segment, 1 or 2.
    """

    position: int
    di_track: int
    chain: int
    di_name: str
    chain_name: str
    file: str
    render_key: str
    di_rate: int
    start: int
    stop: int
    samples: int
    seconds: float
    calibration: str
    stages: tuple[Stage, ...]
    chain_key: str
    cost: float
    channels: int = 1
    channel: Channel | None = None
    tail: int = 0
    reserve: int = 0
    slice_fades: tuple[Literal["start", "end"], ...] = ()
    faded: bool = False

    @property
    def title(self) -> str:
        """DI track and chain."""
        return title_of(self.di_name, self.chain_name)


def title_of(di_track: str, chain: str) -> str:
    """Return the title of a segment: names of its DI track and chain."""
    return f"{di_track} – {chain}"


class Plan(Struct, frozen=True, kw_only=True):
    """The expansion of a spec: media info of its files (by the spec's `file`), segments and notices."""

    spec: Spec
    media_info: dict[str, MediaInfo]
    segments: tuple[PlannedSegment, ...]
    notices: tuple[Notice, ...] = ()

    @property
    def seconds(self) -> float:
        """Total duration of all segments, seconds."""
        return math.fsum(segment.seconds for segment in self.segments)

    @property
    def cost(self) -> float:
        """Estimated cost of rendering all segments, seconds on one core."""
        return math.fsum(segment.cost for segment in self.segments)


def plan(
    spec: Spec, media_info: Mapping[str, MediaInfo], *, limits: Limits = DEFAULT_LIMITS, fades: bool = True
) -> Plan:
    """Expand a spec into segments.

    Args:
        spec: the spec.
        media_info: results of `sources.probe`, by the spec's `file`.
        limits: limits on the size of a shootout.
        fades: whether slices and segments are faded at their ends, as all but the results of earlier versions are.

    Raises:
        InvalidSpec: with all errors: `too_many_di_tracks`, `too_many_chains`, `too_many_segments`,
            `missing_asset`, `wrong_kind`, `too_long`, `invalid_slice`, `too_short`, `not_slimmable`,
            `beyond_nyquist`, `stereo_input`, `sides_cancel`, and the chain grammar's `no_amp`, `multiple_amps`,
            `ir_required`, `ir_forbidden`, `multiple_irs`, `invalid_order`; `too_many_splits`, `no_ab_round`.
    """
    if errors := list(check_spec(spec, media_info, limits)):
        raise InvalidSpec(errors)
    used = {track.file for track in spec.di_tracks} | {file for chain in spec.chains for file in files_of(chain)}
    segments: list[PlannedSegment] = []
    for di_track, chain in product(range(len(spec.di_tracks)), range(len(spec.chains))):
        place = _Place(position=len(segments) + 1, di_track=di_track, chain=chain)
        segments.append(_segment(place, spec, media_info, fades=fades))
    return Plan(
        spec=spec,
        media_info={file: media_info[file] for file in sorted(used)},
        segments=tuple(segments),
        notices=tuple(spec_notices(spec, media_info)),
    )


def slug(name: str, *, fallback: str) -> str:
    """Return a name as a slug for file names and URLs: `a-z 0-9 -`, at most 40 characters."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or fallback


class _Place(Struct, frozen=True, kw_only=True):
    """Position of a segment, and the indices of its DI track and chain."""

    position: int
    di_track: int
    chain: int


def _segment(place: _Place, spec: Spec, media_info: Mapping[str, MediaInfo], *, fades: bool) -> PlannedSegment:
    track, chain = spec.di_tracks[place.di_track], spec.chains[place.chain]
    di = cast(DiTrackInfo, media_info[track.file])
    start, stop = slice_of(track, di)
    tail = round(spec.export.tail_s * di.sample_rate_hz)
    # What is moved earlier has to go on for as long as it is moved.
    reserve = math.ceil(LATEST_S * di.sample_rate_hz) if spec.export.aligned else 0
    slice_fades = _slice_fades(start, stop, di, tail + reserve) if fades else ()
    samples = resampled(stop - start + tail, di.sample_rate_hz, OUTPUT_RATE)
    length = stop - start + tail + reserve
    drives, calibration = calibrate(track, chain, media_info)
    slice_document = keys.di_document(
        sha256=di.sha256,
        start=start,
        stop=stop,
        channel=track.channel,
        padded=di.padded,
        tail=tail + reserve,
        faded=slice_fades,
    )
    found = stages_of(chain, media_info, drives, slice_document, length=length, di_rate=di.sample_rate_hz)
    di_slug, chain_slug = slug(track.name, fallback="di"), slug(chain.name, fallback="chain")
    return PlannedSegment(
        position=place.position,
        di_track=place.di_track,
        chain=place.chain,
        di_name=track.name,
        chain_name=chain.name,
        file=f"segments/{place.position:02d}-{di_slug}--{chain_slug}.flac",
        render_key=keys.render_key(
            slice_document,
            found.documents,
            rate=OUTPUT_RATE,
            faded=fades,
            aligned=spec.export.aligned,
            righted=spec.export.right_polarity,
        ),
        di_rate=di.sample_rate_hz,
        start=start,
        stop=stop,
        samples=samples,
        seconds=samples / OUTPUT_RATE,
        calibration=calibration,
        stages=found.stages,
        chain_key=keys.response_key(found.documents, rate=OUTPUT_RATE),
        cost=math.fsum(stage.cost for stage in found.stages),
        channels=found.stages[-1].channels if found.stages else 1,
        channel=track.channel,
        tail=tail,
        reserve=reserve,
        slice_fades=slice_fades,
        faded=fades,
    )


def _slice_fades(start: int, stop: int, di: DiTrackInfo, tail: int) -> tuple[Literal["start", "end"], ...]:
    """Return the ends of a slice where a note may be cut off."""
    found: list[Literal["start", "end"]] = []
    if start > 0:
        found.append("start")
    if stop < di.samples or tail > 0:
        found.append("end")
    return tuple(found)
