"""REST endpoints of maintenance mode and announcements."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from litestar import Controller, Response, delete, get, post, put
from litestar.background_tasks import BackgroundTask
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, PathParameter, SkipValidation
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.accounts.guards import require_administrator
from tone_shootout.accounts.idempotency import Idempotent
from tone_shootout.accounts.principal import Principal
from tone_shootout.administration.dtos import (
    ANNOUNCEMENTS_PATH,
    AnnouncementCreate,
    AnnouncementRead,
    MaintenanceRead,
    MaintenanceUpdate,
)
from tone_shootout.administration.errors import AnnouncementPeriodError
from tone_shootout.administration.services import AnnouncementService, MaintenanceService, Notices
from tone_shootout.jobs.scheduling.dispatcher import Dispatcher
from tone_shootout.kit.db.pagination import Page, Paging
from tone_shootout.kit.http.period import checked_time
from tone_shootout.kit.http.problems import problems

AnnouncementId = Annotated[UUID, PathParameter(description="Id of the announcement.")]


def provide_maintenance(db_session: NamedDependency[AsyncSession]) -> MaintenanceService:
    """Provide the service in the request's unit of work."""
    return MaintenanceService(db_session)


def provide_announcements(db_session: NamedDependency[AsyncSession]) -> AnnouncementService:
    """Provide the service in the request's unit of work."""
    return AnnouncementService(db_session)


class MaintenanceController(Controller):
    """Maintenance mode, for administrators."""

    path = "/api/v1/admin/maintenance"
    tags = ("administration",)
    guards = (require_administrator,)
    dependencies = {"maintenance": Provide(provide_maintenance, sync_to_thread=False)}  # noqa: RUF012 - Litestar reads it

    @get(operation_id="get_maintenance", summary="Get maintenance mode", responses=problems(400, 401, 403))
    async def get_maintenance(self, maintenance: NamedDependency[MaintenanceService]) -> MaintenanceRead:
        """Return whether maintenance mode is on, and since when."""
        return MaintenanceRead.of(await maintenance.get())

    @put(operation_id="start_maintenance", summary="Turn maintenance mode on", responses=problems(400, 401, 403))
    async def start_maintenance(
        self,
        data: JSONBody[MaintenanceUpdate],
        maintenance: NamedDependency[MaintenanceService],
        principal: NamedDependency[Principal],
    ) -> MaintenanceRead:
        """Turn maintenance mode on, or change it. All processes know it within two seconds.

        Reading works as before. Uploads, imports, new shootouts, submissions and retries get 503 (`maintenance`).
        """
        await maintenance.start(
            message=data.message,
            retry_after_s=data.retry_after_s,
            pauses_workers=data.pause_workers,
            started_by=principal.name,
        )
        return MaintenanceRead.of(await maintenance.get())

    @delete(operation_id="end_maintenance", summary="Turn maintenance mode off", responses=problems(400, 401, 403))
    async def end_maintenance(
        self, maintenance: NamedDependency[MaintenanceService], dispatcher: NamedDependency[SkipValidation[Dispatcher]]
    ) -> Response[None]:
        """Turn maintenance mode off, and wake the workers. Safe to repeat."""
        await maintenance.end()
        return Response(None, status_code=204, background=BackgroundTask(dispatcher.requeue))


class AnnouncementController(Controller):
    """Announcements, for administrators."""

    path = ANNOUNCEMENTS_PATH
    tags = ("administration",)
    guards = (require_administrator,)
    dependencies = {  # noqa: RUF012 - Litestar reads a plain class attribute
        "announcements": Provide(provide_announcements, sync_to_thread=False)
    }

    @get(operation_id="list_all_announcements", summary="List all announcements", responses=problems(400, 401, 403))
    async def list_all_announcements(
        self, announcements: NamedDependency[AnnouncementService], paging: NamedDependency[Paging]
    ) -> Page[AnnouncementRead]:
        """List announcements, past and future ones included, newest first."""
        rows, total = await announcements.list(paging)
        return paging.page([AnnouncementRead.of(row) for row in rows], total)

    @post(
        operation_id="create_announcement",
        summary="Create an announcement",
        responses=problems(400, 401, 403, 409, 422),
    )
    async def create_announcement(
        self,
        data: JSONBody[AnnouncementCreate],
        announcements: NamedDependency[AnnouncementService],
        idempotent: NamedDependency[Idempotent],
    ) -> Response[AnnouncementRead]:
        """Show a text to everybody, in pages and at `/api/v1/announcements`."""
        starts_at = checked_time("starts_at", data.starts_at or datetime.now(UTC), pointer="/starts_at")
        ends_at = data.ends_at and checked_time("ends_at", data.ends_at, pointer="/ends_at")
        if ends_at is not None and ends_at <= starts_at:
            raise AnnouncementPeriodError

        async def make() -> Response[AnnouncementRead]:
            made = await announcements.create(data.text, severity=data.severity, starts_at=starts_at, ends_at=ends_at)
            shown = AnnouncementRead.of(made)
            return Response(shown, status_code=201, headers={"Location": shown.links.self})

        return await idempotent(make)

    @get(
        "/{announcement_id:uuid}",
        operation_id="get_announcement",
        summary="Get an announcement",
        responses=problems(400, 401, 403, 404),
    )
    async def get_announcement(
        self, announcement_id: AnnouncementId, announcements: NamedDependency[AnnouncementService]
    ) -> AnnouncementRead:
        """Return an announcement."""
        return AnnouncementRead.of(await announcements.get(announcement_id))

    @delete(
        "/{announcement_id:uuid}",
        operation_id="delete_announcement",
        summary="Delete an announcement",
        responses=problems(400, 401, 403, 404),
    )
    async def delete_announcement(
        self, announcement_id: AnnouncementId, announcements: NamedDependency[AnnouncementService]
    ) -> None:
        """Delete an announcement, which is not shown any more."""
        await announcements.delete(announcement_id)


class PublicAnnouncementController(Controller):
    """Announcements, for everybody."""

    path = "/api/v1/announcements"
    tags = ("operating",)
    opt = {"public": True}  # noqa: RUF012 - Litestar reads a plain class attribute

    @get(operation_id="list_announcements", summary="List announcements", responses=problems(400))
    async def list_announcements(
        self, notices: NamedDependency[Notices], paging: NamedDependency[Paging]
    ) -> Page[AnnouncementRead]:
        """List the announcements that are shown now, newest first. Needs no account."""
        return paging.part_of([AnnouncementRead.of(row) for row in await notices.announcements()])
