"""Queries for the audit log."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, delete, insert, select, update

from tone_shootout.accounts.audit.models import AuditEvent
from tone_shootout.accounts.models import User
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.db.repository import Repository
from tone_shootout.kit.http.period import Period


class AuditRepository(Repository[AuditEvent]):
    """Events of the audit log."""

    model_type = AuditEvent

    async def append(
        self, *, actor_id: UUID | None, actor_name: str | None, user_id: UUID | None, **values: Any
    ) -> None:
        """Append an event in one statement, with the names that its users have now."""
        names = {"actor_name": actor_name or _name_of(actor_id), "user_name": _name_of(user_id)}
        await self.session.execute(insert(AuditEvent).values(actor_id=actor_id, user_id=user_id, **names, **values))

    async def list_filtered(
        self, paging: Paging, period: Period, *, action: str | None, actor_id: UUID | None, user_id: UUID | None
    ) -> tuple[Sequence[AuditEvent], int]:
        """Return a page of the events of a period that pass the filters that are not None, and how many pass."""
        filters: list[ColumnElement[bool]] = []
        if action is not None:
            filters.append(AuditEvent.action == action)
        if actor_id is not None:
            filters.append(AuditEvent.actor_id == actor_id)
        if user_id is not None:
            filters.append(AuditEvent.user_id == user_id)
        if period.since is not None:
            filters.append(AuditEvent.at >= period.since)
        if period.until is not None:
            filters.append(AuditEvent.at < period.until)
        return await self.list_page(*filters, paging=paging, order_by=[AuditEvent.at.desc(), AuditEvent.id.desc()])

    async def forget(self, user_id: UUID) -> None:
        """Remove names, addresses and details from the events of a user; their id stays."""
        about = update(AuditEvent).where(AuditEvent.user_id == user_id).values(user_name=None, data={})
        by = update(AuditEvent).where(AuditEvent.actor_id == user_id).values(actor_name=None, address=None)
        for statement in (about, by):
            await self.session.execute(statement.execution_options(synchronize_session=False))

    async def delete_before(self, before: datetime, *, limit: int) -> int:
        """Delete at most `limit` events from before `before`; return how many."""
        oldest = select(AuditEvent.id).where(AuditEvent.at < before).order_by(AuditEvent.at).limit(limit)
        statement = delete(AuditEvent).where(AuditEvent.id.in_(oldest)).returning(AuditEvent.id)
        return len((await self.session.scalars(statement)).all())


def _name_of(user_id: UUID | None) -> ScalarSelect[str] | None:
    return None if user_id is None else select(User.name).where(User.id == user_id).scalar_subquery()
