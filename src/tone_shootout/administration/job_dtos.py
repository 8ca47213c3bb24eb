"""Jobs of all users in requests and responses."""

from datetime import UTC, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from msgspec import Meta, Struct, structs

from tone_shootout.administration.errors import EmptyFilterError
from tone_shootout.jobs.all_jobs import BulkResult, Left
from tone_shootout.jobs.dtos import percent_of
from tone_shootout.jobs.repositories.all_jobs import JobFilter, JobOfUser
from tone_shootout.jobs.status import FINISHED, RETRYABLE, JobStatus, Phase
from tone_shootout.kit.http.period import Time, checked_time
from tone_shootout.kit.outages import Dependency

PATH = "/api/v1/admin/jobs"
MAX_BULK = 500
CODE_PATTERN = r"^[a-z0-9_]+$(?!\n)"
MAX_CODE = 64

JobIdField = Annotated[UUID, Meta(description="Id of the job.")]


class JobOfUserLinks(Struct, kw_only=True):
    """Links of a job, for administrators."""

    self: Annotated[str, Meta(description="The job.")]
    owner: Annotated[str, Meta(description="Its owner.")]
    cancel: Annotated[str | None, Meta(description="POST to cancel the job; null when it has finished.")]
    retry: Annotated[str | None, Meta(description="POST to retry the job; null unless it failed or was cancelled.")]


class JobOfUserRead(Struct, kw_only=True):
    """A job of any user, for administrators."""

    id: JobIdField
    owner_id: Annotated[UUID, Meta(description="Id of its owner.")]
    owner_name: Annotated[str, Meta(description="User name of its owner.", examples=["ada"])]
    title: Annotated[str, Meta(description="The shootout's title at submission.", examples=["Two crunches"])]
    status: Annotated[JobStatus, Meta(description="The job's status.")]
    phase: Annotated[Phase | None, Meta(description="Current phase of a running job, else null.")]
    percent: Annotated[float, Meta(description="Progress, 0 to 100.", examples=[42.5])]
    attempt: Annotated[int, Meta(description="Number of attempts so far.", examples=[1])]
    error_code: Annotated[
        str | None, Meta(description="Error code of a failed job, else null.", examples=["storage_unavailable"])
    ]
    error_detail: Annotated[str | None, Meta(description="What failed, else null.", examples=["The storage failed."])]
    waiting_for: Annotated[
        Dependency | None, Meta(description="Dependency whose outage delays the job, else null.", examples=["storage"])
    ]
    worker: Annotated[
        str | None, Meta(description="Worker of the newest attempt, else null.", examples=["studio:4711"])
    ]
    created_at: Annotated[datetime, Meta(description="Time of submission.")]
    queued_at: Annotated[datetime | None, Meta(description="Time at which it was last queued.")]
    started_at: Annotated[datetime | None, Meta(description="Start of the newest attempt.")]
    finished_at: Annotated[datetime | None, Meta(description="Time at which it finished.")]
    links: Annotated[JobOfUserLinks, Meta(description="Links to related resources.")]

    @classmethod
    def of(cls, job: JobOfUser, owner_name: str) -> Self:
        """Return the representation of a job."""
        status, path = JobStatus(job.status), f"{PATH}/{job.id}"
        return cls(
            id=job.id,
            owner_id=job.owner_id,
            owner_name=owner_name,
            title=job.title,
            status=status,
            phase=job.phase,  # type: ignore[arg-type]  # the table's CHECK allows nothing but phases
            percent=percent_of(status, job.progress_done, job.progress_total),
            attempt=job.attempt,
            error_code=job.error_code,
            error_detail=job.error_detail,
            waiting_for=job.waiting_for,  # type: ignore[arg-type]  # only outages are written there
            worker=job.worker,
            created_at=job.created_at,
            queued_at=job.queued_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
            links=JobOfUserLinks(
                self=path,
                owner=f"/api/v1/admin/users/{job.owner_id}",
                cancel=None if status in FINISHED else f"{path}/cancel",
                retry=f"{path}/retry" if status in RETRYABLE else None,
            ),
        )


class JobSelection(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which jobs are meant. All criteria that are given must be met; at least one is needed."""

    status: Annotated[JobStatus | None, Meta(description="Only jobs in this status.", examples=["failed"])] = None
    error_code: Annotated[
        Annotated[str, Meta(pattern=CODE_PATTERN, min_length=1, max_length=MAX_CODE)] | None,
        Meta(description="Only jobs that failed with this code.", examples=["storage_unavailable"]),
    ] = None
    owner_id: Annotated[UUID | None, Meta(description="Only jobs of this user.")] = None
    created_since: Annotated[Time | None, Meta(description="Only jobs submitted at or after this time.")] = None
    created_until: Annotated[Time | None, Meta(description="Only jobs submitted before this time.")] = None
    finished_since: Annotated[
        Time | None,
        Meta(description="Only jobs that ended at or after this time.", examples=["2026-11-29T14:00:00Z"]),
    ] = None
    finished_until: Annotated[Time | None, Meta(description="Only jobs that ended before this time.")] = None

    def filter(self) -> JobFilter:
        """Return the filter.

        Raises:
            EmptyFilterError: there is no criterion.
            MalformedError: a time is of another millennium.
        """
        values: dict[str, Any] = structs.asdict(self)
        if all(value is None for value in values.values()):
            raise EmptyFilterError
        for name, value in values.items():
            if isinstance(value, datetime):
                values[name] = checked_time(name, value, pointer=f"/filter/{name}").astimezone(UTC)
        return JobFilter(**values)


class BulkCreate(Struct, kw_only=True, forbid_unknown_fields=True):
    """A change of many jobs."""

    filter: Annotated[JobSelection, Meta(description="Which jobs are meant.")]
    dry_run: Annotated[bool, Meta(description="Only count the jobs; change nothing.")] = False
    limit: Annotated[int, Meta(ge=1, le=MAX_BULK, description="Largest number of jobs to look at.", examples=[100])] = (
        100
    )
    after: Annotated[UUID | None, Meta(description="`next_after` of the call before, to continue it.")] = None


class LeftJobRead(Struct, kw_only=True):
    """A job that was left as it is."""

    job_id: JobIdField
    code: Annotated[str, Meta(description="Code of the reason.", examples=["too_many_jobs"])]
    detail: Annotated[
        str, Meta(description="The reason.", examples=["You have 20 unfinished jobs, which is the limit."])
    ]

    @classmethod
    def of(cls, left: Left) -> Self:
        """Return the representation of a job that was left."""
        return cls(job_id=left.job_id, code=left.code, detail=left.detail)


class BulkRead(Struct, kw_only=True):
    """What was done to many jobs."""

    dry_run: Annotated[bool, Meta(description="Whether nothing was changed.")]
    matched: Annotated[int, Meta(description="Jobs that matched, those of this call included.", examples=[120])]
    done: Annotated[list[UUID], Meta(description="Ids of the jobs that were changed.")]
    left: Annotated[list[LeftJobRead], Meta(description="Jobs that were left as they are, with the reasons.")]
    remaining: Annotated[int, Meta(description="Jobs that this call did not look at.", examples=[20])]
    next_after: Annotated[UUID | None, Meta(description="Send it as `after` to continue; null: that was all.")]

    @classmethod
    def of(cls, result: BulkResult) -> Self:
        """Return the representation of a result."""
        remaining = max(0, result.matched - len(result.done) - len(result.left))
        return cls(
            dry_run=False,
            matched=result.matched,
            done=result.done,
            left=[LeftJobRead.of(left) for left in result.left],
            remaining=remaining,
            next_after=result.last if remaining else None,
        )
