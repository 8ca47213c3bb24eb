"""Queries for the files that jobs have made."""

from collections.abc import Collection, Sequence
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Select, Table, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.jobs.models import Job, JobArtifact
from tone_shootout.kit.db.repository import Repository
from tone_shootout.kit.db.samples import estimate_sum

_TABLE = cast(Table, JobArtifact.__table__)


class JobArtifactRepository(Repository[JobArtifact]):
    """Artifacts of jobs. A request checks the job's owner first."""

    model_type = JobArtifact

    async def list_of_job(self, job_id: UUID) -> Sequence[JobArtifact]:
        """Return a job's artifacts, sorted by path."""
        statement = select(JobArtifact).where(JobArtifact.job_id == job_id).order_by(JobArtifact.path)
        return (await self.session.scalars(statement)).all()

    async def find(self, job_id: UUID, path: str) -> JobArtifact | None:
        """Return a job's artifact, None where there is none at this path."""
        return await self.get_one_or_none(JobArtifact.job_id == job_id, JobArtifact.path == path)

    async def put(self, artifact: JobArtifact) -> None:
        """Insert an artifact, or replace the one with the same path."""
        statement = insert(JobArtifact).values(**_values(artifact))
        await self.session.execute(
            statement.on_conflict_do_update(index_elements=["job_id", "path"], set_=dict(statement.excluded.items()))
        )

    async def replace_of_job(self, job_id: UUID, artifacts: Sequence[JobArtifact]) -> None:
        """Replace the rows of all of a job's artifacts."""
        await self.session.execute(delete(_TABLE).where(_TABLE.c.job_id == job_id))
        if artifacts:
            await self.session.execute(insert(_TABLE), [_values(artifact) for artifact in artifacts])

    async def storage_keys(self, job_ids: Collection[UUID]) -> set[str]:
        """Return the storage keys of the artifacts of these jobs."""
        statement = select(JobArtifact.storage_key).where(JobArtifact.job_id.in_(set(job_ids)))
        return set(await self.session.scalars(statement))

    async def total_bytes(self, owner_id: UUID) -> int:
        """Return the size of all artifacts of an owner's jobs, in bytes."""
        statement = (
            select(func.coalesce(func.sum(JobArtifact.size), 0))
            .join(Job, Job.id == JobArtifact.job_id)
            .where(Job.owner_id == owner_id)
        )
        return int(await self.session.scalar(statement) or 0)

    async def all_bytes(self) -> int:
        """Estimate the size of the artifacts of all users, in bytes. For metrics, never for a request of a user."""
        return await estimate_sum(self.session, JobArtifact.size)


def _values(artifact: JobArtifact) -> dict[str, Any]:
    return {column.key: getattr(artifact, column.key) for column in JobArtifact.__table__.columns}


async def results_bytes(session: AsyncSession, owner_id: UUID) -> int:
    """Return the size of all artifacts of an owner's jobs, in bytes, for the storage quota."""
    return await JobArtifactRepository(session).total_bytes(owner_id)


def stored_results() -> Select[tuple[str, int, str]]:
    """Return the statement for the objects of all results: `key`, `size` in bytes, `sha256`. For backups."""
    return select(JobArtifact.storage_key.label("key"), JobArtifact.size, JobArtifact.sha256)
