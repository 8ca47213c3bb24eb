"""Tasks that produce the video of a shootout."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tone_shootout.audio.constants import DUAL_MONO_DB, amplitude
from tone_shootout.rendering.executor.registry import DRAW_CARD, ENCODE_SOUND, MEASURE_SOUND, WRITE_VIDEO
from tone_shootout.rendering.executor.stages import LeveledSegment, envelope_file, raw_file
from tone_shootout.rendering.executor.task_executor import TaskGraph
from tone_shootout.rendering.executor.tasks import DrawCard, EncodeSound, MeasureSound, WriteVideo
from tone_shootout.rendering.output.chain_words import chain_in_words
from tone_shootout.rendering.output.manifest import Input
from tone_shootout.rendering.plan.planner import Plan, PlannedSegment
from tone_shootout.rendering.plan.timeline import FRAME_RATE, timeline
from tone_shootout.rendering.video.video_frames import Card, Part, Scene


def total_cost(plan: Plan) -> float:
    """Estimate the cost of the video, in seconds on one core."""
    seconds = plan.seconds
    cards = len(plan.segments) * DRAW_CARD.cost() + DRAW_CARD.cost_per_s * seconds
    return cards + ENCODE_SOUND.cost(seconds) + MEASURE_SOUND.cost(seconds) + WRITE_VIDEO.cost(seconds)


def add_video(
    graph: TaskGraph,
    plan: Plan,
    raws: Path,
    staging: Path,
    leveled: Sequence[LeveledSegment],
    inputs: Mapping[str, Input],
    name: str,
    begin: Callable[[], None],
) -> Path:
    """Add the tasks that encode and measure the sound, draw a card for every segment, and write the video.

    The sound comes first: it is encoded in one task, which would leave all other cores idle at the end.

    Args:
        graph: the graph.
        plan: the plan.
        raws: folder of the rendered segments.
        staging: folder of the result.
        leveled: the segments' levels.
        inputs: the manifest's records of the plan's files, by the spec's `file`.
        name: name of the video, relative to the staging folder.
        begin: called when everything that the video needs is complete.

    Returns:
        The file of the sound's levels (`Encoded`).
    """
    slots = timeline(plan.segments)
    channels = max(segment.channels for segment in plan.segments)
    parts = tuple(
        Part(
            raw=str(raw_file(raws, segment.render_key)),
            gain_db=level.gain_db + (DUAL_MONO_DB if segment.channels < channels else 0.0),
            frames=slot.frames,
            channels=segment.channels,
        )
        for segment, level, slot in zip(plan.segments, leveled, slots, strict=True)
    )
    sound = str(staging / "sound")
    encoded = graph.add(EncodeSound(parts=parts, sound=sound), ENCODE_SOUND.cost(plan.seconds))
    full_scale = max(amplitude(level.measured.sample_peak_dbfs) for level in leveled)
    cards = [
        graph.add(
            DrawCard(
                card=_card(plan, inputs, segment, level, full_scale),
                envelope=envelope_file(staging, segment),
                raw=part.raw,
                gain_db=part.gain_db,
                frames=part.frames,
                still=_still(staging, segment),
            ),
            DRAW_CARD.cost(segment.seconds),
        )
        for segment, level, part in zip(plan.segments, leveled, parts, strict=True)
    ]
    scenes = tuple(
        Scene(still=_still(staging, segment), frames=slot.frames, title=segment.title)
        for segment, slot in zip(plan.segments, slots, strict=True)
    )
    video = WriteVideo(title=plan.spec.title, scenes=scenes, sound=sound, video=str(staging / name))

    def begin_video() -> WriteVideo:
        begin()
        return video

    graph.add_after([encoded, *cards], begin_video, WRITE_VIDEO.cost(plan.seconds))
    metrics_file = staging / "sound-levels"
    seconds = sum(slot.frames for slot in slots) / FRAME_RATE
    measure = MeasureSound(sound=sound, seconds=seconds, metrics_file=str(metrics_file))
    graph.add_after([encoded], lambda: measure, MEASURE_SOUND.cost(plan.seconds))
    return metrics_file


def _card(
    plan: Plan, inputs: Mapping[str, Input], segment: PlannedSegment, level: LeveledSegment, full_scale: float
) -> Card:
    chain = plan.spec.chains[segment.chain]
    mono = all(each.channels == 1 for each in plan.segments)
    return Card(
        title=plan.spec.title,
        di_track=segment.di_name,
        chain=segment.chain_name,
        chain_index=segment.chain,
        position=segment.position,
        count=len(plan.segments),
        heard_lufs=level.measured.integrated_lufs - (DUAL_MONO_DB if mono else 0.0),
        integrated_lufs=level.measured.integrated_lufs,
        true_peak_dbtp=level.measured.true_peak_dbtp,
        full_scale=full_scale,
        remark="One gain, no limiter" + (f", trimmed by {chain.trim_db:+.1f} dB" if chain.trim_db else ""),
        words=chain_in_words(chain, inputs),
        calibration=f"Input level {segment.calibration}" if segment.calibration else "",
    )


def _still(staging: Path, segment: PlannedSegment) -> str:
    return str(staging / f"{segment.position}.still")
