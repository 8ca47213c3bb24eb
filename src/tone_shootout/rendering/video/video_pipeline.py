"""Tasks that produce the video of a shootout."""

from collections.abc import Sequence
from pathlib import Path

from tone_shootout.audio.signals import amplitude
from tone_shootout.rendering.executor.registry import DRAW_CARD, ENCODE_SOUND, WRITE_VIDEO
from tone_shootout.rendering.executor.stages import LeveledSegment, TaskExecutor, raw_file
from tone_shootout.rendering.executor.tasks import DrawCard, EncodeSound, Task, WriteVideo
from tone_shootout.rendering.output.manifest import SegmentRecord
from tone_shootout.rendering.output.youtube_text import segment_title
from tone_shootout.rendering.plan.planner import Plan, PlannedSegment
from tone_shootout.rendering.plan.timeline import timeline
from tone_shootout.rendering.video.video_frames import Card, Part, Scene


def total_cost(plan: Plan) -> float:
    """Estimate the cost of the video, in seconds on one core."""
    return len(plan.segments) * DRAW_CARD.cost() + ENCODE_SOUND.cost(plan.seconds) + WRITE_VIDEO.cost(plan.seconds)


def media_tasks(plan: Plan, raws: Path, staging: Path, leveled: Sequence[LeveledSegment]) -> list[tuple[Task, float]]:
    """Return the tasks that encode the sound and draw a card for every segment.

    They depend only on the level, so other tasks can run concurrently: the sound is encoded in one task, which would
    leave all other cores idle.
    """
    slots = timeline(plan.segments)
    parts = tuple(
        Part(flac=str(staging / segment.file), frames=slot.frames)
        for segment, slot in zip(plan.segments, slots, strict=True)
    )
    full_scale = max(amplitude(level.measured.sample_peak_dbfs) for level in leveled)
    cards: list[tuple[Task, float]] = [
        (
            DrawCard(
                card=_card(plan, segment, level, full_scale),
                raw=str(raw_file(raws, segment.render_key)),
                gain_db=level.gain_db,
                still=_still(staging, segment),
            ),
            DRAW_CARD.cost(),
        )
        for segment, level in zip(plan.segments, leveled, strict=True)
    ]
    return [(EncodeSound(parts=parts, sound=_sound(staging)), ENCODE_SOUND.cost(plan.seconds)), *cards]


def write(plan: Plan, staging: Path, name: str, segments: Sequence[SegmentRecord], executor: TaskExecutor) -> None:
    """Write the video from the files of `media_tasks`."""
    scenes = tuple(
        Scene(still=_still(staging, planned), frames=slot.frames, title=segment_title(segment))
        for planned, segment, slot in zip(plan.segments, segments, timeline(plan.segments), strict=True)
    )
    video = WriteVideo(title=plan.spec.title, scenes=scenes, sound=_sound(staging), video=str(staging / name))
    for _ in executor.run([(video, WRITE_VIDEO.cost(plan.seconds))]):
        pass


def _card(plan: Plan, segment: PlannedSegment, level: LeveledSegment, full_scale: float) -> Card:
    trim_db = plan.spec.chains[segment.chain].trim_db
    return Card(
        title=plan.spec.title,
        di_track=segment.di_name,
        chain=segment.chain_name,
        chain_index=segment.chain,
        position=segment.position,
        count=len(plan.segments),
        integrated_lufs=level.measured.integrated_lufs,
        true_peak_dbtp=level.measured.true_peak_dbtp,
        full_scale=full_scale,
        remark=f"trimmed {trim_db:+.1f} dB" if trim_db else "one gain, no limiter",
    )


def _still(staging: Path, segment: PlannedSegment) -> str:
    return str(staging / f"{segment.position}.still")


def _sound(staging: Path) -> str:
    return str(staging / "sound")
