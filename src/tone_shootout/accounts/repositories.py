"""All SQL of the accounts domain."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, Row, Select, and_, bindparam, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncEngine

from tone_shootout.accounts.models import ApiToken, IdempotencyRecord, Tone3000Connection, User, UserSession
from tone_shootout.accounts.principal import Credential, Role, Scope
from tone_shootout.kit.db import locks
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.db.reads import Query, fetch, fetch_from
from tone_shootout.kit.db.repository import Order, OwnedRepository, Repository

TOUCH_INTERVAL = timedelta(minutes=1)
"""The last use of a token is stored at most this often."""


class Bearer(NamedTuple):
    """The user that a credential belongs to."""

    user_id: UUID
    name: str
    role: Role
    scope: Scope
    token_id: UUID | None = None
    last_used_at: datetime | None = None


Time = datetime | BindParameter[datetime]


def is_touch_due(bearer: Bearer, now: datetime) -> bool:
    """Return whether the last use of a token has to be stored again."""
    return bearer.last_used_at is None or bearer.last_used_at <= now - TOUCH_INTERVAL


def _is_valid_token(now: Time) -> ColumnElement[bool]:
    return and_(ApiToken.revoked_at.is_(None), or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > now))


def _is_valid_session(now: Time) -> ColumnElement[bool]:
    """Return the condition that a session, its user and the API token it was started with are all valid."""
    valid_tokens = select(ApiToken.id).where(_is_valid_token(now))
    return and_(
        UserSession.revoked_at.is_(None),
        UserSession.expires_at > now,
        UserSession.user_id.in_(UserRepository.select_active()),
        or_(UserSession.api_token_id.is_(None), UserSession.api_token_id.in_(valid_tokens)),
    )


def _by_token(is_named: ColumnElement[bool]) -> Query:
    return Query(
        select(User.id, User.name, User.role, ApiToken.scope, ApiToken.id, ApiToken.last_used_at)
        .join(User, User.id == ApiToken.user_id)
        .where(is_named, _is_valid_token(bindparam("now")), User.is_active)
    )


class CredentialRepository(Repository[ApiToken]):
    """Validation of API tokens and sessions.

    Authentication calls this for every request, so its methods are hand-written statements that read columns, not ORM
    objects, and those that `authenticate_token` and `authenticate_session` share are compiled once.
    """

    model_type = ApiToken

    async def get_by_token(self, token: bytes | UUID, now: datetime) -> Bearer | None:
        """Return the active user of an API token that is valid at `now`.

        Args:
            token: SHA-256 of the token, or its id.
            now: time at which it has to be valid.
        """
        query = _TOKEN_BY_ID if isinstance(token, UUID) else _TOKEN_BY_HASH
        return _bearer(await fetch(self.session, query, token=token, now=now))

    async def get_by_session(self, user_id: UUID, session_id: UUID, now: datetime) -> Bearer | None:
        """Return the active user of a session that is valid at `now`."""
        return _bearer(await fetch(self.session, _SESSION, user_id=user_id, session_id=session_id, now=now))

    @staticmethod
    async def authenticate_token(engine: AsyncEngine, token: bytes, now: datetime) -> Bearer | None:
        """Return the same as `get_by_token`, without a session."""
        return _bearer(await fetch_from(engine, _TOKEN_BY_HASH, token=token, now=now))

    @staticmethod
    async def authenticate_session(
        engine: AsyncEngine, user_id: UUID, session_id: UUID, now: datetime
    ) -> Bearer | None:
        """Return the same as `get_by_session`, without a session of the database."""
        return _bearer(await fetch_from(engine, _SESSION, user_id=user_id, session_id=session_id, now=now))

    async def filter_valid(self, credentials: Collection[Credential], now: datetime) -> frozenset[Credential]:
        """Return those of the credentials that are valid at `now`, with at most two statements."""
        tokens = {it.token_id for it in credentials if it.token_id is not None}
        sessions = {it.session_id for it in credentials if it.token_id is None and it.session_id is not None}
        found: set[Row[tuple[UUID, UUID]]] = set()
        if tokens:
            of_tokens = (
                select(ApiToken.user_id, ApiToken.id)
                .join(User, User.id == ApiToken.user_id)
                .where(ApiToken.id.in_(tokens), _is_valid_token(now), User.is_active)
            )
            found.update(await self.session.execute(of_tokens))
        if sessions:
            of_sessions = select(UserSession.user_id, UserSession.id).where(
                UserSession.id.in_(sessions), _is_valid_session(now)
            )
            found.update(await self.session.execute(of_sessions))
        pairs = {(user_id, id_) for user_id, id_ in found}
        return frozenset(it for it in credentials if (it.user_id, it.token_id or it.session_id) in pairs)

    async def touch(self, bearer: Bearer, now: datetime) -> None:
        """Store the last use of a token, at most once per `TOUCH_INTERVAL`."""
        if not is_touch_due(bearer, now):
            return
        statement = update(ApiToken).where(
            ApiToken.id == bearer.token_id,
            or_(ApiToken.last_used_at.is_(None), ApiToken.last_used_at <= now - TOUCH_INTERVAL),
        )
        await self.session.execute(statement.values(last_used_at=now))


class AccountRow(NamedTuple):
    """What a response shows of a user, and of the connection with TONE3000, if there is one."""

    id: UUID
    name: str
    display_name: str | None
    role: Role
    created_at: datetime
    tone3000_username: str | None
    is_connected: bool


class UserRepository(Repository[User]):
    """Users."""

    model_type = User

    async def read(self, user_id: UUID) -> AccountRow | None:
        """Return a user and the connection with TONE3000, None if there is no such user."""
        rows = await fetch(self.session, _ACCOUNT, user_id=user_id)
        return AccountRow._make(rows[0]) if rows else None

    async def find(self, user_id: UUID) -> User | None:
        """Return a user by id, without a statement if the session has loaded the user before."""
        return await self.session.get(User, user_id)

    async def get_by_name(self, name: str) -> User | None:
        """Return a user by name, ignoring case."""
        return await self.find_one(func.lower(User.name) == func.lower(name))

    async def find_administrator(self) -> User | None:
        """Return the active administrator who was created first, None if there is none."""
        administrators = select(User).where(User.is_active, User.role == "administrator")
        return (await self.session.scalars(administrators.order_by(User.created_at, User.id).limit(1))).first()

    async def list_by_ids(self, user_ids: Collection[UUID]) -> Sequence[User]:
        """Return the users with these ids; unknown ids are ignored."""
        return (await self.session.scalars(select(User).where(User.id.in_(user_ids)))).all()

    @staticmethod
    def select_active() -> Select[tuple[UUID]]:
        """Return a subquery of the ids of all users who are not disabled."""
        return select(User.id).where(User.is_active)

    async def list_all(self) -> Sequence[User]:
        """Return all users, ordered by name."""
        return (await self.session.scalars(select(User).order_by(func.lower(User.name)))).all()

    async def lock_names(self) -> None:
        """Prevent other transactions from choosing the name of a new user until this one ends."""
        await locks.acquire(self.session, locks.shared("user-names"))

    async def list_names_with_prefix(self, prefix: str) -> frozenset[str]:
        """Return the lower-case names that begin with `prefix`, ignoring case."""
        name = func.lower(User.name)
        return frozenset(
            await self.session.scalars(select(name).where(name.startswith(prefix.lower(), autoescape=True)))
        )

    async def delete_by_id(self, user_id: UUID) -> None:
        """Delete a user. Foreign keys cascade to the user's rows."""
        await self.session.execute(delete(User).where(User.id == user_id))


_TOKEN_BY_HASH = _by_token(ApiToken.hash == bindparam("token"))
_TOKEN_BY_ID = _by_token(ApiToken.id == bindparam("token"))
_SESSION = Query(
    select(User.id, User.name, User.role, UserSession.scope)
    .join(User, User.id == UserSession.user_id)
    .where(
        UserSession.id == bindparam("session_id"),
        UserSession.user_id == bindparam("user_id"),
        _is_valid_session(bindparam("now")),
    )
)


def _bearer(rows: Sequence[Any]) -> Bearer | None:
    return Bearer(*rows[0]) if rows else None


_ACCOUNT = Query(
    select(
        User.id,
        User.name,
        User.display_name,
        User.role,
        User.created_at,
        Tone3000Connection.username,
        Tone3000Connection.tokens.is_not(None),
    )
    .outerjoin(Tone3000Connection, Tone3000Connection.user_id == User.id)
    .where(User.id == bindparam("user_id"))
)


class ApiTokenRepository(OwnedRepository[ApiToken]):
    """API tokens."""

    model_type = ApiToken
    owner_column = "user_id"

    async def list_active(self, owner_id: UUID, paging: Paging) -> tuple[Sequence[ApiToken], int]:
        """Return a page of the owner's tokens that are not revoked, newest first, and their total."""
        is_active = ApiToken.revoked_at.is_(None)
        return await self.list_owned(owner_id, is_active, paging=paging, order_by=[ApiToken.id.desc()])

    async def get_active(self, owner_id: UUID, token_id: UUID) -> ApiToken | None:
        """Return one of the owner's tokens, None if it does not exist or is revoked."""
        return await self.find_one(self.is_owned(owner_id), ApiToken.id == token_id, ApiToken.revoked_at.is_(None))

    async def count_active(self, owner_id: UUID) -> int:
        """Count the owner's tokens that are not revoked."""
        return await self.count_owned(owner_id, ApiToken.revoked_at.is_(None))

    async def has_write_token(self, owner_id: UUID, now: datetime) -> bool:
        """Return whether the owner has a token of write scope that is valid at `now`."""
        return await self.exists_owned(owner_id, ApiToken.scope == "write", _is_valid_token(now))

    async def revoke(self, owner_id: UUID, token_id: UUID, now: datetime) -> bool:
        """Revoke one of the owner's tokens; return False if it does not exist or is revoked."""
        statement = (
            update(ApiToken)
            .where(self.is_owned(owner_id), ApiToken.id == token_id, ApiToken.revoked_at.is_(None))
            .values(revoked_at=now)
            .returning(ApiToken.id)
        )
        return await self.session.scalar(statement) is not None

    async def delete_ended(self, before: datetime) -> int:
        """Delete all users' tokens that expired or were revoked before `before`; return their number."""
        statement = delete(ApiToken).where(or_(ApiToken.expires_at < before, ApiToken.revoked_at < before))
        return len((await self.session.scalars(statement.returning(ApiToken.id))).all())


class ConnectionRepository(OwnedRepository[Tone3000Connection]):
    """Connections with TONE3000, at most one for each user."""

    model_type = Tone3000Connection
    owner_column = "user_id"

    async def get_for_user(self, user_id: UUID, *, lock: bool = False) -> Tone3000Connection | None:
        """Return a user's connection; with `lock`, its row is locked until the transaction ends."""
        return await self.find_one(self.is_owned(user_id), lock="update" if lock else None)

    async def lock_tone3000_user(self, tone3000_user_id: str) -> None:
        """Prevent other transactions from connecting this TONE3000 user until this one ends."""
        await locks.acquire(self.session, locks.shared("tone3000", tone3000_user_id))

    async def get_by_tone3000_user(self, tone3000_user_id: str) -> Tone3000Connection | None:
        """Return the connection of a TONE3000 user, locked until the transaction ends."""
        return await self.find_one(Tone3000Connection.tone3000_user_id == tone3000_user_id, lock="update")

    async def delete_for_user(self, user_id: UUID) -> bool:
        """Delete a user's connection; return False if there is none."""
        statement = delete(Tone3000Connection).where(self.is_owned(user_id))
        return await self.session.scalar(statement.returning(Tone3000Connection.id)) is not None

    async def list_user_ids(self) -> Sequence[UUID]:
        """Return the ids of all users who have a connection."""
        return (await self.session.scalars(select(Tone3000Connection.user_id))).all()


class SessionRepository(OwnedRepository[UserSession]):
    """Sessions."""

    model_type = UserSession
    owner_column = "user_id"

    async def delete_expired(self, owner_id: UUID, now: datetime) -> None:
        """Delete the owner's sessions that expired before `now`."""
        await self.session.execute(delete(UserSession).where(self.is_owned(owner_id), UserSession.expires_at <= now))

    async def renew(
        self, session_id: UUID, *, used: bytes, following: bytes, now: datetime, expires_at: datetime
    ) -> UUID | None:
        """Replace the refresh token of a valid session.

        The row's lock lets only one of several concurrent requests with the same token succeed.

        Args:
            session_id: the session.
            used: hash of the refresh token to exchange.
            following: hash of its successor.
            now: time at which the session has to be valid.
            expires_at: new end of the session.

        Returns:
            The session's user; None unless `used` is the newest refresh token of a valid session.
        """
        statement = (
            update(UserSession)
            .where(UserSession.id == session_id, UserSession.refresh_hash == used, _is_valid_session(now))
            .values(refresh_hash=following, last_used_at=now, expires_at=expires_at)
            .returning(UserSession.user_id)
        )
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def get_renewed(self, session_id: UUID, newest: bytes, *, since: datetime, now: datetime) -> UUID | None:
        """Return the user of a valid session whose refresh token became `newest` after `since`, else None."""
        statement = select(UserSession.user_id).where(
            UserSession.id == session_id,
            UserSession.refresh_hash == newest,
            UserSession.last_used_at > since,
            _is_valid_session(now),
        )
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def revoke(self, session_id: UUID, refresh_hash: bytes | None, now: datetime) -> UUID | None:
        """Revoke a session; with a hash, only if it is that of the newest refresh token. Return its user if it did."""
        statement = update(UserSession).where(UserSession.id == session_id, UserSession.revoked_at.is_(None))
        if refresh_hash is not None:
            statement = statement.where(UserSession.refresh_hash == refresh_hash)
        statement = statement.values(revoked_at=now)
        return (await self.session.execute(statement.returning(UserSession.user_id))).scalar_one_or_none()

    async def revoke_replayed(self, session_id: UUID, refresh_hash: bytes, now: datetime) -> UUID | None:
        """Revoke a session unless the hash is that of its newest refresh token; return its user if it did."""
        statement = (
            update(UserSession)
            .where(
                UserSession.id == session_id,
                UserSession.refresh_hash != refresh_hash,
                UserSession.revoked_at.is_(None),
            )
            .values(revoked_at=now)
            .returning(UserSession.user_id)
        )
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def list_valid(self, owner_id: UUID, now: datetime, paging: Paging) -> tuple[Sequence[UserSession], int]:
        """Return a page of the owner's valid sessions, last used first, and their total."""
        order: list[Order] = [UserSession.last_used_at.desc(), UserSession.id.desc()]
        return await self.list_owned(owner_id, _is_valid_session(now), paging=paging, order_by=order)

    async def get_valid(self, owner_id: UUID, session_id: UUID, now: datetime) -> UserSession | None:
        """Return one of the owner's sessions, None if it does not exist or has ended."""
        return await self.find_one(self.is_owned(owner_id), UserSession.id == session_id, _is_valid_session(now))

    async def count_valid(self, owner_id: UUID, now: datetime) -> int:
        """Count the owner's valid sessions."""
        return await self.count_owned(owner_id, _is_valid_session(now))

    async def revoke_owned(self, owner_id: UUID, session_id: UUID | None, now: datetime) -> bool:
        """Revoke one of the owner's valid sessions, or all of them; return whether any was revoked."""
        statement = update(UserSession).where(self.is_owned(owner_id), _is_valid_session(now))
        if session_id is not None:
            statement = statement.where(UserSession.id == session_id)
        revoked = await self.session.scalars(statement.values(revoked_at=now).returning(UserSession.id))
        return bool(revoked.all())

    async def delete_ended(self, now: datetime) -> int:
        """Delete all users' sessions that expired or were revoked; return their number."""
        statement = delete(UserSession).where(or_(UserSession.expires_at <= now, UserSession.revoked_at.is_not(None)))
        return len((await self.session.scalars(statement.returning(UserSession.id))).all())


class IdempotencyRepository(OwnedRepository[IdempotencyRecord]):
    """Stored responses by `Idempotency-Key`."""

    model_type = IdempotencyRecord

    async def try_lock(self, owner_id: UUID, key: str) -> bool:
        """Lock the owner's key until the transaction ends; return False if another transaction holds it."""
        return await locks.try_acquire(self.session, locks.owned(owner_id, "idempotency", key))

    async def get_by_key(self, owner_id: UUID, key: str) -> IdempotencyRecord | None:
        """Return the stored response, None if there is none or it has expired."""
        is_current = IdempotencyRecord.expires_at > func.now()
        return await self.find_one(self.is_owned(owner_id), IdempotencyRecord.key == key, is_current)

    async def put(self, *, owner_id: UUID, key: str, lifetime: timedelta, **response: Any) -> None:
        """Store a response, replacing an expired one."""
        values = {**response, "expires_at": func.now() + lifetime}
        statement = upsert(IdempotencyRecord).values(owner_id=owner_id, key=key, **values)
        await self.session.execute(
            statement.on_conflict_do_update(index_elements=["owner_id", "key"], set_=dict(values))
        )

    async def delete_expired(self) -> int:
        """Delete all users' expired responses; return their number."""
        statement = delete(IdempotencyRecord).where(IdempotencyRecord.expires_at <= func.now())
        return len((await self.session.scalars(statement.returning(IdempotencyRecord.key))).all())
