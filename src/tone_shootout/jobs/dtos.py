"""Jobs and their events as clients see them."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, Struct

from tone_shootout.jobs.execution.inputs import notices_of
from tone_shootout.jobs.models import Job, JobArtifact, JobEvent
from tone_shootout.jobs.status import FINISHED, EventType, JobStatus, Phase
from tone_shootout.kit.outages import Dependency
from tone_shootout.shootouts.dtos import NoticeRead

JobOrder = Literal["created_at", "-created_at", "finished_at", "-finished_at"]


class Progress(Struct, kw_only=True):
    """How far a job is, in units of real work."""

    percent: Annotated[float, Meta(description="0 to 100.", examples=[42.5])]
    done: Annotated[float, Meta(description="Work done.", examples=[1_200_000.0])]
    total: Annotated[float, Meta(description="Work in all; 0 until it is known.", examples=[2_800_000.0])]
    eta_s: Annotated[float | None, Meta(description="Seconds left, estimated.", examples=[3.5])]


class JobErrorRead(Struct, kw_only=True):
    """Why a job failed."""

    code: Annotated[str, Meta(description="Stable, for programs.", examples=["silent"])]
    detail: Annotated[str, Meta(description="One sentence for people.")]
    segment: Annotated[
        int | None, Meta(description="Position of the segment that can't be made, if it is one.", examples=[2])
    ] = None
    pointer: Annotated[
        str | None,
        Meta(
            description="JSON pointer into the shootout's config: what is the reason.", examples=["/chains/1/blocks/0"]
        ),
    ] = None


class JobLinks(Struct, kw_only=True):
    """Where to go from a job."""

    self: Annotated[str, Meta(description="The job.")]
    cancel: Annotated[str | None, Meta(description="POST here to cancel; null when it is finished.")]
    retry: Annotated[str | None, Meta(description="POST here to begin again; null unless it failed or was cancelled.")]
    events: Annotated[str, Meta(description="Its events as server-sent events.")]
    ws: Annotated[str, Meta(description="Its events over a WebSocket.")]
    artifacts: Annotated[str, Meta(description="Its results.")]
    shootout: Annotated[str, Meta(description="What it carries out.")]


class JobRead(Struct, kw_only=True):
    """A job."""

    id: Annotated[UUID, Meta(description="The job's id.")]
    shootout_id: Annotated[UUID, Meta(description="The shootout that it carries out.")]
    title: Annotated[str, Meta(description="The shootout's title when it was submitted.", examples=["Two crunches"])]
    status: Annotated[JobStatus, Meta(description="Where it is in its life.")]
    phase: Annotated[Phase | None, Meta(description="What is being done, while it runs.")]
    progress: Annotated[Progress, Meta(description="How far it is.")]
    attempt: Annotated[int, Meta(description="How many workers have taken it.", examples=[1])]
    error: Annotated[JobErrorRead | None, Meta(description="Why it failed.")]
    waiting_for: Annotated[
        Dependency | None,
        Meta(
            description="While it is queued after an outage: what did not answer. It goes on by itself.",
            examples=["storage"],
        ),
    ]
    notices: Annotated[list[NoticeRead], Meta(description="What to know before comparing or publishing.")]
    created_at: Annotated[datetime, Meta(description="When it was submitted.")]
    queued_at: Annotated[datetime | None, Meta(description="When it was queued last.")]
    started_at: Annotated[datetime | None, Meta(description="When a worker took it last.")]
    finished_at: Annotated[datetime | None, Meta(description="When it ended.")]
    links: Annotated[JobLinks, Meta(description="Where to go from here.")]

    @classmethod
    def of(cls, job: Job) -> "JobRead":
        """Show a job."""
        status = JobStatus(job.status)
        path = f"/api/v1/jobs/{job.id}"
        done, total = job.progress_done, job.progress_total
        percent = 100.0 if status is JobStatus.COMPLETED else (100.0 * done / total if total else 0.0)
        return cls(
            id=job.id,
            shootout_id=job.shootout_id,
            title=job.title,
            status=status,
            phase=job.phase,  # type: ignore[arg-type]  # the table's CHECK allows nothing but phases
            progress=Progress(percent=round(percent, 2), done=done, total=total, eta_s=job.eta_s),
            attempt=job.attempt,
            error=None if job.error is None else JobErrorRead(**job.error),
            waiting_for=job.waiting_for,  # type: ignore[arg-type]  # only outages are written there
            notices=[NoticeRead.of(notice) for notice in notices_of(job)],
            created_at=job.created_at,
            queued_at=job.queued_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
            links=JobLinks(
                self=path,
                cancel=None if status in FINISHED else f"{path}/cancel",
                retry=f"{path}/retry" if status in (JobStatus.FAILED, JobStatus.CANCELLED) else None,
                events=f"{path}/events",
                ws=f"{path}/ws",
                artifacts=f"{path}/artifacts",
                shootout=f"/api/v1/shootouts/{job.shootout_id}",
            ),
        )


class Event(Struct, kw_only=True):
    """One event of a job."""

    seq: Annotated[int, Meta(description="Its number: 1, 2, 3, … for each job.", examples=[7])]
    type: Annotated[EventType, Meta(description="What kind of event.")]
    job_id: Annotated[UUID, Meta(description="Whose event.")]
    at: Annotated[datetime, Meta(description="When it happened.")]
    data: Annotated[dict[str, Any], Meta(description="What happened.")]

    @classmethod
    def of(cls, event: JobEvent) -> "Event":
        """Show a line of the log."""
        return cls(
            seq=event.seq,
            type=event.type,  # type: ignore[arg-type]  # only `JobRepository` writes the log, with these types
            job_id=event.job_id,
            at=event.at,
            data=event.data,
        )


class TicketRead(Struct, kw_only=True):
    """Opens a job's WebSocket once, for a browser page that holds a token."""

    ticket: Annotated[str, Meta(description="Append as `?ticket=…` to the address of the WebSocket.")]
    expires_in_s: Annotated[int, Meta(description="Seconds that it can be used for.", examples=[30])]


class ArtifactRead(Struct, kw_only=True):
    """A file that a job has made."""

    path: Annotated[str, Meta(description="Its name in the results.", examples=["manifest.json"])]
    size: Annotated[int, Meta(description="Bytes.", examples=[48_211])]
    sha256: Annotated[str, Meta(description="Its hash, which is its ETag too.")]
    media_type: Annotated[str, Meta(description="What it is.", examples=["audio/flac"])]
    href: Annotated[str, Meta(description="Where to get it.")]

    @classmethod
    def of(cls, artifact: JobArtifact) -> "ArtifactRead":
        """Show an artifact."""
        return cls(
            path=artifact.path,
            size=artifact.size,
            sha256=artifact.sha256,
            media_type=artifact.media_type,
            href=f"/api/v1/jobs/{artifact.job_id}/artifacts/{artifact.path}",
        )


class ArtifactList(Struct, kw_only=True):
    """All that a job has made."""

    items: Annotated[list[ArtifactRead], Meta(description="Its files, by path.")]
