"""Events of a job as the OpenAPI document describes them: one struct for each type, with its data.

Stored events are sent as they are. A test validates the events of a real job against these structs.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from tone_shootout.jobs.dtos import JobErrorRead, JobRead, Progress
from tone_shootout.jobs.status import JobStatus, Phase
from tone_shootout.kit.outages import Dependency
from tone_shootout.rendering.executor.reporter import SegmentStatus


class SnapshotData(Struct, kw_only=True):
    """The state of a job when a stream starts."""

    job: Annotated[JobRead, Meta(description="The whole job.")]
    last_seq: Annotated[int, Meta(description="Number of the job's newest event.", examples=[6])]


class StatusData(Struct, kw_only=True):
    """A new status of a job."""

    status: Annotated[JobStatus, Meta(description="The new status.", examples=["running"])]
    attempt: Annotated[int, Meta(description="Number of attempts so far.", examples=[1])]
    error: Annotated[JobErrorRead | UnsetType, Meta(description="Error of a failed job.")] = UNSET
    waiting_for: Annotated[
        Dependency | UnsetType, Meta(description="Dependency whose outage delays the job.", examples=["storage"])
    ] = UNSET


class PhaseData(Struct, kw_only=True):
    """A phase that begins."""

    phase: Annotated[Phase, Meta(description="The phase.", examples=["render"])]


class SegmentLevels(Struct, kw_only=True):
    """Levels of a segment, as in the manifest."""

    integrated_lufs: Annotated[float, Meta(description="Integrated loudness, LUFS.", examples=[-16.0])]
    loudness_range_lu: Annotated[float, Meta(description="Loudness range, LU.", examples=[3.1])]
    max_momentary_lufs: Annotated[float, Meta(description="Maximum momentary loudness, LUFS.", examples=[-13.9])]
    max_short_term_lufs: Annotated[float, Meta(description="Maximum short-term loudness, LUFS.", examples=[-15.2])]
    true_peak_dbtp: Annotated[float, Meta(description="True peak, dBTP.", examples=[-2.4])]
    sample_peak_dbfs: Annotated[float, Meta(description="Highest sample, dBFS.", examples=[-2.6])]
    rms_dbfs: Annotated[float, Meta(description="RMS, dBFS.", examples=[-17.3])]
    crest_factor_db: Annotated[float, Meta(description="Crest factor, dB.", examples=[14.7])]
    dc_offset: Annotated[float, Meta(description="Mean of all samples.", examples=[0.0])]


class SegmentData(Struct, kw_only=True):
    """A new status of a segment."""

    position: Annotated[int, Meta(description="Position of the segment in the plan, from 1.", examples=[1])]
    status: Annotated[SegmentStatus, Meta(description="`cached`: it was in the render cache.", examples=["rendered"])]
    measured: Annotated[SegmentLevels | UnsetType, Meta(description="Its levels, once they are measured.")] = UNSET


class ArtifactData(Struct, kw_only=True):
    """A file that was stored: a result, or a segment that is available early (`partial/…`)."""

    path: Annotated[str, Meta(description="Path within the results.", examples=["manifest.json"])]
    size_bytes: Annotated[int, Meta(description="Size in bytes.", examples=[48_211])]
    sha256: Annotated[str, Meta(description="SHA-256 of the content.")]
    media_type: Annotated[str, Meta(description="Media type.", examples=["application/json"])]


class _JobEvent(Struct, kw_only=True, tag_field="type"):
    seq: Annotated[int, Meta(description="Number of the event: 1, 2, 3, … for each job.", examples=[7])]
    job_id: Annotated[UUID, Meta(description="The job's id.")]
    at: Annotated[datetime, Meta(description="Time of the event.")]


class SnapshotEvent(_JobEvent, kw_only=True, tag="snapshot"):
    """The first message of a stream: the job as it is. It has the number after which the stream starts."""

    data: Annotated[SnapshotData, Meta(description="The job.")]


class StatusEvent(_JobEvent, kw_only=True, tag="status"):
    """The job has a new status."""

    data: Annotated[StatusData, Meta(description="The status.")]


class PhaseEvent(_JobEvent, kw_only=True, tag="phase"):
    """A phase begins."""

    data: Annotated[PhaseData, Meta(description="The phase.")]


class SegmentEvent(_JobEvent, kw_only=True, tag="segment"):
    """A segment has a new status."""

    data: Annotated[SegmentData, Meta(description="The segment.")]


class ProgressEvent(_JobEvent, kw_only=True, tag="progress"):
    """The progress of the job."""

    data: Annotated[Progress, Meta(description="The progress.")]


class ArtifactEvent(_JobEvent, kw_only=True, tag="artifact"):
    """A file was stored."""

    data: Annotated[ArtifactData, Meta(description="The file.")]


class DoneEvent(_JobEvent, kw_only=True, tag="done"):
    """The last event of a job unless it is retried."""

    data: Annotated[StatusData, Meta(description="The final status.")]


AnyEvent = SnapshotEvent | StatusEvent | PhaseEvent | SegmentEvent | ProgressEvent | ArtifactEvent | DoneEvent
"""An event of any type. Later versions may add types and fields."""
