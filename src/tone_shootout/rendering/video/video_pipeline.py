"""Tasks that produce the video of a shootout."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from tone_shootout.audio.constants import DUAL_MONO_DB, amplitude
from tone_shootout.rendering.executor.analysis import Measurements
from tone_shootout.rendering.executor.registry import (
    DRAW_CARD,
    DRAW_TEXT_CARD,
    DRAW_THUMBNAIL,
    ENCODE_SOUND,
    FIND_CHANGES,
    MEASURE_SOUND,
    WRITE_VIDEO,
)
from tone_shootout.rendering.executor.stages import LeveledSegment, envelope_file, raw_file
from tone_shootout.rendering.executor.task_executor import TaskGraph
from tone_shootout.rendering.executor.tasks import (
    DrawCard,
    DrawTextCard,
    DrawThumbnail,
    EncodeSound,
    FindChanges,
    MeasureSound,
    SourceFile,
    Task,
    WriteVideo,
)
from tone_shootout.rendering.metrics import Encoded
from tone_shootout.rendering.output.manifest import Input, LevelRecord
from tone_shootout.rendering.plan.planner import Plan, PlannedSegment, title_of
from tone_shootout.rendering.plan.rates import OUTPUT_RATE
from tone_shootout.rendering.plan.timeline import FRAME_RATE, FRAME_SAMPLES, TITLE_S
from tone_shootout.rendering.video.contents import (
    card_of,
    results_card_of,
    reveal_card_of,
    round_card_of,
    thumbnail_of,
    title_card_of,
)
from tone_shootout.rendering.video.gear_pictures import picture_of
from tone_shootout.rendering.video.labels import in_order
from tone_shootout.rendering.video.layout import LayoutName
from tone_shootout.rendering.video.program import Program, Round, expected_seconds, program_of, with_round
from tone_shootout.rendering.video.video_frames import ChapterMark, Part, Scene, Span, Take, TextCard, count_moments

VIDEO_NAME: Final = "comparison.mp4"
THUMBNAIL_NAME: Final = "thumbnail.png"

_TEXT_CARDS: Final = 2


def total_cost(plan: Plan) -> float:
    """Estimate the cost of the video, in seconds on one core."""
    in_rounds = expected_seconds(plan)
    seconds = sum(segment.seconds for segment in _whole(plan)) + in_rounds
    rounds = with_round(plan)
    cards = len(_whole(plan)) + sum(len(segments) for segments in rounds)
    return (
        sum(FIND_CHANGES.cost(segments[0].seconds) for segments in rounds)
        + cards * DRAW_CARD.cost()
        + DRAW_CARD.cost_per_s * seconds
        + (_TEXT_CARDS + plan.spec.video.blind) * DRAW_TEXT_CARD.cost()
        + DRAW_THUMBNAIL.cost()
        + ENCODE_SOUND.cost(seconds)
        + MEASURE_SOUND.cost(seconds)
        + WRITE_VIDEO.cost(seconds)
    )


def _whole(plan: Plan) -> Sequence[PlannedSegment]:
    """Return the segments that are played as a whole."""
    return () if plan.spec.video.ab_only else plan.segments


class VideoTasks:
    """The tasks of a graph that make the video, and what they find once they are complete."""

    def __init__(
        self,
        graph: TaskGraph,
        plan: Plan,
        sources: Mapping[str, Path],
        raws: Path,
        staging: Path,
        level: LevelRecord,
        leveled: Sequence[LeveledSegment],
        inputs: Mapping[str, Input],
        measurements: Measurements,
        begin: Callable[[], None],
        pictures: Mapping[str, Path],
    ) -> None:
        """Add the tasks that find the turns of the A/B round, encode and measure the sound, draw, and write the video.

        The sound comes first: it is encoded in one task, which would leave all other cores idle at the end.

        Args:
            graph: the graph.
            plan: the plan.
            sources: path of each of the plan's files, by the spec's `file`.
            raws: folder of the rendered segments.
            staging: folder of the result.
            level: the level match.
            leveled: the segments' levels.
            inputs: the manifest's records of the plan's files, by the spec's `file`.
            measurements: the tasks that measure.
            begin: called when everything that the video needs is complete.
            pictures: JPEG files of the gear, by the spec's `file`.
        """
        self._plan = plan
        self._staging = staging
        self._leveled = leveled
        self._raws = raws
        self._stereo = max(segment.channels for segment in plan.segments) > 1
        self._full_scale = max(amplitude(each.measured.sample_peak_dbfs) for each in leveled)
        self._inputs = inputs
        self._pictures = pictures
        self._program: Program | None = None
        in_rounds = expected_seconds(plan)
        seconds = sum(segment.seconds for segment in _whole(plan)) + in_rounds
        found = {
            segments[0].di_track: graph.add(
                self._find_changes(segments[0], sources), FIND_CHANGES.cost(segments[0].seconds)
            )
            for segments in with_round(plan)
        }
        sound = graph.add_after(found.values(), self._encode_sound, ENCODE_SOUND.cost(seconds))
        cards = [graph.add(self._card(segment), DRAW_CARD.cost(segment.seconds)) for segment in _whole(plan)]
        cards += [
            graph.add_after(
                [found[segment.di_track]],
                partial(self._round_card, segment),
                DRAW_CARD.cost(in_rounds / sum(map(len, with_round(plan)))),
            )
            for segments in with_round(plan)
            for segment in segments
        ]
        title = self._text_card(title_card_of(plan, level), "title")
        cards.append(graph.add(title, DRAW_TEXT_CARD.cost()))
        if plan.spec.video.blind:
            cards.append(graph.add(self._text_card(reveal_card_of(plan), "reveal"), DRAW_TEXT_CARD.cost()))
        thumbnail = thumbnail_of(plan, level, envelope_file(staging, in_order(plan)[0]), self._full_scale)
        graph.add(DrawThumbnail(thumbnail=thumbnail, path=str(staging / THUMBNAIL_NAME)), DRAW_THUMBNAIL.cost())

        def results() -> Task:
            pairs = [pair for track in range(len(measurements.tracks)) for pair in measurements.pairs(track)]
            return self._text_card(results_card_of(plan, inputs.values(), leveled, pairs), "results")

        cards.append(graph.add_after(measurements.tracks, results, DRAW_TEXT_CARD.cost()))

        def write() -> Task:
            begin()
            return self._write_video()

        graph.add_after([sound, *cards], write, WRITE_VIDEO.cost(seconds))
        graph.add_after([sound], self._measure_sound, MEASURE_SOUND.cost(seconds))

    def encoded(self) -> Encoded:
        """Return the levels of the sound."""
        return msgspec.msgpack.decode((self._staging / "sound-levels").read_bytes(), type=Encoded)

    @property
    def program(self) -> Program:
        """What is shown when, once the tasks that find the turns are complete."""
        if self._program is None:
            cuts = {
                segments[0].di_track: msgspec.msgpack.decode(
                    Path(self._changes_file(segments[0])).read_bytes(), type=tuple[int, ...]
                )
                for segments in with_round(self._plan)
            }
            self._program = program_of(self._plan, cuts)
        return self._program

    def _find_changes(self, segment: PlannedSegment, sources: Mapping[str, Path]) -> FindChanges:
        file = self._plan.spec.di_tracks[segment.di_track].file
        return FindChanges(
            di=SourceFile(str(sources[file]), self._plan.media_info[file]),
            channel=segment.channel,
            start=segment.start,
            stop=segment.stop,
            rate=segment.di_rate,
            samples=segment.samples,
            file=self._changes_file(segment),
        )

    def _encode_sound(self) -> EncodeSound:
        parts = [Part(TITLE_S * FRAME_RATE)]
        parts += [Part(slot.frames, (self._take(segment),)) for segment, slot in self.program.segments]
        parts += [Part(each.frames, tuple(self._turns(each))) for each in self.program.rounds]
        parts.append(Part(self.program.frames - (self.program.reveal or self.program.results)))
        return EncodeSound(parts=tuple(parts), sound=self._sound)

    def _measure_sound(self) -> MeasureSound:
        seconds = self.program.frames / FRAME_RATE
        return MeasureSound(sound=self._sound, seconds=seconds, metrics_file=str(self._staging / "sound-levels"))

    def _write_video(self) -> WriteVideo:
        program = self.program
        scenes = [Scene(self._still("title"), TITLE_S * FRAME_RATE)]
        scenes += [Scene(self._still(f"{segment.position}"), slot.frames) for segment, slot in program.segments]
        for each in program.rounds:
            scenes += self._round_scenes(each)
        if program.reveal is not None:
            scenes.append(Scene(self._still("reveal"), program.results - program.reveal))
        scenes.append(Scene(self._still("results"), program.frames - program.results))
        marks = [
            ChapterMark(
                chapter.start_ms * FRAME_RATE // 1000,
                title_of(chapter.title, chapter.chain) if chapter.chain else chapter.title,
            )
            for chapter in program.chapters
        ]
        return WriteVideo(
            title=self._plan.spec.title,
            scenes=tuple(scenes),
            chapters=tuple(marks),
            sound=self._sound,
            video=str(self._staging / VIDEO_NAME),
            layout=self._layout,
        )

    def _round_scenes(self, shown: Round) -> list[Scene]:
        scenes: list[Scene] = []
        strips: dict[int, int] = {}
        rest = shown.frames - shown.heard
        for number, turn in enumerate(shown.turns, 1):
            first = strips.get(turn.position, 0)
            frames = turn.frames + (rest if number == len(shown.turns) else 0)
            scenes.append(Scene(self._still(f"round-{turn.position}"), frames, first))
            strips[turn.position] = first + count_moments(frames)
        return scenes

    def _turns(self, shown: Round) -> list[Take]:
        """Return the sound of a round: each turn fades into the next one, unless the performance begins again."""
        takes = []
        at = 0
        for turn in shown.turns:
            segment = self._plan.segments[turn.position - 1]
            first, end = turn.first * FRAME_SAMPLES, (turn.first + turn.frames) * FRAME_SAMPLES
            take = msgspec.structs.replace(
                self._take(segment),
                first=first,
                samples=min(end, segment.samples) - first,
                at=at,
                fade_in=first > 0,
                fade_out=end < segment.samples,
            )
            takes.append(take)
            at += turn.frames * FRAME_SAMPLES
        return takes

    def _take(self, segment: PlannedSegment) -> Take:
        return Take(
            raw=str(raw_file(self._raws, segment.render_key)),
            gain_db=self._gain_db(segment),
            samples=segment.samples,
            channels=segment.channels,
        )

    def _gain_db(self, segment: PlannedSegment) -> float:
        gain_db = self._leveled[segment.position - 1].gain_db
        return gain_db + (DUAL_MONO_DB if self._stereo and segment.channels == 1 else 0.0)

    def _card(self, segment: PlannedSegment) -> DrawCard:
        frames = -(-segment.samples // OUTPUT_RATE) * FRAME_RATE
        level = self._leveled[segment.position - 1]
        return DrawCard(
            card=card_of(self._plan, self._inputs, segment, level, self._full_scale),
            envelope=envelope_file(self._staging, segment),
            raw=str(raw_file(self._raws, segment.render_key)),
            gain_db=self._gain_db(segment),
            spans=(Span(0, frames),),
            still=self._still(f"{segment.position}"),
            layout=self._layout,
            gear=picture_of(self._plan, segment.chain, self._pictures),
        )

    def _text_card(self, card: TextCard, name: str) -> DrawTextCard:
        return DrawTextCard(card=card, still=self._still(name), layout=self._layout)

    def _round_card(self, segment: PlannedSegment) -> DrawCard:
        card = self._card(segment)
        (shown,) = (each for each in self.program.rounds if each.di_track == segment.di_track)
        rest = shown.frames - shown.heard
        last = len(shown.turns)
        return msgspec.structs.replace(
            card,
            card=round_card_of(self._plan, card.card),
            spans=tuple(
                Span(turn.first, turn.frames, rest if number == last else 0)
                for number, turn in enumerate(shown.turns, 1)
                if turn.position == segment.position
            ),
            still=self._still(f"round-{segment.position}"),
        )

    @property
    def _layout(self) -> LayoutName:
        return "vertical" if self._plan.spec.video.vertical else "wide"

    @property
    def _sound(self) -> str:
        return str(self._staging / "sound")

    def _changes_file(self, segment: PlannedSegment) -> str:
        return str(self._staging / f"changes-{segment.di_track}")

    def _still(self, name: str) -> str:
        return str(self._staging / f"{name}.still")
