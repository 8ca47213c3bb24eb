"""Entry point of the renderer: `produce` carries out a plan, from files to the result folder.

The command line and the worker both call it, so their results are equal.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from tone_shootout.audio.constants import FADE_MS
from tone_shootout.rendering.engine.schedule import Step, schedule
from tone_shootout.rendering.estimate import estimate
from tone_shootout.rendering.executor import analysis, path_latencies, placements, stages
from tone_shootout.rendering.executor.machine_store import MachineStore
from tone_shootout.rendering.executor.placements import NOT_ALIGNED, UNCHANGED, Placement
from tone_shootout.rendering.executor.plot_tasks import add_plots
from tone_shootout.rendering.executor.pool import Pool
from tone_shootout.rendering.executor.reporter import Phase, Reporter, SegmentStatus, Store
from tone_shootout.rendering.executor.sweeps import input_level_db
from tone_shootout.rendering.executor.task_executor import TaskExecutor, TaskGraph
from tone_shootout.rendering.listening_page import pipeline as listening_page
from tone_shootout.rendering.metrics import Latency
from tone_shootout.rendering.notices import FOR_THE_AUTHOR, UNEVEN
from tone_shootout.rendering.output.credits import Credit, credit_lines, notices
from tone_shootout.rendering.output.flac_tags import tag_segments
from tone_shootout.rendering.output.manifest import (
    Fades,
    FileRecord,
    Manifest,
    SegmentRecord,
    TurnRecord,
    name_inputs,
    versions,
    with_names,
)
from tone_shootout.rendering.output.result_folder import publish, record, staging_folder
from tone_shootout.rendering.output.youtube_text import UNCALIBRATED, chapters, description, notes
from tone_shootout.rendering.plan.keys import ENGINE
from tone_shootout.rendering.plan.planner import Plan
from tone_shootout.rendering.plan.rates import OUTPUT_RATE, resampled
from tone_shootout.rendering.plan.timeline import FRAME_RATE
from tone_shootout.rendering.video.contents import as_heard, key_of_letters
from tone_shootout.rendering.video.program import Program, times_ms
from tone_shootout.rendering.video.video_pipeline import THUMBNAIL_NAME, VIDEO_NAME, VideoTasks

__all__ = ["Phase", "Reporter", "SegmentStatus", "Store", "produce"]

CHAPTERS_NAME: Final = "chapters.txt"
DESCRIPTION_NAME: Final = "description.txt"


def produce(
    plan: Plan,
    sources: Mapping[str, Path],
    out: Path,
    *,
    processes: int,
    reporter: Reporter,
    video: bool = True,
    plots: bool = True,
    page: bool = True,
    sound_only: bool = False,
    store: Store | None = None,
    names: Mapping[str, str] | None = None,
    credited: Mapping[str, Credit] | None = None,
    previews: Path | None = None,
    pictures: Mapping[str, Path] | None = None,
) -> Manifest:
    """Render a shootout, match its levels and write all result files. Blocks until everything is written.

    Args:
        plan: the plan.
        sources: path of each of the plan's files, by the spec's `file`.
        out: result folder, created if it does not exist. An earlier result in it is replaced as a whole at the end.
        processes: number of child processes.
        reporter: receives progress; its `check` can cancel.
        video: whether to make a video, if the spec has one.
        plots: whether to draw plots, if the spec has them.
        page: whether to make the listening page, if the spec has one.
        sound_only: whether to make only the segments: no metrics beyond loudness, no plots, no page and no video.
        store: cache of earlier results; new ones are added to it.
        names: names of the inputs in the manifest, by the spec's `file`; by default the last part of the path.
        credited: credits of the inputs, by the spec's `file`.
        previews: folder for a FLAC of each segment (`stages.preview_file`), matched on its own, that is complete
            before `reporter.segment` is called; not written if all segments are cached; None: none.
        pictures: JPEG files of the gear for the cards of the video, by the spec's `file`; None: none.

    Returns:
        The manifest, which is also the last file written.

    Raises:
        RenderError: a segment can't be rendered.
        WorkerDied: a child process ended.
        OSError: the result folder can't be written.
        Exception: anything that `reporter.check` raises, usually `Cancelled`.
    """
    store = None if store is None else MachineStore(store)
    page = page and plan.spec.output.page and not sound_only
    plots = plots and plan.spec.output.plots and not sound_only
    video = video and plan.spec.output.video and not sound_only
    with staging_folder(out) as staging, Pool(processes) as pool:
        reporter.phase("render")
        raws = staging / "raw"
        raws.mkdir()
        available = stages.fetch(plan, store, raws, reporter)
        rounds = schedule(plan, available)
        total = estimate(plan, available, video=video, plots=plots, page=page, sound_only=sound_only)
        executor = TaskExecutor(pool, reporter, total, store)
        reporter.progress(0.0, total)
        (staging / "metrics").mkdir()
        paths = path_latencies.measure(plan, sources, staging / "metrics", executor)
        placed = placements.measure(plan, sources, staging / "metrics", executor, paths)
        measured = stages.render(plan, sources, raws, rounds, executor, paths, placed, previews)
        reporter.phase("level")
        (staging / "segments").mkdir()
        level, leveled = stages.level(plan, raws, staging, measured, executor)
        inputs = name_inputs(plan.media_info, names or {}, credited or {})
        tag_segments(plan, staging, [each.measured for each in leveled], inputs, reporter.check)
        warnings = (*plan.notices, *notices(plan.spec, credited or {}))
        found = encoded = program = None
        drawn: list[str] = []
        if not sound_only:
            graph = TaskGraph()
            measurements = analysis.Measurements(
                graph, plan, sources, raws, staging / "metrics", leveled, paths, placed
            )
            film = None
            if video:
                film = VideoTasks(
                    graph,
                    plan,
                    sources,
                    raws,
                    staging,
                    level,
                    leveled,
                    inputs,
                    measurements,
                    lambda: reporter.phase("video"),
                    pictures or {},
                )
            if plots:
                reporter.phase("plots")
                drawn = add_plots(graph, plan, staging, level, leveled, inputs, measurements)
            if page:
                listening_page.add_sound(graph, plan, raws, staging, leveled)
                listening_page.add_poster(graph, plan, staging, level, leveled)
            for _ in executor.run_graph(graph):
                pass
            found = measurements.collect(inputs)
            if film is not None:
                encoded, program = film.encoded(), film.program
        files = {name: record(staging, name) for name in (*(segment.file for segment in plan.segments), *drawn)}
        times = times_ms(plan, program)
        segments = _records(plan, leveled, found, files, paths, placed, available, rounds, times)
        if encoded is not None and program is not None:
            (staging / CHAPTERS_NAME).write_text(chapters(program.chapters), encoding="utf-8")
            shown = [notice for notice in warnings if notice.code not in FOR_THE_AUTHOR]
            heard, level_of_heard = as_heard(plan, segments, level)
            text = description(
                plan.spec.title,
                level_of_heard,
                tuple(inputs.values()),
                heard,
                program,
                encoded,
                shown,
                key_of_letters(plan),
            )
            (staging / DESCRIPTION_NAME).write_text(text, encoding="utf-8")
            names_of_video = (VIDEO_NAME, THUMBNAIL_NAME, CHAPTERS_NAME, DESCRIPTION_NAME)
            files |= {name: record(staging, name) for name in names_of_video}
        manifest = Manifest(
            title=plan.spec.title,
            engine=ENGINE,
            versions=dict(versions()),
            level=level,
            inputs=tuple(inputs.values()),
            spec=with_names(plan.spec, inputs),
            credits=tuple(credit_lines(item.credit for item in inputs.values() if item.credit is not None)),
            notices=warnings,
            segments=segments,
            captures=found.captures if found else (),
            comparisons=found.comparisons if found else (),
            difference=found.differences if found else (),
            sweeps=found.sweeps if found else (),
            video=encoded,
            ab_round=_turns(program) if program is not None else (),
            fades=Fades(length_ms=FADE_MS) if all(segment.faded for segment in plan.segments) else None,
            files=(),
        )
        if page:
            files |= {name: record(staging, name) for name in listening_page.write(plan, staging, manifest)}
        manifest = msgspec.structs.replace(manifest, files=tuple(files.values()))
        for name in publish(staging, out, manifest):
            reporter.file(name)
    return manifest


def _records(
    plan: Plan,
    leveled: Sequence[stages.LeveledSegment],
    found: analysis.Analysis | None,
    files: Mapping[str, FileRecord],
    paths: Mapping[str, Latency],
    placed: Mapping[str, Placement],
    available: Collection[str],
    rounds: Sequence[Sequence[Step]],
    times: Mapping[int, tuple[int, int]],
) -> tuple[SegmentRecord, ...]:
    nothing = (None,) * len(plan.segments)
    latencies, metrics_of = (found.latencies, found.metrics) if found else (nothing, nothing)
    uneven = _uncalibrated(plan)
    inferences = {step.segment.position: step.inferences for steps in rounds for step in steps}
    return tuple(
        SegmentRecord(
            position=segment.position,
            di_track=segment.di_name,
            chain=segment.chain_name,
            render_key=segment.render_key,
            file=segment.file,
            sha256=files[segment.file].sha256,
            start_ms=times[segment.position][0],
            end_ms=times[segment.position][1],
            sample_rate_hz=OUTPUT_RATE,
            samples=segment.samples,
            channels=segment.channels,
            tail_samples=resampled(segment.tail, segment.di_rate, OUTPUT_RATE),
            measured=level.measured,
            loudness_before_lufs=level.loudness_before_lufs,
            true_peak_before_dbtp=level.true_peak_before_dbtp,
            gain_db=level.gain_db,
            trim_db=plan.spec.chains[segment.chain].trim_db,
            calibration=segment.calibration,
            drive_db=next((stage.drive_db for stage in segment.stages if stage.drive_db is not None), None),
            cache_hit=segment.render_key in available,
            inferences=inferences.get(segment.position, 0),
            latency=latency,
            metrics=metrics,
            shift_samples=placed.get(segment.chain_key, UNCHANGED).shift_samples,
            inverted=placed.get(segment.chain_key, UNCHANGED).inverted,
            input_gain_db=input_level_db(plan.spec.chains[segment.chain]),
            splits=path_latencies.split_records(segment, paths),
            notes=(
                *notes((segment.stop - segment.start) / segment.di_rate),
                *([UNCALIBRATED] if segment.position in uneven else []),
                *path_latencies.unaligned(segment, paths),
                *([] if placed.get(segment.chain_key, UNCHANGED).is_known else [NOT_ALIGNED]),
            ),
        )
        for segment, level, latency, metrics in zip(plan.segments, leveled, latencies, metrics_of, strict=True)
    )


def _turns(program: Program) -> tuple[TurnRecord, ...]:
    found = []
    for each in program.rounds:
        frame = each.start
        for turn in each.turns:
            start, end, first = (
                round(frames * 1000 / FRAME_RATE) for frames in (frame, frame + turn.frames, turn.first)
            )
            found.append(TurnRecord(position=turn.position, start_ms=start, end_ms=end, segment_ms=first))
            frame += turn.frames
    return tuple(found)


def _uncalibrated(plan: Plan) -> frozenset[int]:
    """Return the positions of segments whose drive is not calibrated while that of others is."""
    if all(notice.code != UNEVEN for notice in plan.notices):
        return frozenset()
    tracks = [track.calibration_dbu is not None for track in plan.spec.di_tracks]
    return frozenset(
        segment.position
        for segment in plan.segments
        if tracks[segment.di_track]
        and any(stage.inference for stage in segment.stages)
        and all(stage.drive_db is None for stage in segment.stages)
    )
