"""Tasks that produce the listening page of a shootout, and its files."""

from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Final

import msgspec

from tone_shootout.audio.constants import amplitude
from tone_shootout.rendering.executor.registry import DRAW_POSTER, ENCODE_LISTENING
from tone_shootout.rendering.executor.stages import LeveledSegment, envelope_file, raw_file
from tone_shootout.rendering.executor.task_executor import TaskGraph
from tone_shootout.rendering.executor.tasks import DrawPoster, EncodeListening
from tone_shootout.rendering.listening_page.document import write_document
from tone_shootout.rendering.listening_page.page import make_page
from tone_shootout.rendering.listening_page.poster import MOST_ROWS, POSTER_NAME, Poster, PosterRow
from tone_shootout.rendering.listening_page.sound_files import FOLDER, SegmentSound, sound_files
from tone_shootout.rendering.output.manifest import LevelRecord, Manifest
from tone_shootout.rendering.plan.planner import Plan, PlannedSegment

_METRICS: Final = "metrics"
"""Folder of what tasks report."""


def total_cost(plan: Plan) -> float:
    """Estimate the cost of the page, in seconds on one core."""
    return ENCODE_LISTENING.cost(plan.seconds) + DRAW_POSTER.cost()


def add_sound(graph: TaskGraph, plan: Plan, raws: Path, staging: Path, leveled: Sequence[LeveledSegment]) -> None:
    """Add the tasks that encode the sound of every segment for the page.

    Args:
        graph: the graph.
        plan: the plan.
        raws: folder of the rendered segments.
        staging: folder of the result.
        leveled: the segments' levels.
    """
    (staging / FOLDER).mkdir()
    channels = max(segment.channels for segment in plan.segments)
    for segment, level in zip(plan.segments, leveled, strict=True):
        sound = sound_files(PurePath(segment.file).stem, segment.samples, len(plan.spec.chains), channels)
        task = EncodeListening(
            raw=str(raw_file(raws, segment.render_key)),
            gain_db=level.gain_db,
            sound=sound,
            paths=tuple(str(staging / item.file) for item in sound),
            metrics_file=str(_report_file(staging, segment)),
        )
        graph.add(task, ENCODE_LISTENING.cost(segment.seconds))


def add_poster(
    graph: TaskGraph, plan: Plan, staging: Path, level: LevelRecord, leveled: Sequence[LeveledSegment]
) -> None:
    """Add the task that draws the poster: the tones of the first DI track, or of all if there is one chain.

    Args:
        graph: the graph.
        plan: the plan.
        staging: folder of the result.
        level: the level match.
        leveled: the segments' levels.
    """
    chains, tracks = len(plan.spec.chains), plan.spec.di_tracks
    shown = plan.segments[:chains] if chains > 1 else plan.segments
    rows = shown if len(shown) <= MOST_ROWS else shown[: MOST_ROWS - 1]
    count = f"{len(plan.segments)} {'tone' if len(plan.segments) == 1 else 'tones'}"
    poster = Poster(
        headline=f"{count} of {tracks[0].name if len(tracks) == 1 else f'{len(tracks)} DI tracks'}",
        rows=tuple(
            PosterRow(
                segment.chain_name if chains > 1 else segment.di_name, segment.chain, envelope_file(staging, segment)
            )
            for segment in rows
        ),
        further=len(shown) - len(rows),
        target_lufs=level.target_lufs,
        full_scale=max(amplitude(each.measured.sample_peak_dbfs) for each in leveled),
    )
    graph.add(DrawPoster(poster=poster, path=str(staging / POSTER_NAME)), DRAW_POSTER.cost())


def write(plan: Plan, staging: Path, manifest: Manifest) -> list[str]:
    """Write the page from the files of `add_sound`; return the paths of all its files in the result folder.

    Args:
        plan: the plan.
        staging: folder of the result's files.
        manifest: the manifest, without the page's files.
    """
    sounds = {
        segment.position: msgspec.msgpack.decode(_report_file(staging, segment).read_bytes(), type=SegmentSound)
        for segment in plan.segments
    }
    sound = [item.file for segment in plan.segments for item in sounds[segment.position].files]
    return [*write_document(make_page(manifest, sounds), staging), POSTER_NAME, *sound]


def _report_file(staging: Path, segment: PlannedSegment) -> Path:
    return staging / _METRICS / f"listening-{segment.position}"
