"""Tokens of TONE3000 are encrypted, renewed once, and deleted once they are invalid."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.integration.accounts.conftest import Sql
from tests.integration.conftest import Person
from tests.support.sessions import Sessions
from tests.support.tone3000 import StandIn
from tone_shootout.accounts.connections import ConnectionService, ConnectionStore
from tone_shootout.accounts.errors import NotConnectedError, ReconnectError
from tone_shootout.kit.keyring import KeyRing
from tone_shootout.kit.settings import new_encryption_key
from tone_shootout.tone3000.client import Tone3000
from tone_shootout.tone3000.errors import GrantError, UnreachableError
from tone_shootout.tone3000.http_client import HttpClient
from tone_shootout.tone3000.oauth import OAuthClient
from tone_shootout.tone3000.types import TokenPair


@pytest.fixture
async def http_client(tone3000: StandIn, redis: Redis, clean: None) -> AsyncGenerator[HttpClient, None]:
    async with HttpClient(tone3000.settings(), redis) as made:
        yield made


@pytest.fixture
def ring() -> KeyRing:
    return KeyRing([new_encryption_key()])


@pytest.fixture
def connections(session_maker: Sessions, http_client: HttpClient, ring: KeyRing) -> ConnectionService:
    return ConnectionService(session_maker, ring, OAuthClient(http_client))


@pytest.fixture
async def pair(
    user: Person, session_maker: Sessions, http_client: HttpClient, ring: KeyRing, tone3000: StandIn
) -> TokenPair:
    """Connect `user` with TONE3000 and return the tokens."""
    made = TokenPair(**{name: value for name, value in tone3000.tokens().items() if name != "token_type"})
    person = await Tone3000(http_client).user(made.access_token)
    async with session_maker.begin() as session:
        await ConnectionStore(session, ring).connect(user.id, person, made)
    return made


async def about_to_end(sql: Sql) -> None:
    await sql("UPDATE tone3000_connection SET expires_at = now() + interval '30 s'")


def refreshes(tone3000: StandIn) -> list[dict[str, Any]]:
    return [r["form"] for r in tone3000.requests("/oauth/token") if r["form"]["grant_type"] == "refresh_token"]


async def test_a_valid_token_is_returned_without_renewal(
    connections: ConnectionService, user: Person, pair: TokenPair, tone3000: StandIn
) -> None:
    assert await connections.get_access_token(user.id) == pair.access_token
    assert refreshes(tone3000) == []


async def test_a_user_without_a_connection_gets_no_token(
    connections: ConnectionService, user: Person, other_user: Person, pair: TokenPair
) -> None:
    with pytest.raises(NotConnectedError):
        await connections.get_access_token(other_user.id)


async def test_concurrent_requests_share_one_renewal(
    connections: ConnectionService, user: Person, pair: TokenPair, tone3000: StandIn, sql: Sql
) -> None:
    await about_to_end(sql)
    tokens = await asyncio.gather(*(connections.get_access_token(user.id) for _ in range(10)))
    assert len(set(tokens)) == 1
    assert tokens[0] != pair.access_token
    assert len(refreshes(tone3000)) == 1


async def test_concurrent_processes_share_one_renewal(
    session_maker: Sessions,
    http_client: HttpClient,
    ring: KeyRing,
    user: Person,
    pair: TokenPair,
    tone3000: StandIn,
    sql: Sql,
) -> None:
    """Services share no state, like processes: only the lock of the row prevents two renewals."""
    await about_to_end(sql)
    services = [ConnectionService(session_maker, ring, OAuthClient(http_client)) for _ in range(10)]
    tokens = await asyncio.gather(*(service.get_access_token(user.id) for service in services))
    assert len(set(tokens)) == 1
    assert len(refreshes(tone3000)) == 1


async def test_a_renewal_completes_after_its_request_is_cancelled(
    connections: ConnectionService, user: Person, pair: TokenPair, tone3000: StandIn, sql: Sql
) -> None:
    await sql("UPDATE tone3000_connection SET expires_at = now() - interval '1 s'")
    tone3000.fault("slow", "/oauth/token", delay_s=1.0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await connections.get_access_token(user.id)
    await connections.aclose()  # called when a process stops
    tone3000.fault("status", "/oauth/token", status=503, times=0)
    assert await connections.get_access_token(user.id) != pair.access_token


async def test_the_next_renewal_uses_the_new_pair(
    connections: ConnectionService, user: Person, pair: TokenPair, tone3000: StandIn, sql: Sql
) -> None:
    seen = {pair.access_token}
    for _ in range(3):
        await about_to_end(sql)
        seen.add(await connections.get_access_token(user.id))
    assert len(seen) == 4
    assert len(refreshes(tone3000)) == 3  # the stand-in accepts each refresh token once


async def test_a_rejected_token_is_renewed_and_the_request_repeated(
    connections: ConnectionService, http_client: HttpClient, user: Person, pair: TokenPair, tone3000: StandIn
) -> None:
    tone3000.expire()
    found = await asyncio.gather(*(connections.call(user.id, Tone3000(http_client).user) for _ in range(10)))
    assert {person.username for person in found} == {"lab_rat"}
    assert len(refreshes(tone3000)) == 1


@pytest.mark.parametrize("odd_errors", [False, True])
async def test_a_revoked_user_must_connect_again_and_sends_no_more_requests(
    connections: ConnectionService,
    http_client: HttpClient,
    user: Person,
    pair: TokenPair,
    tone3000: StandIn,
    odd_errors: bool,
) -> None:
    tone3000.set_options(odd_errors=odd_errors)
    tone3000.revoke()
    for _ in range(2):
        with pytest.raises(ReconnectError):
            await connections.call(user.id, Tone3000(http_client).user)
    assert len(refreshes(tone3000)) == 1
    assert (await user.client.get("/api/v1/me")).json()["tone3000"] == {"username": "lab_rat", "connected": False}


async def test_a_rejected_new_token_requires_a_new_connection(
    connections: ConnectionService, http_client: HttpClient, user: Person, pair: TokenPair, tone3000: StandIn
) -> None:
    tone3000.fault("status", "/api/v1/user", status=401, times=2)
    with pytest.raises(ReconnectError):
        await connections.call(user.id, Tone3000(http_client).user)
    assert (await connections.call(user.id, Tone3000(http_client).user)).username == "lab_rat"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "status", "status": 503}, UnreachableError),
        ({"kind": "status", "status": 400, "body": '{"error": "invalid_client"}'}, GrantError),
        ({"kind": "status", "status": 403, "body": "<html>Blocked</html>"}, GrantError),
    ],
    ids=["broken", "unknown key", "firewall"],
)
async def test_other_renewal_errors_keep_the_connection(
    connections: ConnectionService,
    user: Person,
    pair: TokenPair,
    tone3000: StandIn,
    sql: Sql,
    fault: dict[str, Any],
    error: type[Exception],
) -> None:
    await sql("UPDATE tone3000_connection SET expires_at = now() - interval '1 s'")
    tone3000.fault(path="/oauth/token", **fault)
    with pytest.raises(error):
        await connections.get_access_token(user.id)
    assert await connections.get_access_token(user.id) not in ("", pair.access_token)


async def test_concurrent_requests_share_one_failure(
    connections: ConnectionService, user: Person, pair: TokenPair, tone3000: StandIn, sql: Sql
) -> None:
    """Without sharing, the requests would wait for one slow renewal after another."""
    await sql("UPDATE tone3000_connection SET expires_at = now() - interval '1 s'")
    tone3000.fault("status", "/oauth/token", status=503, times=0, delay_s=0.5)
    found = await asyncio.gather(*(connections.get_access_token(user.id) for _ in range(10)), return_exceptions=True)
    assert [type(error) for error in found] == [UnreachableError] * 10
    assert len(refreshes(tone3000)) < 5  # more than one if some requests started after the first failure


async def test_a_token_is_used_until_expiry_while_renewals_fail(
    connections: ConnectionService, user: Person, pair: TokenPair, tone3000: StandIn, sql: Sql
) -> None:
    await about_to_end(sql)
    tone3000.fault("status", "/oauth/token", status=503)
    assert await connections.get_access_token(user.id) == pair.access_token
    assert await connections.get_access_token(user.id) != pair.access_token


async def test_all_keys_decrypt_and_the_first_one_encrypts(
    session_maker: Sessions, http_client: HttpClient, user: Person, tone3000: StandIn, sql: Sql
) -> None:
    old, new = new_encryption_key(), new_encryption_key()
    made = TokenPair(**{name: value for name, value in tone3000.tokens().items() if name != "token_type"})
    person = await Tone3000(http_client).user(made.access_token)

    def with_keys(*keys: str) -> ConnectionService:
        return ConnectionService(session_maker, KeyRing(keys), OAuthClient(http_client))

    async with session_maker.begin() as session:
        await ConnectionStore(session, KeyRing([old])).connect(user.id, person, made)
    assert await with_keys(new, old).get_access_token(user.id) == made.access_token
    with pytest.raises(ReconnectError):
        await with_keys(new).get_access_token(user.id)
    async with session_maker.begin() as session:
        assert await ConnectionStore(session, KeyRing([new, old])).reencrypt() == 1
    assert await with_keys(new).get_access_token(user.id) == made.access_token
    with pytest.raises(ReconnectError):
        await with_keys(old).get_access_token(user.id)


async def test_tokens_can_not_be_decrypted_in_another_users_row(
    connections: ConnectionService, user: Person, other_user: Person, pair: TokenPair, sql: Sql
) -> None:
    await sql("UPDATE tone3000_connection SET user_id = :other", other=other_user.id)
    with pytest.raises(ReconnectError):
        await connections.get_access_token(other_user.id)


async def test_the_repr_of_tokens_has_no_secret(
    pair: TokenPair, ring: KeyRing, session_maker: Sessions, user: Person
) -> None:
    async with session_maker() as session:
        store = ConnectionStore(session, ring)
        connection = await store.get_for_user(user.id)
        assert connection is not None
        stored = store.decrypt_tokens(connection)
    for secret in (pair.access_token, pair.refresh_token):
        assert secret not in f"{stored!r} {pair!r} {connection!r}"
