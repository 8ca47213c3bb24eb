"""Users as administrators see and change them. The service does not commit."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.accounts.audit.services import AuditLog
from tone_shootout.accounts.errors import OwnAccountError, UserNotFoundError
from tone_shootout.accounts.models import ApiToken, User, UserSession
from tone_shootout.accounts.principal import Role
from tone_shootout.accounts.quotas import Quota, UserQuotaRepository
from tone_shootout.accounts.services import AccountService
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.db.repository import Repository


class UserRow(NamedTuple):
    """What administrators see of a user."""

    id: UUID
    name: str
    display_name: str | None
    role: Role
    is_active: bool
    created_at: datetime
    last_seen_at: datetime | None
    """Last use of a token or renewal of a session, to the minute."""


class AllUsersRepository(Repository[User]):
    """All users. For administrators only."""

    model_type = User

    async def list_filtered(
        self, paging: Paging, *, q: str | None, role: Role | None, is_active: bool | None
    ) -> tuple[list[UserRow], int]:
        """Return a page of the users that pass the filters that are not None, ordered by name, and how many pass."""
        filters: list[ColumnElement[bool]] = []
        if q is not None:
            filters.append(func.lower(User.name).contains(q.lower(), autoescape=True))
        if role is not None:
            filters.append(User.role == role)
        if is_active is not None:
            filters.append(User.is_active.is_(is_active))
        page = _select().where(*filters).order_by(func.lower(User.name)).limit(paging.limit).offset(paging.offset)
        return [UserRow._make(row) for row in await self.session.execute(page)], await self.count(*filters)

    async def read(self, user_id: UUID) -> UserRow | None:
        """Return a user, None if there is none."""
        row = (await self.session.execute(_select().where(User.id == user_id))).one_or_none()
        return None if row is None else UserRow._make(row)


def _select() -> Select[Any]:
    token = select(func.max(ApiToken.last_used_at)).where(ApiToken.user_id == User.id).scalar_subquery()
    session = select(func.max(UserSession.last_used_at)).where(UserSession.user_id == User.id).scalar_subquery()
    columns = [getattr(User, name) for name in UserRow._fields[:-1]]
    return select(*columns, func.greatest(token, session).label("last_seen_at"))


class UserAdministration:
    """Users, in the caller's unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._users = AllUsersRepository(session)
        self._quotas = UserQuotaRepository(session)
        self._accounts = AccountService(session)
        self._audit = AuditLog(session)

    async def list(
        self, paging: Paging, *, q: str | None = None, role: Role | None = None, is_active: bool | None = None
    ) -> tuple[Sequence[UserRow], int]:
        """Return a page of users, ordered by name, and how many pass the filters.

        Args:
            paging: the page.
            q: only users whose name contains this, ignoring case.
            role: only users with this role.
            is_active: only users who are not disabled, or only those who are.
        """
        return await self._users.list_filtered(paging, q=q, role=role, is_active=is_active)

    async def get(self, user_id: UUID) -> UserRow:
        """Return a user.

        Raises:
            UserNotFoundError: there is no such user.
        """
        found = await self._users.read(user_id)
        if found is None:
            raise UserNotFoundError
        return found

    async def quotas(self, user_ids: Collection[UUID]) -> dict[UUID, Quota]:
        """Return the quotas of those of these users who have one."""
        return await self._quotas.read_many(user_ids)

    async def set_role(self, user_id: UUID, role: Role, *, actor_id: UUID) -> None:
        """Set a user's role.

        Raises:
            UserNotFoundError: there is no such user.
            OwnAccountError: administrators can't take the role from themselves.
        """
        user = await self._accounts.get_user(user_id)
        if user_id == actor_id and role != user.role:
            raise OwnAccountError
        await self._accounts.set_role(user, role)

    async def set_active(self, user_id: UUID, *, is_active: bool, actor_id: UUID) -> None:
        """Enable or disable a user. The caller cancels the jobs of a disabled one after the commit.

        Raises:
            UserNotFoundError: there is no such user.
            OwnAccountError: administrators can't disable themselves.
        """
        if user_id == actor_id and not is_active:
            raise OwnAccountError
        await self._accounts.set_active(await self._accounts.get_user(user_id), is_active=is_active)

    async def change_quota(self, user_id: UUID, changes: dict[str, int | None]) -> None:
        """Change limits of a user; None: that of the settings.

        Raises:
            UserNotFoundError: there is no such user.
        """
        await self._accounts.get_user(user_id)
        before = await self._quotas.read(user_id)
        quota = before._replace(**changes)
        if quota != before:
            await self._quotas.put(user_id, quota)
            await self._audit.record("quota_changed", user_id=user_id, quota=changes)
