"""Services of users, API tokens and sessions. They do not commit."""

import itertools
import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

from advanced_alchemy.service import SQLAlchemyAsyncRepositoryService
from sqlalchemy import Select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.accounts.audit.services import AuditLog
from tone_shootout.accounts.credentials import (
    VISIBLE_CHARACTERS,
    digest,
    new_api_token,
)
from tone_shootout.accounts.errors import (
    TokenNotFoundError,
    UserDisabledError,
    UserExistsError,
    UserNameError,
    UserNotFoundError,
)
from tone_shootout.accounts.models import NAME_PATTERN, ApiToken, Tone3000Connection, User
from tone_shootout.accounts.principal import Credential, Role, Scope
from tone_shootout.accounts.repositories import (
    AccountRow,
    ApiTokenRepository,
    ConnectionRepository,
    CredentialRepository,
    SessionRepository,
    UserRepository,
)
from tone_shootout.kit.db.pagination import Paging

LOCAL_ADMINISTRATOR = "admin"
"""Name of the administrator of a new installation."""


class IssuedToken(NamedTuple):
    """A new API token, with the only copy of its secret."""

    token: ApiToken
    secret: str


class AccountService(SQLAlchemyAsyncRepositoryService[User, UserRepository]):
    """Users and their API tokens.

    Creation of users is CRUD. API tokens are not: a token is issued once with a secret, then only revoked.
    """

    repository_type = UserRepository

    # Made when they are needed: a request needs one or two of them.

    @cached_property
    def _audit(self) -> AuditLog:
        return AuditLog(self.repository.session)

    @cached_property
    def _tokens(self) -> ApiTokenRepository:
        return ApiTokenRepository(self.repository.session)

    @cached_property
    def _sessions(self) -> SessionRepository:
        return SessionRepository(self.repository.session)

    @cached_property
    def _connections(self) -> ConnectionRepository:
        return ConnectionRepository(self.repository.session)

    async def create_user(self, name: str, *, role: Role = "user", display_name: str | None = None) -> User:
        """Create a user.

        Raises:
            UserNameError: the name is invalid.
            UserExistsError: the name is taken, ignoring case.
        """
        if not re.fullmatch(NAME_PATTERN, name):
            raise UserNameError
        user = User(name=name, display_name=display_name, role=role, is_active=True)
        try:
            await self.create(user)
        except IntegrityError:
            raise UserExistsError(name) from None
        await self._audit.record("account_created", user_id=user.id, role=role)
        return user

    async def create_unique_user(self, stem: str, *, display_name: str | None) -> User:
        """Create a user named `stem`, or `stem` with a number appended if that name is taken.

        Raises:
            UserNameError: the name is invalid.
        """
        await self.repository.lock_names()
        taken = await self.repository.list_names_with_prefix(stem)
        numbered = (f"{stem}-{number}" for number in itertools.count(2))
        name = next(name for name in itertools.chain([stem], numbered) if name.lower() not in taken)
        return await self.create_user(name, display_name=display_name)

    async def get_user(self, user_id: UUID) -> User:
        """Return a user by id.

        Raises:
            UserNotFoundError: the user does not exist.
        """
        user = await self.repository.find(user_id)
        if user is None:
            raise UserNotFoundError
        return user

    async def find_active_user(self, user_id: UUID) -> User | None:
        """Return a user by id, None if the user does not exist or is disabled."""
        user = await self.repository.find(user_id)
        return user if user is not None and user.is_active else None

    async def read(self, user_id: UUID) -> AccountRow:
        """Return what a response shows of a user.

        Raises:
            UserNotFoundError: the user does not exist.
        """
        found = await self.repository.read(user_id)
        if found is None:
            raise UserNotFoundError
        return found

    async def get_connection(self, user_id: UUID) -> Tone3000Connection | None:
        """Return a user's connection with TONE3000, None if there is none."""
        return await self._connections.get_for_user(user_id)

    async def count_credentials(self, user_id: UUID) -> tuple[int, int]:
        """Return the number of a user's API tokens that are not revoked, and of their valid sessions."""
        tokens = await self._tokens.count_active(user_id)
        return tokens, await self._sessions.count_valid(user_id, datetime.now(UTC))

    async def get_user_by_name(self, name: str) -> User:
        """Return a user by name, ignoring case.

        Raises:
            UserNotFoundError: the user does not exist.
        """
        user = await self.repository.get_by_name(name)
        if user is None:
            raise UserNotFoundError
        return user

    async def get_or_create_user(self, name: str) -> tuple[User, bool]:
        """Return a user by name, ignoring case, and whether the user is new.

        Raises:
            UserNameError: the name is invalid.
        """
        found = await self.repository.get_by_name(name)
        return (found, False) if found is not None else (await self.create_user(name), True)

    async def get_or_create_administrator(self) -> tuple[User, bool]:
        """Return the active administrator who was created first, and whether there was none and one was created."""
        found = await self.repository.find_administrator()
        if found is not None:
            return found, False
        created = await self.create_unique_user(LOCAL_ADMINISTRATOR, display_name=None)
        await self.set_role(created, "administrator")
        return created, True

    async def get_display_names(self, user_ids: Collection[UUID]) -> dict[UUID, str]:
        """Return the public names of users by id; deleted users are omitted."""
        users = await self.repository.list_by_ids(user_ids)
        return {user.id: user.display_name or user.name for user in users}

    async def get_names(self, user_ids: Collection[UUID]) -> dict[UUID, str]:
        """Return the user names of users by id; deleted users are omitted."""
        return {user.id: user.name for user in await self.repository.list_by_ids(user_ids)}

    async def list_users(self) -> Sequence[User]:
        """Return all users, ordered by name."""
        return await self.repository.list_all()

    async def set_role(self, user: User, role: Role) -> None:
        """Set a user's role."""
        if user.role != role:
            await self._audit.record("role_changed", user_id=user.id, role=role, previous=user.role)
        user.role = role

    async def set_active(self, user: User, *, is_active: bool) -> None:
        """Enable or disable a user. All credentials of a disabled user are invalid."""
        if user.is_active is not is_active:
            await self._audit.record("user_enabled" if is_active else "user_disabled", user_id=user.id)
        user.is_active = is_active

    async def delete_user(self, user_id: UUID) -> None:
        """Delete a user with all their rows; an unknown user is ignored.

        The caller cancels the user's jobs before and deletes their objects afterwards (`account_deletion`).
        """
        if await self.repository.find(user_id) is not None:
            await self._audit.record("account_deleted", user_id=user_id)
            await self._audit.forget(user_id)
        await self.repository.delete_by_id(user_id)

    async def issue_token(
        self, user: User, *, name: str, scope: Scope = "write", expires_at: datetime | None = None
    ) -> IssuedToken:
        """Create an API token for a user.

        Raises:
            UserDisabledError: the user is disabled.
            UserNotFoundError: the user has been deleted.
        """
        if not user.is_active:
            raise UserDisabledError(user.name)
        secret = new_api_token()
        token = ApiToken(
            user_id=user.id,
            name=name,
            prefix=secret[:VISIBLE_CHARACTERS],
            hash=digest(secret),
            scope=scope,
            expires_at=expires_at,
        )
        try:
            await self._tokens.add(token)
        except IntegrityError:
            raise UserNotFoundError from None
        await self._audit.record("token_created", user_id=user.id, object_id=token.id, name=name, scope=scope)
        return IssuedToken(token, secret)

    async def list_tokens(self, owner_id: UUID, paging: Paging) -> tuple[Sequence[ApiToken], int]:
        """Return a page of a user's tokens that are not revoked, newest first, and their total."""
        return await self._tokens.list_active(owner_id, paging)

    async def get_token(self, owner_id: UUID, token_id: UUID) -> ApiToken:
        """Return one of a user's tokens.

        Raises:
            TokenNotFoundError: the user has no such token, or it is revoked.
        """
        token = await self._tokens.get_active(owner_id, token_id)
        if token is None:
            raise TokenNotFoundError
        return token

    async def revoke_token(self, owner_id: UUID, token_id: UUID) -> None:
        """Revoke one of a user's tokens, which ends the sessions started with it.

        Raises:
            TokenNotFoundError: the user has no such token, or it is revoked.
        """
        if not await self._tokens.revoke(owner_id, token_id, datetime.now(UTC)):
            raise TokenNotFoundError
        await self._audit.record("token_revoked", user_id=owner_id, object_id=token_id)


async def filter_valid_credentials(session: AsyncSession, credentials: Collection[Credential]) -> frozenset[Credential]:
    """Return those of the credentials that are valid.

    A token is invalid once it is revoked or expired, a session once it or the token that started it is revoked or
    expired, and both once the user is disabled or deleted.
    """
    return await CredentialRepository(session).filter_valid(credentials, datetime.now(UTC))


def select_active_users() -> Select[tuple[UUID]]:
    """Return a subquery of the ids of all users who are not disabled, for statements outside of requests."""
    return UserRepository.select_active()
