"""Deletion of expired account data, in units of work of its own.

Each step can run twice, on two workers at once, and be interrupted anywhere: the next run deletes the rest.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.accounts.audit.repositories import AuditRepository
from tone_shootout.accounts.repositories import ApiTokenRepository, IdempotencyRepository, SessionRepository
from tone_shootout.kit.db.batches import delete_in_batches
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.settings import RetentionSettings


class AccountMaintenance:
    """Deletes expired rows of all users. Each step returns the number of deleted rows.

    Args:
        session_maker: opens sessions of the database.
        retention: how long ended API tokens and the audit log are kept.
    """

    def __init__(self, session_maker: SessionMaker, retention: RetentionSettings) -> None:
        self._session_maker = session_maker
        self._tokens_kept = timedelta(days=retention.tokens_days)
        self._audit_kept = timedelta(days=retention.audit_days)

    async def delete_ended_sessions(self) -> int:
        """Delete sessions that expired or were revoked. Their tokens are rejected with or without a row."""
        return await self._delete(lambda session: SessionRepository(session).delete_ended(datetime.now(UTC)))

    async def delete_ended_tokens(self) -> int:
        """Delete API tokens that expired or were revoked longer ago than the retention time."""
        before = datetime.now(UTC) - self._tokens_kept
        return await self._delete(lambda session: ApiTokenRepository(session).delete_ended(before))

    async def delete_expired_idempotency_records(self) -> int:
        """Delete stored responses whose `Idempotency-Key` has expired."""
        return await self._delete(lambda session: IdempotencyRepository(session).delete_expired())

    async def delete_old_audit_events(self) -> int:
        """Delete events of the audit log that are older than the retention time."""
        before = datetime.now(UTC) - self._audit_kept
        return await delete_in_batches(
            self._session_maker, lambda session, limit: AuditRepository(session).delete_before(before, limit=limit)
        )

    async def _delete(self, step: Callable[[AsyncSession], Awaitable[int]]) -> int:
        async with self._session_maker() as session:
            deleted = await step(session)
            await session.commit()
        return deleted
