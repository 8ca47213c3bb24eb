"""Content of the video's cards, from a plan and what was measured."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Final

import msgspec

from tone_shootout.audio.constants import DUAL_MONO_DB
from tone_shootout.rendering.executor.stages import LeveledSegment
from tone_shootout.rendering.metrics import Pair
from tone_shootout.rendering.output.chain_words import chain_in_words
from tone_shootout.rendering.output.manifest import Input, LevelRecord, SegmentRecord
from tone_shootout.rendering.plan.planner import Plan, PlannedSegment
from tone_shootout.rendering.video.labels import Labels, decibels, in_order, labels_of, letter
from tone_shootout.rendering.video.program import AB_ROUND, REVEAL
from tone_shootout.rendering.video.video_frames import Card, Row, TextCard, Thumbnail

NO_LIMITER: Final = "One gain, no limiter"
_NO_LIMITER_FOR_ALL: Final = "One gain for each tone, no limiter."

_MOST_CREDITS: Final = 6


def heard_lufs(plan: Plan, integrated_lufs: float) -> float:
    """Return the loudness of a segment in the video, on two speakers, from that of its file."""
    mono = all(segment.channels == 1 for segment in plan.segments)
    return integrated_lufs - (DUAL_MONO_DB if mono else 0.0)


def card_of(
    plan: Plan, inputs: Mapping[str, Input], segment: PlannedSegment, level: LeveledSegment, full_scale: float
) -> Card:
    """Return the card of a segment.

    Args:
        plan: the plan.
        inputs: the manifest's records of the plan's files, by the spec's `file`.
        segment: the segment.
        level: its levels.
        full_scale: sample magnitude at the top of the waveform.
    """
    chain = plan.spec.chains[segment.chain]
    labels = labels_of(plan)
    number = 1 + [each.position for each in in_order(plan)].index(segment.position)
    calibration = f"Input level {segment.calibration}" if segment.calibration else ""
    return Card(
        title=plan.spec.title,
        di_track=segment.di_name,
        chain=labels.name(segment.chain),
        color=labels.place(segment.chain),
        corner=f"{number} / {len(plan.segments)}",
        heard_lufs=heard_lufs(plan, level.measured.integrated_lufs),
        integrated_lufs=level.measured.integrated_lufs,
        true_peak_dbtp=level.measured.true_peak_dbtp,
        full_scale=full_scale,
        remark=NO_LIMITER + (f", trimmed by {chain.trim_db:+.1f} dB" if chain.trim_db else ""),
        words="" if labels.blind else chain_in_words(chain, inputs),
        calibration="" if labels.blind else calibration,
    )


def round_card_of(plan: Plan, card: Card) -> Card:
    """Return the card of a segment in the A/B round: with the names of all tones."""
    return msgspec.structs.replace(card, corner=AB_ROUND, tones=labels_of(plan).names)


def title_card_of(plan: Plan, level: LevelRecord) -> TextCard:
    """Return the title card: what is compared, and the promise."""
    labels, chains, tracks = labels_of(plan), plan.spec.chains, plan.spec.di_tracks
    count = f"{len(chains)} {'tones' if len(chains) > 1 else 'tone'}"
    heard = heard_lufs(plan, level.target_lufs)
    trimmed = any(chain.trim_db for chain in chains)
    performance = "the same performance" if len(tracks) == 1 else "the same performances"
    return TextCard(
        title=plan.spec.title,
        subtitle=", ".join(track.name for track in tracks),
        heading=f"{count}, {performance}" + ("; names follow at the end" if labels.blind else ""),
        rows=tuple(Row(_mark(labels, place), place, name) for place, name in enumerate(labels.names)),
        promises=(f"One loudness: {decibels(heard, 'LUFS')} in this video. {_NO_LIMITER_FOR_ALL}",),
        small=(
            f"ITU-R BS.1770, files at {decibels(level.target_lufs, 'LUFS')}, true peak of each at most "
            f"{decibels(level.ceiling_dbtp, 'dBTP')}" + ("; intended offsets are on the cards." if trimmed else "."),
        ),
    )


def reveal_card_of(plan: Plan) -> TextCard:
    """Return the card with the key of a blind video."""
    return TextCard(
        title=REVEAL,
        subtitle=plan.spec.title,
        heading="",
        rows=tuple(Row(mark, place, name) for place, (mark, name) in enumerate(key_of_letters(plan))),
    )


def key_of_letters(plan: Plan) -> list[tuple[str, str]]:
    """Return letter and name of each chain, in the order of a blind video; nothing of another one."""
    labels = labels_of(plan)
    return [(letter(place), plan.spec.chains[chain].name) for place, chain in enumerate(labels.order) if labels.blind]


def as_heard(
    plan: Plan, segments: Sequence[SegmentRecord], level: LevelRecord
) -> tuple[tuple[SegmentRecord, ...], LevelRecord]:
    """Return the records of segments and level with the order, the positions and the names of the video."""
    labels = labels_of(plan)
    if not labels.blind:
        return tuple(segments), level
    order = [segment.position for segment in in_order(plan)]
    limiting = None if level.limiting_segment is None else 1 + order.index(level.limiting_segment)
    heard = tuple(
        msgspec.structs.replace(
            segments[position - 1], position=place, chain=labels.name(plan.segments[position - 1].chain)
        )
        for place, position in enumerate(order, 1)
    )
    return heard, msgspec.structs.replace(level, limiting_segment=limiting)


def results_card_of(
    plan: Plan, inputs: Iterable[Input], leveled: Sequence[LeveledSegment], pairs: Iterable[Pair]
) -> TextCard:
    """Return the last card: how far the tones are from each other, their levels, and credits.

    Args:
        plan: the plan.
        inputs: the manifest's records of the plan's files.
        leveled: the segments' levels.
        pairs: comparisons of segments of the same DI track.
    """
    labels, chains = labels_of(plan), plan.spec.chains
    distances: dict[int, list[float]] = {}
    for pair in pairs:
        for position in (pair.reference, pair.position):
            distances.setdefault(plan.segments[position - 1].chain, []).append(pair.log_mel_db)
    means = {number: fmean(found) for number, found in distances.items()}
    order = sorted(range(len(chains)), key=lambda number: -means.get(number, 0.0))
    return TextCard(
        title="How far each tone is from the others" if means else "Levels",
        subtitle="Mean log-mel distance, lower is more alike. Loudness and highest true peak of the files."
        if means
        else "Loudness and highest true peak of the files.",
        heading="",
        rows=tuple(
            Row(
                str(rank) if number in means else "",
                labels.place(number),
                f"{letter(labels.place(number))}: {chains[number].name}" if labels.blind else chains[number].name,
                " · ".join(
                    [
                        *([f"{means[number]:.1f} dB"] if number in means else []),
                        *_levels([each for each, at in zip(leveled, plan.segments, strict=True) if at.chain == number]),
                    ]
                ),
            )
            for rank, number in enumerate(order, 1)
        ),
        small=(*_credits(inputs), f"{_NO_LIMITER_FOR_ALL} Made with Tone Shootout."),
    )


def thumbnail_of(plan: Plan, level: LevelRecord, envelope: str, full_scale: float) -> Thumbnail:
    """Return the thumbnail.

    Args:
        plan: the plan.
        level: the level match.
        envelope: file of the envelope of the first segment.
        full_scale: sample magnitude at the top of the waveform.
    """
    return Thumbnail(
        title=plan.spec.title,
        tones=labels_of(plan).names,
        promise=f"All at {decibels(level.target_lufs, 'LUFS')}, no limiter",
        envelope=envelope,
        full_scale=full_scale,
    )


def _mark(labels: Labels, place: int) -> str:
    return letter(place) if labels.blind else str(place + 1)


def _levels(leveled: Sequence[LeveledSegment]) -> tuple[str, str]:
    loudness = fmean(each.measured.integrated_lufs for each in leveled)
    return decibels(loudness, "LUFS"), decibels(max(each.measured.true_peak_dbtp for each in leveled), "dBTP")


def _credits(inputs: Iterable[Input]) -> list[str]:
    """Return a line for each work with its license, and the attributions; addresses are in the description."""
    known = [item.credit for item in inputs if item.credit is not None]
    works = [f"“{each.title}” by {each.creator} ({each.license_name})" for each in known]
    lines = [*dict.fromkeys(works)]
    if len(lines) > _MOST_CREDITS:
        lines = [*lines[: _MOST_CREDITS - 1], f"and {len(lines) - _MOST_CREDITS + 1} more works: see the description"]
    return [*lines, *dict.fromkeys(each.attribution for each in known if each.attribution)]
