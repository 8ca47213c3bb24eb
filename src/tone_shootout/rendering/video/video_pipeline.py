"""The video of a shootout: what it is made of, and how that comes together."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tone_shootout.audio.signals import amplitude
from tone_shootout.rendering.executor.stages import Levelled, TaskExecutor, raw_file
from tone_shootout.rendering.executor.tasks import Draw, Film, Soundtrack, Task
from tone_shootout.rendering.output.manifest import SegmentRecord
from tone_shootout.rendering.output.youtube_text import segment_title
from tone_shootout.rendering.plan.planner import Plan, PlannedSegment
from tone_shootout.rendering.plan.timeline import timeline
from tone_shootout.rendering.video.video_frames import Card, Part, Scene

# Estimates for one core, in seconds for each second of audio: encoding the sound, and putting all together.
_COST_SOUND: Final = 0.024
_COST_FILM: Final = 0.001
# And for a card.
_COST_STILL: Final = 0.2


def total_cost(plan: Plan) -> float:
    """Estimate the work, in seconds on one core."""
    return len(plan.segments) * _COST_STILL + plan.seconds * (_COST_SOUND + _COST_FILM)


def ingredients(plan: Plan, raws: Path, staging: Path, levelled: Sequence[Levelled]) -> list[tuple[Task, float]]:
    """Return the tasks that encode the sound and draw a card for every segment.

    They need nothing but the level, so that other work can go on beside them: sound can be encoded only in one piece,
    which would leave all cores but one idle.
    """
    slots = timeline(plan.segments)
    parts = tuple(
        Part(flac=str(staging / segment.file), frames=slot.frames)
        for segment, slot in zip(plan.segments, slots, strict=True)
    )
    full_scale = max(amplitude(level.measured.sample_peak_dbfs) for level in levelled)
    cards: list[tuple[Task, float]] = [
        (
            Draw(
                card=_card(plan, segment, level, full_scale),
                raw=str(raw_file(raws, segment.render_key)),
                gain_db=level.gain_db,
                still=_still(staging, segment),
            ),
            _COST_STILL,
        )
        for segment, level in zip(plan.segments, levelled, strict=True)
    ]
    return [(Soundtrack(parts=parts, sound=_sound(staging)), plan.seconds * _COST_SOUND), *cards]


def film(plan: Plan, staging: Path, name: str, segments: Sequence[SegmentRecord], executor: TaskExecutor) -> None:
    """Put the video together from what `ingredients` has made."""
    scenes = tuple(
        Scene(still=_still(staging, planned), frames=slot.frames, title=segment_title(segment))
        for planned, segment, slot in zip(plan.segments, segments, timeline(plan.segments), strict=True)
    )
    video = Film(title=plan.spec.title, scenes=scenes, sound=_sound(staging), video=str(staging / name))
    for _ in executor.run([(video, plan.seconds * _COST_FILM)]):
        pass


def _card(plan: Plan, segment: PlannedSegment, level: Levelled, full_scale: float) -> Card:
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
