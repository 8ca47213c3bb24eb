"""REST endpoints of shootouts."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, Response, delete, get, patch, post
from litestar.background_tasks import BackgroundTask, BackgroundTasks
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, PathParameter, QueryParameter, SkipValidation

from tone_shootout.accounts.principal import Principal
from tone_shootout.kit.db.pagination import Page, Paging
from tone_shootout.kit.http.openapi import DownloadOperation, MergePatchOperation
from tone_shootout.kit.http.preconditions import NOT_MODIFIED, IfMatch, IfNoneMatch, tagged
from tone_shootout.kit.http.problems import CHECK_PARTS, problems
from tone_shootout.kit.storage import Storage
from tone_shootout.rendering.engine.schedule import sound_keys
from tone_shootout.shootouts.config_errors import check_config_parts
from tone_shootout.shootouts.dtos import (
    PlanRead,
    PublicShootoutRead,
    ShootoutCreate,
    ShootoutOrder,
    ShootoutRead,
    ShootoutUpdate,
    ValidationRead,
)
from tone_shootout.shootouts.jobs_port import JobsPort
from tone_shootout.shootouts.library.controllers import ORDER_BY
from tone_shootout.shootouts.library.filters import NameQuery
from tone_shootout.shootouts.services import ShootoutService
from tone_shootout.shootouts.spec_text import SpecConfigRead, SpecCreate

ShootoutId = Annotated[UUID, PathParameter(description="Id of the shootout.")]


class ShootoutController(Controller):
    """Shootouts and their plans."""

    path = "/api/v1/shootouts"
    tags = ("shootouts",)

    @get(operation_id="list_shootouts", summary="List shootouts", responses=problems(400, 401))
    async def list_shootouts(
        self,
        principal: NamedDependency[Principal],
        shootout_service: NamedDependency[ShootoutService],
        paging: NamedDependency[Paging],
        q: NameQuery = None,
        order_by: Annotated[ShootoutOrder, QueryParameter(description=ORDER_BY)] = ("-created_at"),
    ) -> Page[ShootoutRead]:
        """List your shootouts."""
        rows, total = await shootout_service.list(principal.user_id, paging, order_by=order_by, q=q)
        return paging.page([ShootoutRead.of(shootout) for shootout in rows], total)

    @post(
        "/validate",
        operation_id="validate_shootout",
        opt={CHECK_PARTS: check_config_parts},
        summary="Check a shootout",
        status_code=200,
        responses=problems(400, 401, 403, 413, 422),
    )
    async def validate(
        self,
        data: JSONBody[ShootoutCreate],
        principal: NamedDependency[Principal],
        shootout_service: NamedDependency[ShootoutService],
        jobs_port: NamedDependency[SkipValidation[JobsPort]],
    ) -> ValidationRead:
        """Return all errors and notices of a config, and the plan of a valid one. Nothing is made.

        The body is that of “Create a shootout”.
        """
        found = await shootout_service.validate(principal.user_id, data.config)
        keys = sound_keys(found.snapshot.plan) if found.snapshot else ()
        return ValidationRead.of(found, await jobs_port.rendered(principal.user_id, keys))

    @get(
        "/public",
        operation_id="list_public_shootouts",
        summary="List public shootouts",
        responses=problems(400, 401),
    )
    async def list_public(
        self,
        principal: NamedDependency[Principal],
        shootout_service: NamedDependency[ShootoutService],
        paging: NamedDependency[Paging],
        order_by: Annotated[ShootoutOrder, QueryParameter(description=ORDER_BY)] = ("-created_at"),
    ) -> Page[PublicShootoutRead]:
        """List the public shootouts of all users: titles and owners only."""
        rows, total = await shootout_service.list_public(paging, order_by=order_by)
        shown = [PublicShootoutRead.of(shootout, owner, principal.user_id) for shootout, owner in rows]
        return paging.page(shown, total)

    @get(
        "/{shootout_id:uuid}",
        operation_id="get_shootout",
        summary="Get a shootout",
        responses={**NOT_MODIFIED, **problems(400, 401, 404)},
    )
    async def get_shootout(
        self,
        shootout_id: ShootoutId,
        principal: NamedDependency[Principal],
        shootout_service: NamedDependency[ShootoutService],
        if_none_match: NamedDependency[IfNoneMatch],
    ) -> Response[ShootoutRead]:
        """Return a shootout with its config."""
        return if_none_match.respond(ShootoutRead.of(await shootout_service.read(principal.user_id, shootout_id)))

    @patch(
        "/{shootout_id:uuid}",
        operation_id="change_shootout",
        operation_class=MergePatchOperation,
        summary="Update a shootout",
        responses=problems(400, 401, 403, 404, 412, 413, 422),
    )
    async def update(
        self,
        shootout_id: ShootoutId,
        data: JSONBody[ShootoutUpdate],
        principal: NamedDependency[Principal],
        shootout_service: NamedDependency[ShootoutService],
        if_match: NamedDependency[IfMatch],
    ) -> Response[ShootoutRead]:
        """Change a shootout's config, visibility or metadata by a JSON merge patch (RFC 7396).

        Earlier jobs keep their config.
        """
        shootout = await shootout_service.update(
            principal.user_id,
            shootout_id,
            config=data.config,
            visibility=data.visibility,
            metadata=data.metadata,
            condition=if_match.of(ShootoutRead.of),
        )
        return tagged(ShootoutRead.of(shootout))

    @delete(
        "/{shootout_id:uuid}",
        operation_id="delete_shootout",
        summary="Delete a shootout",
        responses=problems(400, 401, 403, 404, 409, 412),
    )
    async def delete_shootout(
        self,
        shootout_id: ShootoutId,
        principal: NamedDependency[Principal],
        shootout_service: NamedDependency[ShootoutService],
        jobs_port: NamedDependency[SkipValidation[JobsPort]],
        storage: NamedDependency[Storage],
        if_match: NamedDependency[IfMatch],
    ) -> Response[None]:
        """Delete a shootout with its jobs and their results, unless one of the jobs is not finished."""
        prefixes = await shootout_service.delete(
            principal.user_id, shootout_id, jobs_port, condition=if_match.of(ShootoutRead.of)
        )
        deletions = BackgroundTasks([BackgroundTask(storage.delete_prefix, prefix) for prefix in prefixes])
        return Response(None, status_code=204, background=deletions)

    @post(
        "/spec",
        operation_id="read_spec",
        summary="Read a spec file",
        status_code=200,
        responses=problems(400, 401, 403, 413, 422),
    )
    async def read_spec(
        self,
        data: JSONBody[SpecCreate],
        principal: NamedDependency[Principal],
        shootout_service: NamedDependency[ShootoutService],
    ) -> SpecConfigRead:
        """Return a spec file as a config, with items of your library in place of files. Nothing is made.

        Each `file` becomes the item of its kind with this file name or, if there is none, with this name.
        """
        return await shootout_service.read_spec(principal.user_id, data)

    @get(
        "/{shootout_id:uuid}/spec",
        operation_id="get_spec",
        operation_class=DownloadOperation,
        summary="Get a shootout as a spec file",
        responses={
            200: ResponseSpec(bytes, generate_examples=False, media_type="application/toml", description="The file."),
            **problems(400, 401, 404),
        },
    )
    async def get_spec(
        self,
        shootout_id: ShootoutId,
        principal: NamedDependency[Principal],
        shootout_service: NamedDependency[ShootoutService],
    ) -> Response[str]:
        """Return a spec file in TOML that names the items by their file names, for `shootout render`.

        A file name that several items have begins with eight digits of the SHA-256.
        """
        text = await shootout_service.spec(principal.user_id, shootout_id)
        headers = {"Content-Disposition": 'attachment; filename="spec.toml"', "X-Content-Type-Options": "nosniff"}
        return Response(text, media_type="application/toml", headers=headers)

    @get(
        "/{shootout_id:uuid}/plan",
        operation_id="get_plan",
        summary="Get a plan",
        responses=problems(400, 401, 404, 422),
    )
    async def get_plan(
        self,
        shootout_id: ShootoutId,
        principal: NamedDependency[Principal],
        shootout_service: NamedDependency[ShootoutService],
        jobs_port: NamedDependency[SkipValidation[JobsPort]],
    ) -> PlanRead:
        """Return what a job would render, its estimated cost, and which segments are in the render cache."""
        snapshot = await shootout_service.snapshot(principal.user_id, shootout_id)
        return PlanRead.of(snapshot, await jobs_port.rendered(principal.user_id, sound_keys(snapshot.plan)))
