"""Maintenance mode and announcements: their rules, and what a process knows of them."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Final, Generic, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.accounts.audit.services import AuditLog
from tone_shootout.administration.errors import AnnouncementNotFoundError
from tone_shootout.administration.models import Announcement, MaintenanceMode
from tone_shootout.administration.repositories import AnnouncementRepository, MaintenanceRepository
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.db.session import SessionMaker

KNOWN_S: Final = 1.0
"""Seconds after which a process reads again what it knows of maintenance mode and announcements."""

T = TypeVar("T")


class MaintenanceService:
    """Maintenance mode, in the caller's unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._modes = MaintenanceRepository(session)
        self._audit = AuditLog(session)

    async def get(self) -> MaintenanceMode | None:
        """Return maintenance mode, None while it is off."""
        return await self._modes.find()

    async def start(self, *, message: str, retry_after_s: int, pauses_workers: bool, started_by: str) -> None:
        """Turn maintenance mode on, or change it.

        Args:
            message: what users are told.
            retry_after_s: `Retry-After` of refused requests, in seconds.
            pauses_workers: whether workers claim no further jobs.
            started_by: name of the administrator.
        """
        await self._modes.put(
            message=message,
            retry_after_s=retry_after_s,
            pauses_workers=pauses_workers,
            started_at=datetime.now(UTC),
            started_by=started_by,
        )
        await self._audit.record(
            "maintenance_started", message=message, retry_after_s=retry_after_s, workers_paused=pauses_workers
        )

    async def end(self) -> None:
        """Turn maintenance mode off. Safe to repeat."""
        if await self._modes.clear():
            await self._audit.record("maintenance_ended")


class AnnouncementService:
    """Announcements, in the caller's unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._announcements = AnnouncementRepository(session)
        self._audit = AuditLog(session)

    async def list(self, paging: Paging) -> tuple[Sequence[Announcement], int]:
        """Return a page of all announcements, newest first, and their number."""
        return await self._announcements.list_all(paging)

    async def get(self, announcement_id: UUID) -> Announcement:
        """Return an announcement.

        Raises:
            AnnouncementNotFoundError: there is no such announcement.
        """
        found = await self._announcements.find(announcement_id)
        if found is None:
            raise AnnouncementNotFoundError
        return found

    async def create(self, text: str, *, severity: str, starts_at: datetime, ends_at: datetime | None) -> Announcement:
        """Add an announcement."""
        made = Announcement(text=text, severity=severity, starts_at=starts_at, ends_at=ends_at)
        await self._announcements.add(made)
        await self._audit.record("announcement_created", object_id=made.id, text=text, severity=severity)
        return made

    async def delete(self, announcement_id: UUID) -> None:
        """Delete an announcement.

        Raises:
            AnnouncementNotFoundError: there is no such announcement.
        """
        if not await self._announcements.delete_by_id(announcement_id):
            raise AnnouncementNotFoundError
        await self._audit.record("announcement_deleted", object_id=announcement_id)


class _Known(Generic[T]):
    """A value that is read again when it is needed and older than `KNOWN_S`: idle processes read nothing."""

    def __init__(self, read: Callable[[], Awaitable[T]]) -> None:
        self._read = read
        self._value: tuple[T, float] | None = None
        self._reading = asyncio.Lock()

    async def get(self) -> T:
        """Return the value, at most `KNOWN_S` old."""
        async with self._reading:
            if self._value is None or time.monotonic() - self._value[1] >= KNOWN_S:
                self._value = await self._read(), time.monotonic()
            return self._value[0]


class Notices:
    """What this process knows of maintenance mode and announcements, at most `KNOWN_S` old.

    Args:
        sessions: opens sessions for reading.
    """

    def __init__(self, sessions: SessionMaker) -> None:
        self._sessions = sessions
        self._maintenance = _Known(self._read_maintenance)
        self._announcements = _Known(self._read_announcements)

    async def maintenance(self) -> MaintenanceMode | None:
        """Return maintenance mode, None while it is off."""
        return await self._maintenance.get()

    async def announcements(self) -> Sequence[Announcement]:
        """Return the announcements that are shown now, newest first."""
        return await self._announcements.get()

    async def are_workers_paused(self) -> bool:
        """Return whether workers claim no jobs."""
        mode = await self.maintenance()
        return mode is not None and mode.pauses_workers

    async def _read_maintenance(self) -> MaintenanceMode | None:
        async with self._sessions() as session:
            return await MaintenanceRepository(session).find()

    async def _read_announcements(self) -> Sequence[Announcement]:
        async with self._sessions() as session:
            return await AnnouncementRepository(session).list_current()
