"""The page of a job: progress while it runs, then the listening page of a completed one."""

import asyncio
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, MediaType, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import PathParameter, SkipValidation

from tone_shootout.accounts.principal import Principal
from tone_shootout.jobs.dtos import ArtifactRead, JobRead, job_path
from tone_shootout.jobs.listening_page import load_page
from tone_shootout.jobs.services import JobService
from tone_shootout.jobs.status import FINISHED, JobStatus
from tone_shootout.kit.http.prefix import prefix_of
from tone_shootout.kit.storage import Storage
from tone_shootout.pages.responses import PAGE_HEADERS, PHASES, STATUSES, page
from tone_shootout.rendering.listening_page.document import Home, render_document


class JobPageController(Controller):
    """A job, for people."""

    path = "/jobs"
    include_in_schema = False

    @get("/{job_id:uuid}", media_type=MediaType.HTML)
    async def show(
        self,
        job_id: Annotated[UUID, PathParameter()],
        request: Request[Any, Any, Any],
        principal: NamedDependency[Principal],
        jobs: NamedDependency[SkipValidation[JobService]],
        storage: NamedDependency[Storage],
    ) -> Response[Any]:
        """Return the page."""
        row = await jobs.get(principal.user_id, job_id)
        artifacts = await jobs.artifacts(principal.user_id, job_id)
        if row.status == JobStatus.COMPLETED:
            prefix = prefix_of(request.scope)
            files = f"{prefix}{job_path(job_id)}/artifacts/"
            home = Home(
                assets=f"{prefix}/static/",
                files=files,
                manifest=f"{files}manifest.json",
                renew=f"{prefix}/api/v1/auth/refresh",
                back=f"{prefix}/",
                share=f"{prefix}/jobs/{job_id}/share",
            )
            document = await asyncio.to_thread(render_document, await load_page(storage, artifacts), home)
            return Response(document, media_type=MediaType.HTML, headers=PAGE_HEADERS)
        job = JobRead.of(row)
        return page(
            request,
            "job.html",
            job=job,
            is_finished=job.status in FINISHED,
            sounds=[ArtifactRead.of(artifact) for artifact in artifacts if artifact.path.startswith("partial/")],
            state={"id": job.id, "status": job.status, "statuses": STATUSES, "phases": PHASES},
        )
