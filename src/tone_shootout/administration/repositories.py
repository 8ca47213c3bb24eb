"""Queries for maintenance mode and announcements."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from tone_shootout.administration.models import Announcement, MaintenanceMode
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.db.repository import Repository

MOST_SHOWN = 20
"""Announcements that are shown at a time."""


class MaintenanceRepository(Repository[MaintenanceMode]):
    """The row of maintenance mode."""

    model_type = MaintenanceMode

    async def find(self) -> MaintenanceMode | None:
        """Return the row, None while maintenance mode is off."""
        return await self.find_one()

    async def put(self, **values: Any) -> None:
        """Turn maintenance mode on, or change it; the time of its start stays."""
        statement = insert(MaintenanceMode).values(id=1, **values)
        changes = {name: value for name, value in values.items() if name not in ("started_at", "started_by")}
        await self.session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changes))

    async def clear(self) -> bool:
        """Turn maintenance mode off; return whether it was on."""
        statement = delete(MaintenanceMode).returning(MaintenanceMode.id)
        return await self.session.scalar(statement) is not None


class AnnouncementRepository(Repository[Announcement]):
    """Announcements."""

    model_type = Announcement

    async def list_current(self) -> Sequence[Announcement]:
        """Return the announcements that are shown now, newest first."""
        statement = (
            select(Announcement)
            .where(
                Announcement.starts_at <= func.now(),
                or_(Announcement.ends_at.is_(None), Announcement.ends_at > func.now()),
            )
            .order_by(Announcement.starts_at.desc(), Announcement.id.desc())
            .limit(MOST_SHOWN)
        )
        return (await self.session.scalars(statement)).all()

    async def list_all(self, paging: Paging) -> tuple[Sequence[Announcement], int]:
        """Return a page of all announcements, past and future ones included, newest first, and their number."""
        return await self.list_page(paging=paging, order_by=[Announcement.starts_at.desc(), Announcement.id.desc()])

    async def find(self, announcement_id: UUID) -> Announcement | None:
        """Return an announcement, None if there is none."""
        return await self.find_one(Announcement.id == announcement_id)

    async def delete_by_id(self, announcement_id: UUID) -> bool:
        """Delete an announcement; return whether it existed."""
        statement = delete(Announcement).where(Announcement.id == announcement_id).returning(Announcement.id)
        return await self.session.scalar(statement) is not None
