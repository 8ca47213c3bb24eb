"""Jobs and their events in responses."""

import re
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from tone_shootout.jobs.execution.inputs import notices_of
from tone_shootout.jobs.models import EventRow, Job, JobArtifact, JobEvent, JobRow
from tone_shootout.jobs.status import FINISHED, RETRYABLE, EventType, JobStatus, Phase
from tone_shootout.jobs.summary import JobSummary
from tone_shootout.kit.outages import Dependency
from tone_shootout.shootouts.dtos import NoticeRead
from tone_shootout.shootouts.services import Metadata

_decode_summary: Final = msgspec.json.Decoder(JobSummary | None).decode

JobOrder = Literal["created_at", "-created_at", "finished_at", "-finished_at"]


class Progress(Struct, kw_only=True):
    """Progress of a job, in units of estimated work."""

    percent: Annotated[float, Meta(description="0 to 100.", examples=[42.5])]
    done: Annotated[float, Meta(description="Work done, in the unit of `total`.", examples=[1_200_000.0])]
    total: Annotated[float, Meta(description="Total work; 0 until it is known.", examples=[2_800_000.0])]
    eta_s: Annotated[float | None, Meta(description="Estimated time left, in seconds.", examples=[3.5])]


class JobErrorRead(Struct, kw_only=True):
    """Error of a failed job."""

    code: Annotated[str, Meta(description="Stable error code, for programs.", examples=["silent"])]
    detail: Annotated[str, Meta(description="What failed, for people.")]
    segment: Annotated[
        int | None, Meta(description="Position of the segment that failed, if one did.", examples=[2])
    ] = None
    pointer: Annotated[
        str | None,
        Meta(
            description="JSON pointer to the cause in the shootout as it was submitted, to `/config/…`.",
            examples=["/config/chains/1/blocks/0"],
        ),
    ] = None


class JobLinks(Struct, kw_only=True):
    """Links of a job."""

    self: Annotated[str, Meta(description="The job.")]
    cancel: Annotated[str | None, Meta(description="POST to cancel the job; null when it has finished.")]
    retry: Annotated[str | None, Meta(description="POST to retry the job; null unless it failed or was cancelled.")]
    events: Annotated[str, Meta(description="The job's events as server-sent events.")]
    ws: Annotated[str, Meta(description="The job's events over a WebSocket.")]
    artifacts: Annotated[str, Meta(description="The job's artifacts.")]
    archive: Annotated[str | None, Meta(description="Its artifacts as one ZIP archive; null until it has finished.")]
    bundle: Annotated[
        str | None,
        Meta(description="Its results with all that belongs to them as one ZIP archive; null until completed."),
    ]
    shootout: Annotated[str, Meta(description="The shootout.")]
    page: Annotated[str, Meta(description="The job's page for browsers: its listening page once it is completed.")]


def percent_of(status: JobStatus, done: float, total: float) -> float:
    """Return the progress of a job, 0 to 100, from its estimated cost."""
    if status is JobStatus.COMPLETED:
        return 100.0
    return round(100.0 * done / total, 2) if total else 0.0


class JobRead(Struct, kw_only=True):
    """A job."""

    id: Annotated[UUID, Meta(description="The job's id.")]
    shootout_id: Annotated[UUID, Meta(description="The id of the shootout that the job renders.")]
    title: Annotated[str, Meta(description="The shootout's title at submission.", examples=["Two crunches"])]
    status: Annotated[JobStatus, Meta(description="The job's status.")]
    phase: Annotated[Phase | None, Meta(description="Current phase of a running job, else null.")]
    progress: Annotated[Progress, Meta(description="The job's progress.")]
    attempt: Annotated[int, Meta(description="Number of attempts so far.", examples=[1])]
    error: Annotated[JobErrorRead | None, Meta(description="Error of a failed job, else null.")]
    waiting_for: Annotated[
        Dependency | None,
        Meta(
            description="Dependency whose outage delays the job, else null. The job continues automatically.",
            examples=["storage"],
        ),
    ]
    notices: Annotated[list[NoticeRead], Meta(description="Notices about comparability and licenses.")]
    summary: Annotated[JobSummary | None, Meta(description="Key figures of a completed job, else null.")]
    metadata: Metadata
    created_at: Annotated[datetime, Meta(description="Time of submission.")]
    queued_at: Annotated[datetime | None, Meta(description="Time at which it was last queued.")]
    started_at: Annotated[datetime | None, Meta(description="Start of the newest attempt.")]
    finished_at: Annotated[datetime | None, Meta(description="Time at which it finished.")]
    links: Annotated[JobLinks, Meta(description="Links to related resources.")]

    @classmethod
    def of(cls, job: Job | JobRow) -> "JobRead":
        """Return the response for a job."""
        status = JobStatus(job.status)
        path = job_path(job.id)
        done, total = job.progress_done, job.progress_total
        return cls(
            id=job.id,
            shootout_id=job.shootout_id,
            title=job.title,
            status=status,
            phase=job.phase,  # type: ignore[arg-type]  # the table's CHECK allows nothing but phases
            progress=Progress(
                percent=percent_of(status, done, total), done=round(done, 2), total=round(total, 2), eta_s=job.eta_s
            ),
            attempt=job.attempt,
            error=None if job.error is None else JobErrorRead(**job.error),
            waiting_for=job.waiting_for,  # type: ignore[arg-type]  # only outages are written there
            notices=[NoticeRead.of(notice) for notice in notices_of(job)],
            summary=_summary_of(job),
            metadata=job.labels,
            created_at=job.created_at,
            queued_at=job.queued_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
            links=JobLinks(
                self=path,
                cancel=None if status in FINISHED else f"{path}/cancel",
                retry=f"{path}/retry" if status in RETRYABLE else None,
                events=f"{path}/events",
                ws=f"{path}/ws",
                artifacts=f"{path}/artifacts",
                archive=f"{path}/archive" if status in FINISHED else None,
                bundle=f"{path}/bundle" if status == JobStatus.COMPLETED else None,
                shootout=f"/api/v1/shootouts/{job.shootout_id}",
                page=f"/jobs/{job.id}",
            ),
        )


def _summary_of(job: Job | JobRow) -> JobSummary | None:
    if isinstance(job, Job):
        return None if job.summary is None else msgspec.convert(job.summary, JobSummary)
    return None if job.summary_json is None else _decode_summary(job.summary_json)


class Event(Struct, kw_only=True):
    """An event of a job."""

    seq: Annotated[int, Meta(description="Number of the event: 1, 2, 3, … for each job.", examples=[7])]
    type: Annotated[EventType, Meta(description="Type of the event.")]
    job_id: Annotated[UUID, Meta(description="The job's id.")]
    at: Annotated[datetime, Meta(description="Time of the event.")]
    data: Annotated[dict[str, Any], Meta(description="Data, depending on the type.")]

    @classmethod
    def of(cls, event: JobEvent | EventRow) -> "Event":
        """Return the message for a stored event."""
        return cls(
            seq=event.seq,
            type=event.type,  # type: ignore[arg-type]  # only `JobRepository` appends events, with these types
            job_id=event.job_id,
            at=event.at,
            data=event.data,
        )


class TicketLinks(Struct, kw_only=True):
    """Links of a ticket."""

    ws: Annotated[str, Meta(description="The job's WebSocket, with the ticket.")]


class TicketRead(Struct, kw_only=True):
    """A ticket that opens a job's WebSocket once, for pages that can't send a header."""

    ticket: Annotated[str, Meta(description="Append as `?ticket=…` to the URL of the WebSocket.")]
    expires_in_s: Annotated[int, Meta(description="Lifetime in seconds.", examples=[30])]
    links: Annotated[TicketLinks, Meta(description="Links.")]

    @classmethod
    def of(cls, ticket: str, job_id: UUID, expires_in_s: int) -> "TicketRead":
        """Return the response for a new ticket."""
        links = TicketLinks(ws=f"{job_path(job_id)}/ws?ticket={ticket}")
        return cls(ticket=ticket, expires_in_s=expires_in_s, links=links)


ArtifactType = Literal[
    "manifest",
    "segment",
    "partial_segment",
    "page",
    "page_file",
    "plot",
    "video",
    "thumbnail",
    "chapters",
    "description",
    "other",
]
_TYPES: Final[dict[str, ArtifactType]] = {
    "manifest.json": "manifest",
    "index.html": "page",
    "comparison.mp4": "video",
    "thumbnail.png": "thumbnail",
    "chapters.txt": "chapters",
    "description.txt": "description",
}
_FOLDERS: Final[dict[str, ArtifactType]] = {
    "segments": "segment",
    "partial": "partial_segment",
    "listen": "page_file",
    "plots": "plot",
}
_POSITION: Final = re.compile(r"(?:segments|partial)/(\d+)-")


class ArtifactLinks(Struct, kw_only=True):
    """Links of an artifact."""

    content: Annotated[str, Meta(description="Its content.")]
    job: Annotated[str, Meta(description="The job that produced it.")]


class ArtifactRead(Struct, kw_only=True):
    """A file that a job has produced."""

    path: Annotated[str, Meta(description="Path within the results.", examples=["manifest.json"])]
    type: Annotated[
        ArtifactType,
        Meta(
            description="What the file is. `partial_segment`: not level-matched yet. `page`: the listening page, which "
            "needs each `page_file`.",
            examples=["manifest"],
        ),
    ]
    segment: Annotated[
        int | None, Meta(description="Position of the segment that the file has; null: none.", examples=[1])
    ]
    size_bytes: Annotated[int, Meta(description="Size in bytes.", examples=[48_211])]
    sha256: Annotated[str, Meta(description="SHA-256 of the content, also its ETag.")]
    media_type: Annotated[str, Meta(description="Media type.", examples=["audio/flac"])]
    links: Annotated[ArtifactLinks, Meta(description="Links to related resources.")]

    @classmethod
    def of(cls, artifact: JobArtifact) -> "ArtifactRead":
        """Return the response for an artifact."""
        job = job_path(artifact.job_id)
        position = _POSITION.match(artifact.path)
        return cls(
            path=artifact.path,
            type=artifact_type(artifact.path),
            segment=int(position[1]) if position else None,
            size_bytes=artifact.size,
            sha256=artifact.sha256,
            media_type=artifact.media_type,
            links=ArtifactLinks(content=f"{job}/artifacts/{artifact.path}", job=job),
        )


def artifact_type(path: str) -> ArtifactType:
    """Return the type of an artifact by its path."""
    return _TYPES.get(path) or _FOLDERS.get(path.partition("/")[0], "other")


def job_path(job_id: UUID) -> str:
    """Return the URL path of a job."""
    return f"/api/v1/jobs/{job_id}"
