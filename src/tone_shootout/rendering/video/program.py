"""The program of a video: which part is shown when."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from tone_shootout.rendering.plan.planner import Plan, PlannedSegment
from tone_shootout.rendering.plan.timeline import FRAME_RATE, FRAME_SAMPLES, TITLE_S, Slot, timeline
from tone_shootout.rendering.video.ab_round import LONGEST_S, SHORTEST_S, Turn, is_possible, turns
from tone_shootout.rendering.video.labels import in_order, labels_of

RESULTS_S: Final = 10
"""Duration of the last card: YouTube needs chapters of at least 10 s."""
REVEAL_S: Final = 10
"""Duration of the card with the key of a blind video."""
AB_ROUND: Final = "A/B round"
REVEAL: Final = "Which tone is which"
RESULTS: Final = "Results and credits"


class Chapter(Struct, frozen=True):
    """A chapter: its start in the video, ms, and its title: names of DI track and chain, or one of its own."""

    start_ms: int
    title: str
    chain: str = ""


class Round(Struct, frozen=True, kw_only=True):
    """The A/B round of a DI track: its first frame in the video, its duration in frames, and the turns in it."""

    di_track: int
    start: int
    frames: int
    turns: tuple[Turn, ...]

    @property
    def heard(self) -> int:
        """Frames until the end of the last turn; silence follows."""
        return sum(turn.frames for turn in self.turns)


class Program(Struct, frozen=True, kw_only=True):
    """What is shown when. All parts start at whole seconds.

    Attributes:
        segments: the segments that are played as a whole, in order, each with its slot.
        rounds: the A/B rounds that follow them.
        reveal: first frame of the card with the key; None: there is none.
        results: first frame of the last card.
        frames: duration of the video, frames.
        chapters: the chapters; the first includes the title card.
    """

    segments: tuple[tuple[PlannedSegment, Slot], ...]
    rounds: tuple[Round, ...]
    reveal: int | None = None
    results: int
    frames: int
    chapters: tuple[Chapter, ...]


def program_of(plan: Plan, cuts: Mapping[int, Sequence[int]]) -> Program:
    """Return the program of a video.

    Args:
        plan: the plan.
        cuts: frames where the tone changes, from `ab_round.changes`, by the index of each DI track with an A/B round.
    """
    labels = labels_of(plan)
    shown = () if plan.spec.video.ab_only else tuple(slots_of(plan))
    at = TITLE_S * FRAME_RATE + sum(slot.frames for _, slot in shown)
    chapters = [Chapter(slot.start_ms, segment.di_name, labels.name(segment.chain)) for segment, slot in shown]
    rounds = []
    for segments in with_round(plan):
        track = segments[0].di_track
        if not rounds:
            chapters.append(Chapter(_ms(at), AB_ROUND))
        length = -(-segments[0].samples // FRAME_SAMPLES)
        arranged = turns([segment.position for segment in segments], cuts[track], length)
        # A frame more at least: the last fade ends after the last turn.
        seconds = sum(turn.frames for turn in arranged) // FRAME_RATE + 1
        rounds.append(Round(di_track=track, start=at, frames=seconds * FRAME_RATE, turns=arranged))
        at += seconds * FRAME_RATE
    reveal = None
    if labels.blind:
        reveal = at
        chapters.append(Chapter(_ms(at), REVEAL))
        at += REVEAL_S * FRAME_RATE
    chapters.append(Chapter(_ms(at), RESULTS))
    chapters[0] = Chapter(0, chapters[0].title, chapters[0].chain)
    return Program(
        segments=shown,
        rounds=tuple(rounds),
        reveal=reveal,
        results=at,
        frames=at + RESULTS_S * FRAME_RATE,
        chapters=tuple(chapters),
    )


def slots_of(plan: Plan) -> list[tuple[PlannedSegment, Slot]]:
    """Return the segments in the order of the video, each with its slot if it is played as a whole."""
    ordered = in_order(plan)
    return list(zip(ordered, timeline(ordered), strict=True))


def times_ms(plan: Plan, program: Program | None) -> dict[int, tuple[int, int]]:
    """Return start and end of each segment's sound in the video, ms, by position.

    If the video has the A/B round alone, they are those of the round of the DI track. Without a program they are those
    of segments that are played as a whole.
    """
    shown = slots_of(plan) if program is None else program.segments
    found = {segment.position: (slot.start_ms, slot.end_ms) for segment, slot in shown}
    for each in program.rounds if program is not None else ():
        end = each.start + each.heard
        for turn in each.turns:
            found.setdefault(turn.position, (_ms(each.start), _ms(end)))
    return {segment.position: found.get(segment.position, (0, 0)) for segment in plan.segments}


def with_round(plan: Plan) -> list[list[PlannedSegment]]:
    """Return the segments of each DI track that has an A/B round, in the order of the video."""
    tracks: dict[int, list[PlannedSegment]] = {}
    for segment in in_order(plan):
        tracks.setdefault(segment.di_track, []).append(segment)
    return [segments for segments in tracks.values() if is_possible(segments)]


def expected_seconds(plan: Plan) -> float:
    """Estimate the duration of the A/B rounds, seconds."""
    usual = (SHORTEST_S + LONGEST_S) / 2
    return sum(
        min(2 * len(segments) * usual, max(segments[0].seconds, len(segments) * usual)) for segments in with_round(plan)
    )


def _ms(frame: int) -> int:
    return frame * 1000 // FRAME_RATE
