import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.conftest import Person
from tests.support.sessions import Sessions
from tone_shootout.accounts.principal import Scope
from tone_shootout.accounts.services import AccountService

IssueToken = Callable[..., Awaitable[str]]
Sql = Callable[..., Awaitable[list[Any]]]


@dataclass(frozen=True)
class SignedIn:
    """Tokens of a session."""

    access: str
    refresh: str

    @property
    def headers(self) -> dict[str, str]:
        """Headers that a program sends."""
        return {"Authorization": f"Bearer {self.access}"}

    @property
    def cookies(self) -> dict[str, str]:
        """Cookies that a browser sends to `/api/v1/auth`, as a header."""
        return {"Cookie": f"shootout_access={self.access}; shootout_refresh={self.refresh}"}


@pytest.fixture
def issue_token(session_maker: Sessions) -> IssueToken:
    """Return a function that issues tokens of any kind, including expired ones."""

    async def issue(person: Person, *, scope: Scope = "write", expires_at: datetime | None = None) -> str:
        async with session_maker.begin() as session:
            accounts = AccountService(session)
            user = await accounts.get_user(person.id)
            return (await accounts.issue_token(user, name="made for a test", scope=scope, expires_at=expires_at)).secret

    return issue


@pytest.fixture
async def read_token(user: Person, issue_token: IssueToken) -> str:
    """Return a token of `user` with read scope."""
    return await issue_token(user, scope="read")


@pytest.fixture
def sql(engine: AsyncEngine) -> Sql:
    """Return a function that runs a statement and returns its rows."""

    async def run(statement: str, **values: Any) -> list[Any]:
        async with engine.begin() as connection:
            result = await connection.execute(text(statement), values)
            return list(result.all()) if result.returns_rows else []

    return run


async def sign_in(api: httpx.AsyncClient, token: str) -> SignedIn:
    """Start a session and delete its cookies from the client."""
    answer = await api.post("/api/v1/auth/session", json={"token": token})
    assert answer.status_code == 201
    api.cookies.clear()
    return SignedIn(answer.json()["access_token"], answer.json()["refresh_token"])


async def whoami(api: httpx.AsyncClient, headers: dict[str, str]) -> int:
    """Return the status of `GET /me`."""
    return (await api.get("/api/v1/me", headers=headers)).status_code


@pytest.fixture
def clean_environ() -> dict[str, str]:
    """Return the environment of this process without settings of the service."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SHOOTOUT_")}
