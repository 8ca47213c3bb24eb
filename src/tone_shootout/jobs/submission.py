"""REST endpoints that make shootouts and submit them."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, Response, post
from litestar.background_tasks import BackgroundTask
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta, structs

from tone_shootout.accounts.idempotency import Idempotent
from tone_shootout.accounts.principal import Principal
from tone_shootout.jobs.dtos import JobRead
from tone_shootout.jobs.models import Job, JobEvent
from tone_shootout.jobs.scheduling.dispatcher import Dispatcher
from tone_shootout.jobs.services import JobService
from tone_shootout.kit.http.maintenance import MAKES_WORK
from tone_shootout.kit.http.preconditions import etag
from tone_shootout.kit.http.problems import CHECK_PARTS, problems
from tone_shootout.shootouts.config_errors import check_config_parts
from tone_shootout.shootouts.controllers import ShootoutId
from tone_shootout.shootouts.dtos import ShootoutCreate, ShootoutDuplicate, ShootoutRead, shootout_path
from tone_shootout.shootouts.services import ShootoutService


class NewShootoutRead(ShootoutRead, kw_only=True):
    """A shootout that was just created, with its job."""

    job: Annotated[JobRead | None, Meta(description="The job submitted with it; null: none.")]


class SubmissionController(Controller):
    """Creation and submission of shootouts."""

    path = "/api/v1/shootouts"

    @post(
        operation_id="create_shootout",
        opt={CHECK_PARTS: check_config_parts, MAKES_WORK: True},
        tags=("shootouts",),
        summary="Create a shootout",
        responses=problems(400, 401, 403, 409, 413, 422, 429),
    )
    async def create(
        self,
        data: JSONBody[ShootoutCreate],
        principal: NamedDependency[Principal],
        shootout_service: NamedDependency[ShootoutService],
        jobs: NamedDependency[JobService],
        dispatcher: NamedDependency[Dispatcher],
        idempotent: NamedDependency[Idempotent],
    ) -> Response[NewShootoutRead]:
        """Create a shootout from items of your library, and submit a job for it if `submit` is true.

        Both are made in one transaction: a job that is refused leaves no shootout.
        """

        async def make() -> Response[NewShootoutRead]:
            shootout = await shootout_service.create(
                principal.user_id, data.config, visibility=data.visibility, metadata=data.metadata
            )
            return await _created(ShootoutRead.of(shootout), principal.user_id, jobs, dispatcher, submit=data.submit)

        return await idempotent(make)

    @post(
        "/{shootout_id:uuid}/duplicate",
        operation_id="duplicate_shootout",
        opt={MAKES_WORK: True},
        tags=("shootouts",),
        summary="Duplicate a shootout",
        responses=problems(400, 401, 403, 404, 409, 413, 422, 429),
    )
    async def duplicate(
        self,
        shootout_id: ShootoutId,
        principal: NamedDependency[Principal],
        shootout_service: NamedDependency[ShootoutService],
        jobs: NamedDependency[JobService],
        dispatcher: NamedDependency[Dispatcher],
        idempotent: NamedDependency[Idempotent],
        data: JSONBody[ShootoutDuplicate | None] = None,
    ) -> Response[NewShootoutRead]:
        """Create a private shootout with the config of this one, and submit a job for it if `submit` is true.

        The body may be left out.
        """
        requested = data or ShootoutDuplicate()

        async def make() -> Response[NewShootoutRead]:
            shootout = await shootout_service.duplicate(principal.user_id, shootout_id, title=requested.title)
            return await _created(
                ShootoutRead.of(shootout), principal.user_id, jobs, dispatcher, submit=requested.submit
            )

        return await idempotent(make)

    @post(
        "/{shootout_id:uuid}/jobs",
        operation_id="submit_job",
        opt={MAKES_WORK: True},
        tags=("jobs",),
        summary="Submit a shootout",
        status_code=202,
        responses=problems(400, 401, 403, 404, 409, 422, 429),
    )
    async def submit(
        self,
        shootout_id: ShootoutId,
        principal: NamedDependency[Principal],
        jobs: NamedDependency[JobService],
        dispatcher: NamedDependency[Dispatcher],
        idempotent: NamedDependency[Idempotent],
    ) -> Response[JobRead]:
        """Submit a job that renders the shootout in its current state."""

        async def make() -> Response[JobRead]:
            return queued_response(dispatcher, *await jobs.submit(principal.user_id, shootout_id))

        return await idempotent(make)


def queued_response(dispatcher: Dispatcher, job: Job, events: list[JobEvent]) -> Response[JobRead]:
    """Return the response for a job that waits, which dispatches it after the commit."""
    return Response(
        JobRead.of(job),
        status_code=202,
        headers={"Location": f"/api/v1/jobs/{job.id}"},
        background=BackgroundTask(dispatcher.dispatch, job, events),
    )


async def _created(
    shown: ShootoutRead, owner_id: UUID, jobs: JobService, dispatcher: Dispatcher, *, submit: bool
) -> Response[NewShootoutRead]:
    """Return the response for a new shootout; `submit` submits it and dispatches the job after the commit."""
    made, dispatch = NewShootoutRead(**structs.asdict(shown), job=None), None
    if submit:
        job, events = await jobs.submit(owner_id, made.id)
        made.job, dispatch = JobRead.of(job), BackgroundTask(dispatcher.dispatch, job, events)
    headers = {"Location": shootout_path(made.id), "ETag": etag(shown)}
    return Response(made, status_code=201, headers=headers, background=dispatch)
