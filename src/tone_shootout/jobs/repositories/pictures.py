"""Queries for the pictures that jobs draw."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import insert, select

from tone_shootout.jobs.models import JobPicture
from tone_shootout.kit.db.repository import Repository


class JobPictureRepository(Repository[JobPicture]):
    """Pictures of jobs. Who calls has found the job."""

    model_type = JobPicture

    async def add_all(self, job_id: UUID, contents: Mapping[str, bytes]) -> None:
        """Add the pictures of a new job, by their SHA-256."""
        rows = [{"job_id": job_id, "sha256": sha256, "content": content} for sha256, content in contents.items()]
        if rows:
            await self.session.execute(insert(JobPicture), rows)

    async def read_all(self, job_id: UUID) -> dict[str, bytes]:
        """Return the pictures of a job by their SHA-256."""
        statement = select(JobPicture.sha256, JobPicture.content).where(JobPicture.job_id == job_id)
        return {row.sha256: row.content for row in await self.session.execute(statement)}
