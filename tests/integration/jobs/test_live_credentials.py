"""A stream ends with the credential that it was opened with, and no other stream does."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.integration.conftest import Person
from tests.support.job_logs import Written, written_job
from tests.support.live_clients import address, streaming, watching
from tests.support.sessions import Sessions
from tone_shootout.accounts.services import AccountService
from tone_shootout.jobs.streaming.pubsub import Publisher

Stream = AsyncGenerator[dict[str, Any], None]


@pytest.fixture
async def job(session_maker: Sessions, redis: Redis, user: Person) -> Written:
    return await written_job(session_maker, Publisher(redis), user.id)


@pytest.fixture
def with_token(session_maker: Sessions, user: Person) -> Callable[..., Awaitable[tuple[str, Person]]]:
    """Gives the user one more token: its id, and the user as who has it."""

    async def issue(expires_at: datetime | None = None) -> tuple[str, Person]:
        async with session_maker.begin() as session:
            accounts = AccountService(session)
            issued = await accounts.issue_token(
                await accounts.get_user(user.id), name="a second one", expires_at=expires_at
            )
        return str(issued.token.id), replace(user, token=issued.secret)

    return issue


async def _session(base_url: str, person: Person) -> Person:
    """The person as who has started a session with their token."""
    async with httpx.AsyncClient(base_url=base_url, timeout=60) as client:
        tokens = (await client.post("/api/v1/auth/session", json={"token": person.token})).json()
    return replace(person, token=tokens["access_token"])


class _Streams:
    """A WebSocket and server-sent events of one job, with one credential."""

    def __init__(self, socket: ClientConnection, sse: Stream) -> None:
        self._socket, self._sse = socket, sse
        self.received: list[str] = []

    @classmethod
    async def of(cls, stack: AsyncExitStack, base_url: str, person: Person, job: Written) -> "_Streams":
        socket = await stack.enter_async_context(watching(base_url, person, job.id))
        sse = await stack.enter_async_context(streaming(base_url, person, job.id))
        await stack.enter_async_context(aclosing(sse))
        assert json.loads(await socket.recv())["type"] == (await anext(sse))["type"] == "snapshot"
        return cls(socket, sse)

    async def closed(self) -> int | None:
        """The code that the WebSocket is closed with, once both have ended."""
        async for event in self._sse:
            self.received.append(event["type"])
        with suppress(ConnectionClosed):
            while True:
                self.received.append(json.loads(await self._socket.recv())["type"])
        return self._socket.close_code

    async def goes_on(self, seq: int) -> bool:
        """Whether the event of this number comes on both."""
        return bool(json.loads(await self._socket.recv())["seq"] == (await anext(self._sse))["seq"] == seq)


async def test_revoking_a_token_closes_its_streams_and_no_others(
    base_url: str, user: Person, job: Written, with_token: Callable[..., Awaitable[tuple[str, Person]]]
) -> None:
    token_id, holder = await with_token()
    async with AsyncExitStack() as stack:
        revoked = await _Streams.of(stack, base_url, holder, job)
        through_session = await _Streams.of(stack, base_url, await _session(base_url, holder), job)
        other = await _Streams.of(stack, base_url, user, job)
        assert (await user.client.delete(f"/api/v1/me/tokens/{token_id}")).status_code == 204
        assert await revoked.closed() == 4401
        assert await through_session.closed() == 4401
        assert revoked.received == through_session.received == []
        await job.write()
        assert await other.goes_on(job.last)


async def test_signing_a_session_out_closes_its_streams_and_no_others(
    base_url: str, user: Person, job: Written
) -> None:
    leaving, staying = await _session(base_url, user), await _session(base_url, user)
    async with AsyncExitStack() as stack:
        ended = await _Streams.of(stack, base_url, leaving, job)
        other = await _Streams.of(stack, base_url, staying, job)
        async with httpx.AsyncClient(base_url=base_url, headers={"Authorization": f"Bearer {leaving.token}"}) as client:
            assert (await client.post("/api/v1/auth/logout")).status_code == 204
        assert await ended.closed() == 4401
        await job.write()
        assert await other.goes_on(job.last)


async def test_a_token_that_expires_closes_its_streams(
    base_url: str,
    job: Written,
    engine: AsyncEngine,
    with_token: Callable[..., Awaitable[tuple[str, Person]]],
) -> None:
    token_id, holder = await with_token(expires_at=datetime.now(UTC) + timedelta(hours=1))
    async with AsyncExitStack() as stack:
        streams = await _Streams.of(stack, base_url, holder, job)
        async with engine.begin() as database:
            await database.execute(text("UPDATE api_token SET expires_at = now() WHERE id = :id"), {"id": token_id})
        assert await streams.closed() == 4401


async def test_deleting_the_account_closes_all_of_its_streams(base_url: str, user: Person, job: Written) -> None:
    async with AsyncExitStack() as stack:
        streams = await _Streams.of(stack, base_url, await _session(base_url, user), job)
        assert (await user.client.delete("/api/v1/me")).status_code in (202, 204)
        assert await streams.closed() in (1000, 4401, 4404)  # its job was cancelled first, and is gone then


async def test_a_ticket_counts_as_the_credential_that_it_was_made_with(
    base_url: str, user: Person, job: Written, with_token: Callable[..., Awaitable[tuple[str, Person]]]
) -> None:
    token_id, holder = await with_token()
    async with httpx.AsyncClient(base_url=base_url, headers={"Authorization": f"Bearer {holder.token}"}) as client:
        tickets = [(await client.post(f"/api/v1/jobs/{job.id}/ticket")).json()["ticket"] for _ in range(2)]
    async with connect(address(base_url, job.id, f"?ticket={tickets[0]}")) as socket:
        await socket.recv()
        assert (await user.client.delete(f"/api/v1/me/tokens/{token_id}")).status_code == 204
        with pytest.raises(ConnectionClosed):
            await socket.recv()
    assert socket.close_code == 4401
    async with connect(address(base_url, job.id, f"?ticket={tickets[1]}")) as socket:
        with pytest.raises(ConnectionClosed):
            await socket.recv()
    assert socket.close_code == 4401
