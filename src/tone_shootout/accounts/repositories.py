"""All SQL about accounts."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, delete, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from tone_shootout.accounts.models import ApiToken, IdempotencyRecord, Tone3000Connection, User, UserSession
from tone_shootout.accounts.principal import Credential, Role, Scope

TOUCH_INTERVAL = timedelta(minutes=1)
"""A token's last use is written down at most this often."""


class Bearer(NamedTuple):
    """The user behind a credential, in one row."""

    user_id: UUID
    name: str
    role: Role
    scope: Scope
    token_id: UUID | None = None
    last_used_at: datetime | None = None


def _good_token(now: datetime) -> ColumnElement[bool]:
    return and_(ApiToken.revoked_at.is_(None), or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > now))


def _good_session(now: datetime) -> ColumnElement[bool]:
    """Neither ended, nor left alone for too long, nor got for a token that is no longer good."""
    good_tokens = select(ApiToken.id).where(_good_token(now))
    return and_(
        UserSession.revoked_at.is_(None),
        UserSession.expires_at > now,
        UserSession.user_id.in_(UserRepository.active()),
        or_(UserSession.api_token_id.is_(None), UserSession.api_token_id.in_(good_tokens)),
    )


class CredentialRepository:
    """Who a credential belongs to: one statement for each request, outside the unit of work."""

    def __init__(self, connection: AsyncConnection | AsyncSession) -> None:
        self._connection = connection

    async def by_token(self, token: bytes | UUID, now: datetime) -> Bearer | None:
        """Return the active user of an API token, known by hash or id, that is good at `now`."""
        named = ApiToken.id == token if isinstance(token, UUID) else ApiToken.hash == token
        statement = (
            select(User.id, User.name, User.role, ApiToken.scope, ApiToken.id, ApiToken.last_used_at)
            .join(User, User.id == ApiToken.user_id)
            .where(named, _good_token(now), User.is_active)
        )
        row = (await self._connection.execute(statement)).one_or_none()
        return None if row is None else Bearer(*row)

    async def by_session(self, user_id: UUID, session_id: UUID, now: datetime) -> Bearer | None:
        """Return the active user of a session that is good at `now`."""
        statement = (
            select(User.id, User.name, User.role, UserSession.scope)
            .join(User, User.id == UserSession.user_id)
            .where(UserSession.id == session_id, UserSession.user_id == user_id, _good_session(now))
        )
        row = (await self._connection.execute(statement)).one_or_none()
        return None if row is None else Bearer(*row)

    async def valid(self, credentials: Collection[Credential], now: datetime) -> frozenset[Credential]:
        """Return those of the credentials that are valid at `now`, with at most two statements."""
        tokens = {it.token_id for it in credentials if it.token_id is not None}
        sessions = {it.session_id for it in credentials if it.token_id is None and it.session_id is not None}
        found: set[Row[tuple[UUID, UUID]]] = set()
        if tokens:
            of_tokens = (
                select(ApiToken.user_id, ApiToken.id)
                .join(User, User.id == ApiToken.user_id)
                .where(ApiToken.id.in_(tokens), _good_token(now), User.is_active)
            )
            found.update(await self._connection.execute(of_tokens))
        if sessions:
            of_sessions = select(UserSession.user_id, UserSession.id)
            found.update(
                await self._connection.execute(of_sessions.where(UserSession.id.in_(sessions), _good_session(now)))
            )
        pairs = {(user_id, id_) for user_id, id_ in found}
        return frozenset(it for it in credentials if (it.user_id, it.token_id or it.session_id) in pairs)

    async def touch(self, bearer: Bearer, now: datetime) -> None:
        """Write down that a token was used, unless it is known to have been a moment ago."""
        if bearer.last_used_at is not None and bearer.last_used_at > now - TOUCH_INTERVAL:
            return
        statement = update(ApiToken).where(
            ApiToken.id == bearer.token_id,
            or_(ApiToken.last_used_at.is_(None), ApiToken.last_used_at <= now - TOUCH_INTERVAL),
        )
        await self._connection.execute(statement.values(last_used_at=now))


class UserRepository:
    """Users."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, user: User) -> None:
        """Write down a new user.

        Raises:
            sqlalchemy.exc.IntegrityError: the name is taken.
        """
        self._session.add(user)
        await self._session.flush()

    async def get(self, user_id: UUID) -> User | None:
        """Return a user by id."""
        return await self._session.get(User, user_id)

    async def by_name(self, name: str) -> User | None:
        """Return a user by name, whatever its capitals."""
        statement = select(User).where(func.lower(User.name) == func.lower(name))
        return (await self._session.execute(statement)).scalar_one_or_none()

    async def some(self, user_ids: Collection[UUID]) -> Sequence[User]:
        """Return those of the users who are there."""
        return (await self._session.scalars(select(User).where(User.id.in_(user_ids)))).all()

    @staticmethod
    def active() -> Select[tuple[UUID]]:
        """Return a subquery of the users who are not disabled."""
        return select(User.id).where(User.is_active)

    async def all(self) -> Sequence[User]:
        """Return all users by name."""
        return (await self._session.scalars(select(User).order_by(func.lower(User.name)))).all()

    async def lock_names(self) -> None:
        """Let nobody else choose a name for a new user until the transaction ends."""
        await self._session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("user-names", 0))))

    async def names_like(self, stem: str) -> frozenset[str]:
        """Return the names that begin with `stem`, whatever their capitals, in small letters."""
        name = func.lower(User.name)
        return frozenset(
            await self._session.scalars(select(name).where(name.startswith(stem.lower(), autoescape=True)))
        )

    async def delete(self, user_id: UUID) -> None:
        """Delete a user; the database deletes what belongs to them."""
        await self._session.execute(delete(User).where(User.id == user_id))


class ApiTokenRepository:
    """API tokens, from the owner's own."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, token: ApiToken) -> None:
        """Write down a new token.

        Raises:
            sqlalchemy.exc.IntegrityError: its user is gone.
        """
        self._session.add(token)
        await self._session.flush()

    async def page(self, owner_id: UUID, *, limit: int, offset: int) -> tuple[Sequence[ApiToken], int]:
        """Return a part of the owner's tokens that are not revoked, the newest first, and how many there are."""
        statement = select(ApiToken).where(ApiToken.user_id == owner_id, ApiToken.revoked_at.is_(None))
        total = await self._session.scalar(select(func.count()).select_from(statement.subquery()))
        rows = await self._session.scalars(statement.order_by(ApiToken.id.desc()).limit(limit).offset(offset))
        return rows.all(), total or 0

    async def any_to_write(self, owner_id: UUID, now: datetime) -> bool:
        """Tell whether the owner has a token of write scope that counts at `now`."""
        mine = ApiToken.user_id == owner_id, ApiToken.scope == "write"
        return bool(await self._session.scalar(select(exists().where(*mine, _good_token(now)))))

    async def revoke(self, owner_id: UUID, token_id: UUID, now: datetime) -> bool:
        """Revoke one of the owner's tokens; tell whether there was one to revoke."""
        statement = (
            update(ApiToken)
            .where(ApiToken.user_id == owner_id, ApiToken.id == token_id, ApiToken.revoked_at.is_(None))
            .values(revoked_at=now)
            .returning(ApiToken.id)
        )
        return await self._session.scalar(statement) is not None

    async def delete_ended(self, before: datetime) -> int:
        """Delete tokens that expired or were revoked before `before`, whoever owns them; return how many."""
        statement = delete(ApiToken).where(or_(ApiToken.expires_at < before, ApiToken.revoked_at < before))
        return len((await self._session.scalars(statement.returning(ApiToken.id))).all())


class ConnectionRepository:
    """Connections with TONE3000."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of(self, user_id: UUID, *, lock: bool = False) -> Tone3000Connection | None:
        """Return a user's connection; locked, nobody else changes it until the transaction ends."""
        statement = select(Tone3000Connection).where(Tone3000Connection.user_id == user_id)
        if lock:
            statement = statement.with_for_update().execution_options(populate_existing=True)
        return (await self._session.execute(statement)).scalar_one_or_none()

    async def lock_person(self, tone3000_user_id: str) -> None:
        """Let nobody else connect this person of TONE3000 until the transaction ends."""
        key = func.hashtextextended(f"tone3000/{tone3000_user_id}", 0)
        await self._session.execute(select(func.pg_advisory_xact_lock(key)))

    async def of_person(self, tone3000_user_id: str) -> Tone3000Connection | None:
        """Return the connection of a person of TONE3000, locked until the transaction ends."""
        statement = select(Tone3000Connection).where(Tone3000Connection.tone3000_user_id == tone3000_user_id)
        statement = statement.with_for_update().execution_options(populate_existing=True)
        return (await self._session.execute(statement)).scalar_one_or_none()

    async def save(self, connection: Tone3000Connection) -> None:
        """Write down a connection, new or changed.

        Raises:
            sqlalchemy.exc.IntegrityError: its user is gone, or has another one.
        """
        self._session.add(connection)
        await self._session.flush()

    async def delete(self, user_id: UUID) -> bool:
        """Delete a user's connection; tell whether there was one."""
        statement = delete(Tone3000Connection).where(Tone3000Connection.user_id == user_id)
        return await self._session.scalar(statement.returning(Tone3000Connection.id)) is not None

    async def ids(self) -> Sequence[UUID]:
        """Return the users who have a connection."""
        return (await self._session.scalars(select(Tone3000Connection.user_id))).all()


class SessionRepository:
    """Sessions."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, user_session: UserSession) -> None:
        """Write down a new session, and strike out its user's expired ones."""
        await self._session.execute(
            delete(UserSession).where(
                UserSession.user_id == user_session.user_id, UserSession.expires_at <= user_session.last_used_at
            )
        )
        self._session.add(user_session)
        await self._session.flush()

    async def renew(
        self, session_id: UUID, *, used: bytes, following: bytes, now: datetime, expires_at: datetime
    ) -> UUID | None:
        """Replace the newest refresh token of a good session and return its user, None unless `used` was the newest.

        Of several that try it with one token, the row's lock lets one through.
        """
        statement = (
            update(UserSession)
            .where(UserSession.id == session_id, UserSession.refresh_hash == used, _good_session(now))
            .values(refresh_hash=following, last_used_at=now, expires_at=expires_at)
            .returning(UserSession.user_id)
        )
        return (await self._session.execute(statement)).scalar_one_or_none()

    async def renewed(self, session_id: UUID, newest: bytes, *, since: datetime, now: datetime) -> UUID | None:
        """Return the user of a good session that got its newest refresh token after `since`, None unless it is that."""
        statement = select(UserSession.user_id).where(
            UserSession.id == session_id,
            UserSession.refresh_hash == newest,
            UserSession.last_used_at > since,
            _good_session(now),
        )
        return (await self._session.execute(statement)).scalar_one_or_none()

    async def revoke(self, session_id: UUID, refresh_hash: bytes | None, now: datetime) -> None:
        """End a session; with a hash only if that is its newest refresh token's."""
        statement = update(UserSession).where(UserSession.id == session_id, UserSession.revoked_at.is_(None))
        if refresh_hash is not None:
            statement = statement.where(UserSession.refresh_hash == refresh_hash)
        await self._session.execute(statement.values(revoked_at=now))

    async def revoke_replayed(self, session_id: UUID, refresh_hash: bytes, now: datetime) -> bool:
        """End a session unless the hash is its newest refresh token's; tell whether it had not ended before."""
        statement = (
            update(UserSession)
            .where(
                UserSession.id == session_id,
                UserSession.refresh_hash != refresh_hash,
                UserSession.revoked_at.is_(None),
            )
            .values(revoked_at=now)
            .returning(UserSession.id)
        )
        return await self._session.scalar(statement) is not None

    async def page(
        self, owner_id: UUID, now: datetime, *, limit: int, offset: int
    ) -> tuple[Sequence[UserSession], int]:
        """Return a part of the owner's good sessions, the one used last first, and how many there are."""
        statement = select(UserSession).where(UserSession.user_id == owner_id, _good_session(now))
        total = await self._session.scalar(select(func.count()).select_from(statement.subquery()))
        order = UserSession.last_used_at.desc(), UserSession.id.desc()
        rows = await self._session.scalars(statement.order_by(*order).limit(limit).offset(offset))
        return rows.all(), total or 0

    async def revoke_own(self, owner_id: UUID, session_id: UUID | None, now: datetime) -> bool:
        """End one of the owner's good sessions, or all of them; tell whether there was one to end."""
        statement = update(UserSession).where(UserSession.user_id == owner_id, _good_session(now))
        if session_id is not None:
            statement = statement.where(UserSession.id == session_id)
        ended = await self._session.scalars(statement.values(revoked_at=now).returning(UserSession.id))
        return bool(ended.all())

    async def delete_ended(self, now: datetime) -> int:
        """Delete sessions that have expired or were ended, whoever owns them; return how many."""
        statement = delete(UserSession).where(or_(UserSession.expires_at <= now, UserSession.revoked_at.is_not(None)))
        return len((await self._session.scalars(statement.returning(UserSession.id))).all())


class IdempotencyRepository:
    """Answers that are kept by their keys, in one session."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def lock(self, owner_id: UUID, key: str) -> bool:
        """Take the owner's key until the end of the transaction, unless somebody has it."""
        name = func.hashtextextended(f"{owner_id}/idempotency/{key}", 0)
        return bool(await self._session.scalar(select(func.pg_try_advisory_xact_lock(name))))

    async def get(self, owner_id: UUID, key: str) -> IdempotencyRecord | None:
        """Return what was answered, None where nothing was, or too long ago."""
        statement = select(IdempotencyRecord).where(
            IdempotencyRecord.owner_id == owner_id,
            IdempotencyRecord.key == key,
            IdempotencyRecord.expires_at > func.now(),
        )
        return (await self._session.execute(statement)).scalar_one_or_none()

    async def put(self, *, owner_id: UUID, key: str, kept: timedelta, **answer: Any) -> None:
        """Write an answer down, in place of one that has expired."""
        values = {**answer, "expires_at": func.now() + kept}
        statement = upsert(IdempotencyRecord).values(owner_id=owner_id, key=key, **values)
        await self._session.execute(
            statement.on_conflict_do_update(index_elements=["owner_id", "key"], set_=dict(values))
        )

    async def delete_expired(self) -> int:
        """Delete what nobody can ask for any more, whoever owns it; return how many."""
        statement = delete(IdempotencyRecord).where(IdempotencyRecord.expires_at <= func.now())
        return len((await self._session.scalars(statement.returning(IdempotencyRecord.key))).all())
