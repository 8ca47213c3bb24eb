"""Tables of the work: jobs, their event log, their artifacts, and the sound that is kept for the next one."""

from datetime import datetime
from typing import Any
from uuid import UUID

from advanced_alchemy.types import DateTimeUTC
from sqlalchemy import BigInteger, CheckConstraint, Float, ForeignKey, Index, Integer, SmallInteger, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from tone_shootout.jobs.status import FINISHED, PHASES, JobStatus
from tone_shootout.kit.db.session import Base, UUIDv7AuditBase


def _one_of(column: str, values: object) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in sorted(values))})"  # type: ignore[call-overload]


class Job(UUIDv7AuditBase):
    """One carrying-out of a shootout. The row is also the outbox of the queue."""

    __tablename__ = "job"
    __table_args__ = (
        CheckConstraint(_one_of("status", list(JobStatus)), name="status"),
        CheckConstraint(f"phase IS NULL OR {_one_of('phase', PHASES)}", name="phase"),
        CheckConstraint("progress_done >= 0 AND progress_done <= progress_total", name="progress"),
        CheckConstraint("cost_s >= 0", name="cost"),
        Index("ix_job_owner_id_created_at", "owner_id", "created_at"),
        Index("ix_job_owner_id_started_at", "owner_id", "started_at"),
        Index("ix_job_unfinished", "status", postgresql_where=text(f"NOT ({_one_of('status', FINISHED)})")),
    )

    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    shootout_id: Mapped[UUID] = mapped_column(ForeignKey("shootout.id", ondelete="CASCADE"), index=True)
    title: Mapped[str] = mapped_column(String(120))
    inputs: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """The shootout as it was when the job was submitted: spec and assets (`services.Inputs`)."""
    cost_s: Mapped[float] = mapped_column(Float, default=0.0)
    """Estimated seconds on one core, when it was submitted, of what was not rendered before."""
    status: Mapped[str] = mapped_column(String(16), default=JobStatus.PENDING)
    phase: Mapped[str | None] = mapped_column(String(16))
    attempt: Mapped[int] = mapped_column(Integer, default=0)
    """Counts the workers that have taken it. Whoever holds an older number may not write any more."""
    interruptions: Mapped[int] = mapped_column(SmallInteger, default=0)
    """Attempts that a fault has ended, since the job was submitted or retried. An outage is none."""
    not_before: Mapped[datetime | None] = mapped_column(DateTimeUTC(timezone=True))
    """After an interruption: when it may begin again."""
    waiting_for: Mapped[str | None] = mapped_column(String(16))
    """After an outage: what did not answer (`kit.outages.Dependency`)."""
    event_seq: Mapped[int] = mapped_column(Integer, default=0)
    """Number of the newest event."""
    progress_done: Mapped[float] = mapped_column(Float, default=0.0)
    progress_total: Mapped[float] = mapped_column(Float, default=0.0)
    eta_s: Mapped[float | None] = mapped_column(Float)
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_detail: Mapped[str | None] = mapped_column(String(2000))
    error_segment: Mapped[int | None] = mapped_column(SmallInteger)
    error_pointer: Mapped[str | None] = mapped_column(String(100))

    @property
    def error(self) -> dict[str, Any] | None:
        """Why it failed, as its log and its owner are told."""
        if self.error_code is None:
            return None
        return {
            "code": self.error_code,
            "detail": self.error_detail or "",
            "segment": self.error_segment,
            "pointer": self.error_pointer,
        }

    worker: Mapped[str | None] = mapped_column(String(120))
    heartbeat_at: Mapped[datetime | None] = mapped_column(DateTimeUTC(timezone=True))
    queued_at: Mapped[datetime | None] = mapped_column(DateTimeUTC(timezone=True))
    started_at: Mapped[datetime | None] = mapped_column(DateTimeUTC(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTimeUTC(timezone=True))


class JobEvent(Base):
    """One line of a job's log. Lines are only ever added."""

    __tablename__ = "job_event"

    job_id: Mapped[UUID] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True)
    type: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime] = mapped_column(DateTimeUTC(timezone=True))
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)


class JobArtifact(Base):
    """A file that a job has made."""

    __tablename__ = "job_artifact"
    __table_args__ = (CheckConstraint("size >= 0", name="size"),)

    job_id: Mapped[UUID] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), primary_key=True)
    path: Mapped[str] = mapped_column(String(400), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    media_type: Mapped[str] = mapped_column(String(100))
    storage_key: Mapped[str] = mapped_column(String(600))


class RenderCacheEntry(Base):
    """Rendered sound that is kept in the object store for its owner alone."""

    __tablename__ = "render_cache"
    __table_args__ = (
        CheckConstraint("size >= 0", name="size"),
        Index("ix_render_cache_owner_id_last_used_at", "owner_id", "last_used_at"),
    )

    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    last_used_at: Mapped[datetime] = mapped_column(DateTimeUTC(timezone=True))
