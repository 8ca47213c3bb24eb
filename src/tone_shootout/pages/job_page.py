"""The page of a job: the listening page of a completed one, else its status."""

import asyncio
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, MediaType, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import PathParameter
from litestar.response import Template

from tone_shootout.accounts.principal import Principal
from tone_shootout.accounts.redirects import redirect_to_sign_in
from tone_shootout.jobs.dtos import JobRead, job_path
from tone_shootout.jobs.errors import JobNotFoundError
from tone_shootout.jobs.listening_page import load_page
from tone_shootout.jobs.services import JobService
from tone_shootout.jobs.status import FINISHED, JobStatus
from tone_shootout.kit.http.prefix import PREFIX
from tone_shootout.kit.http.problems import ProblemError, UnauthorizedError, problem_of
from tone_shootout.kit.storage import Storage
from tone_shootout.pages.controllers import PAGE_HEADERS
from tone_shootout.rendering.listening_page.document import Home, render_document


def not_found_page(request: Request[Any, Any, Any], error: ProblemError) -> Response[Any]:
    """Return a page to a browser that opens an address without a job of its user, problem details to others."""
    if "text/html" not in request.headers.get("accept", ""):
        response = problem_of(error)
        response.headers["Vary"] = "Accept"
        return response
    return Template(
        "not_found.html",
        status_code=404,
        media_type=MediaType.HTML,
        headers={**PAGE_HEADERS, "Vary": "Accept"},
        context={"prefix": _prefix(request), "detail": error.detail},
    )


class JobPageController(Controller):
    """A job, for people."""

    path = "/jobs"
    include_in_schema = False

    @get(
        "/{job_id:uuid}",
        media_type=MediaType.HTML,
        exception_handlers={UnauthorizedError: redirect_to_sign_in, JobNotFoundError: not_found_page},
    )
    async def show(
        self,
        job_id: Annotated[UUID, PathParameter()],
        request: Request[Any, Any, Any],
        principal: NamedDependency[Principal],
        jobs: NamedDependency[JobService],
        storage: NamedDependency[Storage],
    ) -> Response[Any]:
        """Return the page."""
        prefix = _prefix(request)
        job = await jobs.get(principal.user_id, job_id)
        if job.status != JobStatus.COMPLETED:
            context = {"prefix": prefix, "job": JobRead.of(job), "is_finished": job.status in FINISHED}
            return Template("job.html", media_type=MediaType.HTML, headers=PAGE_HEADERS, context=context)
        page = await load_page(storage, await jobs.artifacts(principal.user_id, job_id))
        files = f"{prefix}{job_path(job_id)}/artifacts/"
        home = Home(
            assets=f"{prefix}/static/",
            files=files,
            manifest=f"{files}manifest.json",
            renew=f"{prefix}/api/v1/auth/refresh",
            back=f"{prefix}/",
        )
        document = await asyncio.to_thread(render_document, page, home)
        return Response(document, media_type=MediaType.HTML, headers=PAGE_HEADERS)


def _prefix(request: Request[Any, Any, Any]) -> str:
    return str(request.scope["state"].get(PREFIX, ""))
