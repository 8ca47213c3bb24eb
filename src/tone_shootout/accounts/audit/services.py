"""Writing and reading of the audit log.

Services write an event in the unit of work of what they do, so neither is stored without the other. Who does it, and
from where, comes from the request or the command that is in progress.
"""

from collections.abc import Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session
from uuid_utils.compat import uuid7

from tone_shootout.accounts.audit.models import AuditEvent
from tone_shootout.accounts.audit.repositories import AuditRepository
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.http.period import Period
from tone_shootout.kit.http.request_id import current_request_id

AuditAction = Literal[
    "account_created",
    "account_deleted",
    "announcement_created",
    "announcement_deleted",
    "job_cancelled",
    "job_retried",
    "maintenance_ended",
    "maintenance_started",
    "quota_changed",
    "role_changed",
    "session_ended",
    "sign_in_refused",
    "signed_in",
    "token_created",
    "token_revoked",
    "tone3000_connected",
    "tone3000_disconnected",
    "user_disabled",
    "user_enabled",
]
REFUSALS_PER_ADDRESS_S: Final = 60
"""Seconds in which at most one refused sign-in from an address is recorded."""
REFUSALS_PER_MINUTE: Final = 60
"""Refused sign-ins that are recorded in a minute, from all addresses."""

_log = structlog.get_logger(__name__)


class Origin(NamedTuple):
    """Who does something, and from where."""

    actor_id: UUID | None = None
    actor_name: str | None = None
    """Name of an actor who is not a user: a command, the service itself."""
    address: str | None = None


_SERVICE: Final = Origin(actor_name="service")
_origin: ContextVar[Origin] = ContextVar("origin", default=_SERVICE)


def set_origin(origin: Origin) -> None:
    """Set the origin of what follows in this context; each request has a context of its own."""
    _origin.set(origin)


class AuditLog:
    """The audit log, in the caller's unit of work."""

    def __init__(self, session: AsyncSession | async_scoped_session[AsyncSession]) -> None:
        self._events = AuditRepository(session)

    async def record(
        self,
        action: AuditAction,
        *,
        user_id: UUID | None = None,
        object_id: object = None,
        actor_id: UUID | None = None,
        **data: Any,
    ) -> None:
        """Record an event.

        Args:
            action: what happens.
            user_id: user whom it concerns.
            object_id: id of the token, session, job or announcement that it concerns.
            actor_id: user who does it; None: the user of the request.
            data: details; never a secret.
        """
        origin = _origin.get()
        await self._events.append(
            id=uuid7(),
            at=datetime.now(UTC),
            action=action,
            actor_id=actor_id or origin.actor_id,
            actor_name=None if actor_id else origin.actor_name,
            user_id=user_id,
            object_id=None if object_id is None else str(object_id),
            data=data,
            request_id=current_request_id() or None,
            address=origin.address,
        )

    async def forget(self, user_id: UUID) -> None:
        """Remove what identifies a user whose account is deleted: names, addresses and details."""
        await self._events.forget(user_id)

    async def list(
        self,
        paging: Paging,
        period: Period,
        *,
        action: AuditAction | None = None,
        actor_id: UUID | None = None,
        user_id: UUID | None = None,
    ) -> tuple[Sequence[AuditEvent], int]:
        """Return a page of the events that pass all filters, newest first, and how many pass.

        Args:
            paging: the page.
            period: only events of this time.
            action: only this action.
            actor_id: only what this user did.
            user_id: only what concerns this user.
        """
        return await self._events.list_filtered(paging, period, action=action, actor_id=actor_id, user_id=user_id)


class RefusedSignIns:
    """Records refused sign-ins, in units of work of its own: the request's is rolled back.

    At most `REFUSALS_PER_MINUTE`, and one from an address in `REFUSALS_PER_ADDRESS_S`, so that an attack does not fill
    the database. Without Redis, which counts them, they are only in the log of the process.

    Args:
        redis: counts what was recorded.
        sessions: opens sessions of the database.
    """

    def __init__(self, redis: Redis, sessions: SessionMaker) -> None:
        self._redis = redis
        self._sessions = sessions

    async def record(self, reason: str) -> None:
        """Record a refused sign-in of the request in progress.

        Args:
            reason: code of the response.
        """
        address = _origin.get().address
        _log.info("sign_in_refused", reason=reason, address=address)
        if not await self._is_allowed(address or ""):
            return
        async with self._sessions() as session:
            await AuditLog(session).record("sign_in_refused", reason=reason)
            await session.commit()

    async def _is_allowed(self, address: str) -> bool:
        try:
            key = f"shootout:audit:refused:{address}"
            if not await self._redis.set(key, b"1", nx=True, ex=REFUSALS_PER_ADDRESS_S):
                return False
            minute = f"shootout:audit:refused-in:{datetime.now(UTC):%H%M}"
            async with self._redis.pipeline() as pipeline:
                pipeline.incr(minute)
                pipeline.expire(minute, 120)
                count, _ = await pipeline.execute()
        except (RedisError, OSError):
            return False
        return int(count) <= REFUSALS_PER_MINUTE
