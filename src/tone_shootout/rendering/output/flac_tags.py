"""Tags of the segments' FLAC files: what a player shows, and whom to credit when a file is passed on alone."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tone_shootout.audio.tags import write_tags
from tone_shootout.rendering.executor.tasks import Measured
from tone_shootout.rendering.output.credits import credit_lines
from tone_shootout.rendering.output.manifest import Input
from tone_shootout.rendering.plan.planner import Plan, PlannedSegment
from tone_shootout.rendering.spec.leaves import leaves
from tone_shootout.rendering.spec.schema import CabIrBlock, CaptureBlock


def tag_segments(
    plan: Plan, folder: Path, measured: Sequence[Measured], inputs: Mapping[str, Input], check: Callable[[], None]
) -> None:
    """Write the tags of all segments. The samples do not change.

    Args:
        plan: the plan.
        folder: folder of the segments' files.
        measured: levels of the files, in the order of the segments.
        inputs: records of the plan's files, by the spec's `file`.
        check: called before each file; an exception that it raises ends the work.

    Raises:
        OSError: a file can't be written.
    """
    for segment, levels in zip(plan.segments, measured, strict=True):
        check()
        write_tags(folder / segment.file, segment_tags(plan, segment, levels, inputs))


def segment_tags(
    plan: Plan, segment: PlannedSegment, measured: Measured, inputs: Mapping[str, Input]
) -> dict[str, str]:
    """Return the tags of a segment by name. They contain no date, path or version.

    Args:
        plan: the plan.
        segment: the segment.
        measured: levels of its file.
        inputs: records of the plan's files, by the spec's `file`.
    """
    used = [plan.spec.di_tracks[segment.di_track].file]
    used += [
        leaf.block.file
        for leaf in leaves(plan.spec.chains[segment.chain])
        if isinstance(leaf.block, CaptureBlock | CabIrBlock) and not leaf.bypass
    ]
    credits_ = [credit for file in dict.fromkeys(used) if (credit := inputs[file].credit) is not None]
    tags = {
        "TITLE": segment.title,
        "ALBUM": plan.spec.title,
        "TRACKNUMBER": str(segment.position),
        "TRACKTOTAL": str(len(plan.segments)),
        "DI_TRACK": segment.di_name,
        "CHAIN": segment.chain_name,
        "LOUDNESS": f"{measured.integrated_lufs:.2f} LUFS",
        "TRUE_PEAK": f"{measured.true_peak_dbtp:.2f} dBTP",
        "RENDER_KEY": segment.render_key,
    }
    if credits_:
        tags["CREDIT"] = "\n".join(credit_lines(credits_))
    return tags
