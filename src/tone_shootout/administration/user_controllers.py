"""REST endpoints of users, their usage and their quotas."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from litestar import Controller, Response, get, patch
from litestar.background_tasks import BackgroundTask
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, PathParameter, QueryParameter, SkipValidation
from msgspec import UNSET, Meta, Struct, UnsetType, structs
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.accounts.administration import UserAdministration, UserRow
from tone_shootout.accounts.guards import require_administrator
from tone_shootout.accounts.principal import Principal, Role
from tone_shootout.accounts.quotas import Quota
from tone_shootout.jobs.account_deletion import UserJobCanceller
from tone_shootout.jobs.all_jobs import AllJobs
from tone_shootout.jobs.status import JobStatus
from tone_shootout.kit.db.pagination import Page, Paging
from tone_shootout.kit.http.problems import problems
from tone_shootout.shootouts.library.quota import StorageQuota, Usage

PATH = "/api/v1/admin/users"
UserId = Annotated[UUID, PathParameter(description="Id of the user.")]
Limit = Annotated[int, Meta(ge=0, le=2**50)]
Number = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class QuotaRead(Struct, kw_only=True):
    """Limits of one user. Null: that of the settings; 0: nothing."""

    storage_bytes: Annotated[int | None, Meta(description="Library and results together.", examples=[50_000_000_000])]
    library_items: Annotated[int | None, Meta(description="Items in the library.", examples=[10_000])]
    queued_jobs: Annotated[int | None, Meta(description="Unfinished jobs.", examples=[20])]


class QuotaUpdate(Struct, kw_only=True, forbid_unknown_fields=True):
    """Changes to the limits of one user. Null: that of the settings; 0: nothing."""

    storage_bytes: Annotated[
        Limit | UnsetType | None, Meta(description="Library and results together.", examples=[50_000_000_000])
    ] = UNSET
    library_items: Annotated[
        Number | UnsetType | None, Meta(description="Items in the library.", examples=[10_000])
    ] = UNSET
    queued_jobs: Annotated[Number | UnsetType | None, Meta(description="Unfinished jobs.", examples=[20])] = UNSET


class UserUpdate(Struct, kw_only=True, forbid_unknown_fields=True):
    """Changes to a user; what is left out stays."""

    role: Annotated[Role | UnsetType, Meta(description="The user's role.", examples=["administrator"])] = UNSET
    active: Annotated[
        bool | UnsetType,
        Meta(description="False rejects the user's tokens and sessions and cancels the user's jobs.", examples=[False]),
    ] = UNSET
    quota: Annotated[QuotaUpdate | UnsetType, Meta(description="Changes to the user's limits.")] = UNSET


class UserLinks(Struct, kw_only=True):
    """Links of a user, for administrators."""

    self: Annotated[str, Meta(description="The user.")]
    jobs: Annotated[str, Meta(description="The user's jobs.")]
    audit_log: Annotated[str, Meta(description="What concerns the user.")]


class UserRead(Struct, kw_only=True):
    """A user with usage and limits, for administrators."""

    id: Annotated[UUID, Meta(description="Id of the user.")]
    name: Annotated[str, Meta(description="User name.", examples=["ada"])]
    display_name: Annotated[str | None, Meta(description="Public name.", examples=["Ada L."])]
    role: Annotated[Role, Meta(description="The user's role.", examples=["user"])]
    active: Annotated[bool, Meta(description="Whether the user is not disabled.")]
    created_at: Annotated[datetime, Meta(description="When the account was created.")]
    last_seen_at: Annotated[
        datetime | None, Meta(description="Last use of a token or renewal of a session; null: never.")
    ]
    jobs: Annotated[
        dict[str, int],
        Meta(
            description="Number of jobs by status; without those of which there are none.", examples=[{"completed": 12}]
        ),
    ]
    library_bytes: Annotated[int, Meta(description="Size of the library.", examples=[48_000_000])]
    results_bytes: Annotated[int, Meta(description="Size of the jobs' results.", examples=[120_000_000])]
    library_items: Annotated[int, Meta(description="Items in the library.", examples=[12])]
    quota: Annotated[QuotaRead, Meta(description="Limits that replace those of the settings.")]
    links: Annotated[UserLinks, Meta(description="Links.")]

    @classmethod
    def of(cls, user: UserRow, jobs: dict[str, int], usage: Usage, quota: Quota) -> Self:
        """Return the representation of a user."""
        return cls(
            id=user.id,
            name=user.name,
            display_name=user.display_name,
            role=user.role,
            active=user.is_active,
            created_at=user.created_at,
            last_seen_at=user.last_seen_at,
            jobs={status: jobs[status] for status in JobStatus if status in jobs},
            library_bytes=usage.library_bytes,
            results_bytes=usage.results_bytes,
            library_items=usage.items,
            quota=QuotaRead(**quota._asdict()),
            links=UserLinks(
                self=f"{PATH}/{user.id}",
                jobs=f"/api/v1/admin/jobs?owner_id={user.id}",
                audit_log=f"/api/v1/admin/audit-log?user_id={user.id}",
            ),
        )


class UserReader:
    """Reads users with their usage and limits, in one unit of work."""

    def __init__(
        self, session: AsyncSession, users: UserAdministration, all_jobs: AllJobs, storage_quota: StorageQuota
    ) -> None:
        self._session = session
        self._users = users
        self._all_jobs = all_jobs
        self._storage_quota = storage_quota

    async def read(self, rows: list[UserRow]) -> list[UserRead]:
        """Return the representations of users."""
        ids = {row.id for row in rows}
        jobs = await self._all_jobs.count_by_status(ids)
        quotas = await self._users.quotas(ids)
        return [
            UserRead.of(
                row,
                jobs.get(row.id, {}),
                await self._storage_quota.usage(self._session, row.id),
                quotas.get(row.id, Quota()),
            )
            for row in rows
        ]


def provide_users(db_session: NamedDependency[AsyncSession]) -> UserAdministration:
    """Provide the service in the request's unit of work."""
    return UserAdministration(db_session)


def provide_user_reader(
    db_session: NamedDependency[AsyncSession],
    users: NamedDependency[SkipValidation[UserAdministration]],
    all_jobs: NamedDependency[SkipValidation[AllJobs]],
    quota: NamedDependency[SkipValidation[StorageQuota]],
) -> UserReader:
    """Provide the reader in the request's unit of work."""
    return UserReader(db_session, users, all_jobs, quota)


class UserController(Controller):
    """Users, for administrators."""

    path = PATH
    tags = ("administration",)
    guards = (require_administrator,)
    dependencies = {  # noqa: RUF012 - Litestar reads a plain class attribute
        "users": Provide(provide_users, sync_to_thread=False),
        "user_reader": Provide(provide_user_reader, sync_to_thread=False),
    }

    @get(operation_id="list_users", summary="List users", responses=problems(400, 401, 403))
    async def list_users(
        self,
        users: NamedDependency[UserAdministration],
        user_reader: NamedDependency[UserReader],
        paging: NamedDependency[Paging],
        q: Annotated[
            str | None, QueryParameter(description="Only users whose name contains this, ignoring case.", max_length=64)
        ] = None,
        role: Annotated[Role | None, QueryParameter(description="Only users with this role.")] = None,
        active: Annotated[
            bool | None, QueryParameter(description="Only users who are not disabled, or only those who are.")
        ] = None,
    ) -> Page[UserRead]:
        """List users with their usage and limits, by name."""
        text = q.replace("\x00", "") if q else None
        rows, total = await users.list(paging, q=text, role=role, is_active=active)
        return paging.page(await user_reader.read(list(rows)), total)

    @get("/{user_id:uuid}", operation_id="get_user", summary="Get a user", responses=problems(400, 401, 403, 404))
    async def get_user(
        self,
        user_id: UserId,
        users: NamedDependency[UserAdministration],
        user_reader: NamedDependency[UserReader],
    ) -> UserRead:
        """Return a user with usage and limits."""
        return (await user_reader.read([await users.get(user_id)]))[0]

    @patch(
        "/{user_id:uuid}",
        operation_id="change_user",
        summary="Change a user",
        responses=problems(400, 401, 403, 404, 409),
    )
    async def change_user(
        self,
        user_id: UserId,
        data: JSONBody[UserUpdate],
        principal: NamedDependency[Principal],
        users: NamedDependency[UserAdministration],
        user_reader: NamedDependency[UserReader],
        job_canceller: NamedDependency[SkipValidation[UserJobCanceller]],
    ) -> Response[UserRead]:
        """Change role, limits, or whether a user is disabled, which cancels the user's jobs."""
        await change_user(users, user_id, data, actor_id=principal.user_id)
        shown = (await user_reader.read([await users.get(user_id)]))[0]
        cancel = BackgroundTask(job_canceller.cancel_all, user_id) if data.active is False else None
        return Response(shown, background=cancel)


async def change_user(users: UserAdministration, user_id: UUID, changes: UserUpdate, *, actor_id: UUID) -> None:
    """Apply changes to a user.

    Raises:
        UserNotFoundError: there is no such user.
        OwnAccountError: an administrator would lock themselves out.
    """
    if changes.role is not UNSET:
        await users.set_role(user_id, changes.role, actor_id=actor_id)
    if changes.active is not UNSET:
        await users.set_active(user_id, is_active=changes.active, actor_id=actor_id)
    if changes.quota is not UNSET:
        values: dict[str, Any] = structs.asdict(changes.quota)
        await users.change_quota(user_id, {name: value for name, value in values.items() if value is not UNSET})
