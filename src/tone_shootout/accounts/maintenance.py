"""What accounts leave behind, and when it goes. Nothing here commits."""

from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.accounts.repositories import ApiTokenRepository, IdempotencyRepository, SessionRepository


class AccountMaintenance:
    """Strikes out what counts for nobody any more, whoever's it was. Each step tells how much it struck out."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def forget_sessions(self) -> int:
        """Strike out sessions that have expired or were ended: none of their tokens counts, with or without a row."""
        return await SessionRepository(self._session).delete_ended(datetime.now(UTC))

    async def forget_tokens(self, kept: timedelta) -> int:
        """Strike out API tokens that expired or were revoked longer ago than `kept`."""
        return await ApiTokenRepository(self._session).delete_ended(datetime.now(UTC) - kept)

    async def forget_answers(self) -> int:
        """Strike out answers that nobody can ask for again with their `Idempotency-Key`."""
        return await IdempotencyRepository(self._session).delete_expired()
