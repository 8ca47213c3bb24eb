"""Tables of jobs, their events and artifacts, and the render cache."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from advanced_alchemy.types import DateTimeUTC
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from tone_shootout.jobs.status import FINISHED, PHASES, WAITING, EventType, JobStatus
from tone_shootout.kit.db.session import Base, UUIDv7AuditBase


def _one_of(column: str, values: object) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in sorted(values))})"  # type: ignore[call-overload]


def error_document(
    code: str | None, detail: str | None, segment: int | None, pointer: str | None
) -> dict[str, Any] | None:
    """Return the error of a failed job, as in events and responses; None for other jobs."""
    return None if code is None else {"code": code, "detail": detail or "", "segment": segment, "pointer": pointer}


class Job(UUIDv7AuditBase):
    """One run of a shootout. The row is also the outbox of the queue."""

    __tablename__ = "job"
    __table_args__ = (
        CheckConstraint(_one_of("status", list(JobStatus)), name="status"),
        CheckConstraint(f"phase IS NULL OR {_one_of('phase', PHASES)}", name="phase"),
        CheckConstraint("progress_done >= 0 AND progress_done <= progress_total", name="progress"),
        CheckConstraint("cost_s >= 0", name="cost"),
        Index("ix_job_owner_id_created_at", "owner_id", "created_at"),
        Index("ix_job_owner_id_started_at", "owner_id", "started_at"),
        Index("ix_job_to_thin", "finished_at", postgresql_where=text("finished_at IS NOT NULL AND NOT events_thinned")),
        Index("ix_job_waiting", "owner_id", "created_at", "id", postgresql_where=text(_one_of("status", WAITING))),
        Index("ix_job_failed", "error_code", "id", postgresql_where=text("status = 'failed'")),
        Index("ix_job_unfinished", "status", postgresql_where=text(f"NOT ({_one_of('status', FINISHED)})")),
    )

    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    shootout_id: Mapped[UUID] = mapped_column(ForeignKey("shootout.id", ondelete="CASCADE"), index=True)
    title: Mapped[str] = mapped_column(String(120))
    inputs: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """The shootout as it was when the job was submitted: spec and assets (`execution.inputs.Inputs`)."""
    cost_s: Mapped[float] = mapped_column(Float, default=0.0)
    """Estimated seconds on one core, at submission, without cache hits."""
    status: Mapped[str] = mapped_column(String(16), default=JobStatus.PENDING)
    phase: Mapped[str | None] = mapped_column(String(16))
    attempt: Mapped[int] = mapped_column(Integer, default=0)
    """Number of attempts. A worker with an older number can't write any more."""
    interruptions: Mapped[int] = mapped_column(SmallInteger, default=0)
    """Number of attempts that an error ended since the job was submitted or retried. Outages do not count."""
    not_before: Mapped[datetime | None] = mapped_column(DateTimeUTC(timezone=True))
    """After an interruption: earliest start of the next attempt."""
    waiting_for: Mapped[str | None] = mapped_column(String(16))
    """After an outage: the unavailable dependency (`kit.outages.Dependency`)."""
    event_seq: Mapped[int] = mapped_column(Integer, default=0)
    """Number of the newest event of this job."""
    progress_done: Mapped[float] = mapped_column(Float, default=0.0)
    progress_total: Mapped[float] = mapped_column(Float, default=0.0)
    eta_s: Mapped[float | None] = mapped_column(Float)
    summary: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """Key figures of a completed job (`summary.JobSummary`)."""
    labels: Mapped[dict[str, str]] = mapped_column("metadata", JSONB, default=dict, server_default="{}")
    """`metadata` of the shootout at submission; SQLAlchemy uses that name itself."""
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_detail: Mapped[str | None] = mapped_column(String(2000))
    error_segment: Mapped[int | None] = mapped_column(SmallInteger)
    error_pointer: Mapped[str | None] = mapped_column(String(100))

    @property
    def error(self) -> dict[str, Any] | None:
        """The error of a failed job, as in events and responses; None for other jobs."""
        return error_document(self.error_code, self.error_detail, self.error_segment, self.error_pointer)

    worker: Mapped[str | None] = mapped_column(String(120))
    heartbeat_at: Mapped[datetime | None] = mapped_column(DateTimeUTC(timezone=True))
    queued_at: Mapped[datetime | None] = mapped_column(DateTimeUTC(timezone=True))
    started_at: Mapped[datetime | None] = mapped_column(DateTimeUTC(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTimeUTC(timezone=True))
    events_thinned: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Whether maintenance has deleted the progress events of the finished job."""
    request_id: Mapped[str | None] = mapped_column(String(64))
    """Id of the request that has submitted or retried the job."""
    trace_parent: Mapped[str | None] = mapped_column(String(64))
    """`traceparent` of that request, while traces are on (`kit.tracing`)."""


class JobRow(NamedTuple):
    """What a response shows of a job, read without an entity. Names that end in `_json` are JSON."""

    id: UUID
    shootout_id: UUID
    title: str
    status: str
    phase: str | None
    progress_done: float
    progress_total: float
    eta_s: float | None
    attempt: int
    error_code: str | None
    error_detail: str | None
    error_segment: int | None
    error_pointer: str | None
    waiting_for: str | None
    inputs_json: str
    summary_json: str | None
    labels_json: str
    created_at: datetime
    queued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    event_seq: int

    @property
    def error(self) -> dict[str, Any] | None:
        """The error of a failed job, as in events and responses; None for other jobs."""
        return error_document(self.error_code, self.error_detail, self.error_segment, self.error_pointer)

    @property
    def labels(self) -> dict[str, str]:
        """`metadata` of the shootout at submission."""
        return {} if self.labels_json == "{}" else msgspec.json.decode(self.labels_json, type=dict[str, str])


class JobEvent(Base):
    """An event of a job. Rows are appended and never changed."""

    __tablename__ = "job_event"

    job_id: Mapped[UUID] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True)
    type: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime] = mapped_column(DateTimeUTC(timezone=True))
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)


class EventRow(NamedTuple):
    """An event, read without an entity."""

    job_id: UUID
    seq: int
    type: EventType
    at: datetime
    data_json: str

    @property
    def data(self) -> dict[str, Any]:
        """Data, depending on the type."""
        return msgspec.json.decode(self.data_json, type=dict[str, Any])


class JobPicture(Base):
    """A picture of gear that a job draws, as it was when the job was submitted: a small JPEG file."""

    __tablename__ = "job_picture"

    job_id: Mapped[UUID] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class JobArtifact(Base):
    """A file that a job has produced."""

    __tablename__ = "job_artifact"
    __table_args__ = (CheckConstraint("size >= 0", name="size"),)

    job_id: Mapped[UUID] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), primary_key=True)
    path: Mapped[str] = mapped_column(String(400), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    media_type: Mapped[str] = mapped_column(String(100))
    storage_key: Mapped[str] = mapped_column(String(600))


class RenderCacheEntry(Base):
    """Rendered audio in the object storage, cached for its owner only."""

    __tablename__ = "render_cache"
    __table_args__ = (
        CheckConstraint("size >= 0", name="size"),
        Index("ix_render_cache_owner_id_last_used_at", "owner_id", "last_used_at"),
    )

    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    last_used_at: Mapped[datetime] = mapped_column(DateTimeUTC(timezone=True))
