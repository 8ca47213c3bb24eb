"""Quotas of single users, which replace limits of the settings."""

from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session

from tone_shootout.accounts.models import UserQuota
from tone_shootout.kit.db.reads import Query, fetch
from tone_shootout.kit.db.repository import Repository


class Quota(NamedTuple):
    """Limits of one user; None: that of the settings, 0: nothing."""

    storage_bytes: int | None = None
    library_items: int | None = None
    queued_jobs: int | None = None


_COLUMNS = [getattr(UserQuota, name) for name in Quota._fields]
_QUOTA = Query(select(*_COLUMNS).where(UserQuota.user_id == bindparam("user_id")))


class UserQuotaRepository(Repository[UserQuota]):
    """Quotas of users who have one."""

    model_type = UserQuota

    async def read(self, user_id: UUID) -> Quota:
        """Return a user's quota."""
        return await get_quota(self.session, user_id)

    async def read_many(self, user_ids: Collection[UUID]) -> dict[UUID, Quota]:
        """Return the quotas of those of these users who have one."""
        statement = select(UserQuota.user_id, *_COLUMNS).where(UserQuota.user_id.in_(user_ids))
        return {user_id: Quota(*values) for user_id, *values in await self.session.execute(statement)}

    async def put(self, user_id: UUID, quota: Quota) -> None:
        """Set a user's quota."""
        statement = insert(UserQuota).values(user_id=user_id, **quota._asdict())
        await self.session.execute(
            statement.on_conflict_do_update(index_elements=["user_id"], set_=dict(quota._asdict()))
        )


async def get_quota(session: AsyncSession | async_scoped_session[AsyncSession], user_id: UUID) -> Quota:
    """Return a user's quota, in one round trip."""
    rows = await fetch(session, _QUOTA, user_id=user_id)
    return Quota(*rows[0]) if rows else Quota()
