"""Security events and what administrators do are recorded in the transaction of what happens."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from tests.integration.accounts.conftest import Sql, sign_in
from tests.integration.conftest import Person
from tests.support.factories import AuditEventFactory
from tests.support.sessions import Sessions
from tone_shootout.accounts.audit import services
from tone_shootout.accounts.audit.services import AuditLog, Origin, set_origin
from tone_shootout.accounts.maintenance import AccountMaintenance
from tone_shootout.accounts.services import AccountService
from tone_shootout.accounts.sign_in_links import SignInLinks
from tone_shootout.kit.settings import RetentionSettings

LOG = "/api/v1/admin/audit-log"


@contextmanager
def acting(origin: Origin) -> Generator[None, None, None]:
    """Let an actor do what happens in the block, and the service what follows."""
    set_origin(origin)
    try:
        yield
    finally:
        set_origin(Origin(actor_name="service"))


async def _events(administrator: Person, **query: Any) -> list[dict[str, Any]]:
    answer = await administrator.client.get(LOG, params={"limit": 100, **query})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def _actions(administrator: Person, person: Person) -> list[str]:
    """Return what is recorded about a user, oldest first, after the account and the token of the fixture."""
    return [event["action"] for event in await _events(administrator, user_id=str(person.id))][::-1][2:]


async def test_it_is_for_administrators(api: httpx.AsyncClient, user: Person, administrator: Person) -> None:
    assert (await api.get(LOG)).status_code == 401
    refused = await user.client.get(LOG)
    assert (refused.status_code, refused.json()["code"]) == (403, "administrator_only")
    assert (await administrator.client.get(LOG)).status_code == 200


async def test_sign_ins_tokens_and_sessions_are_recorded_with_their_origin(
    api: httpx.AsyncClient, user: Person, administrator: Person
) -> None:
    made = await user.client.post("/api/v1/me/tokens", json={"name": "laptop", "scope": "read"})
    token = made.json()["token"]
    session = await sign_in(api, user.token)
    assert (await api.post("/api/v1/auth/logout", headers=session.headers)).status_code == 204
    await sign_in(api, user.token)
    await user.client.delete("/api/v1/me/sessions")
    await user.client.delete(f"/api/v1/me/tokens/{token['id']}", headers={"X-Request-ID": "by-hand"})
    events = (await _events(administrator, user_id=str(user.id)))[::-1][2:]
    assert [event["action"] for event in events] == [
        "token_created",
        "signed_in",
        "session_ended",
        "signed_in",
        "session_ended",
        "token_revoked",
    ]
    created, signed_in, signed_out, _, everywhere, revoked = events
    ada = (str(user.id), "ada")
    assert all((event["user_id"], event["user_name"]) == ada for event in events)
    assert {event["address"] for event in events} == {"127.0.0.1"}
    assert ((created["actor_id"], created["actor_name"]), created["object_id"]) == (ada, token["id"])
    assert created["data"] == {"name": "laptop", "scope": "read"}
    assert created["request_id"] == made.headers["x-request-id"]
    assert (signed_in["actor_id"], signed_in["actor_name"]) == ada
    assert signed_in["data"] == {"method": "api_token", "scope": "write"}
    assert (signed_out["object_id"], signed_out["data"]) == (signed_in["object_id"], {"reason": "signed_out"})
    assert (everywhere["object_id"], everywhere["data"]) == (None, {"reason": "ended_everywhere"})
    assert (revoked["object_id"], revoked["request_id"]) == (token["id"], "by-hand")
    assert made.json()["secret"] not in str(events)


async def test_a_link_that_signs_in_is_recorded_as_one(
    api: httpx.AsyncClient, user: Person, administrator: Person, redis: Redis
) -> None:
    code = await SignInLinks(redis).create(user.id)
    await api.post("/sign-in", data={"code": code}, headers={"Sec-Fetch-Site": "same-origin"})
    assert (await _events(administrator, action="signed_in"))[0]["data"]["method"] == "link"


async def test_reuse_of_a_refresh_token_is_recorded(
    api: httpx.AsyncClient, user: Person, administrator: Person, sql: Sql
) -> None:
    session = await sign_in(api, user.token)
    for _ in range(2):
        await api.post("/api/v1/auth/refresh", json={"refresh_token": session.refresh})
        api.cookies.clear()
        await sql("UPDATE user_session SET last_used_at = now() - interval '1 minute'")
    ended = (await _events(administrator, action="session_ended"))[0]
    assert (ended["data"], ended["user_name"]) == ({"reason": "refresh_token_reused"}, "ada")
    assert (ended["actor_id"], ended["actor_name"]) == (None, None)


async def test_refused_sign_ins_are_recorded_once_a_minute_for_each_address(
    api: httpx.AsyncClient, administrator: Person, redis: Redis
) -> None:
    for _ in range(3):
        assert (await api.post("/api/v1/auth/session", json={"token": "tst_nobody"})).status_code == 401
    (refused,) = await _events(administrator, action="sign_in_refused")
    assert (refused["actor_name"], refused["user_name"], refused["address"]) == (None, None, "127.0.0.1")
    assert refused["data"] == {"reason": "invalid_credentials"}
    await redis.delete("shootout:audit:refused:127.0.0.1")
    await api.post("/api/v1/auth/refresh", json={"refresh_token": "tsr_nobody"})
    assert len(await _events(administrator, action="sign_in_refused")) == 2


async def test_refused_sign_ins_from_many_addresses_are_bounded(
    clean: None, redis: Redis, session_maker: Sessions, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "REFUSALS_PER_MINUTE", 3)
    refusals = services.RefusedSignIns(redis, session_maker)
    for number in range(9):
        with acting(Origin(address=f"192.0.2.{number}")):
            await refusals.record("invalid_credentials")
    (found,) = await sql("SELECT count(*) FROM audit_event")
    assert 3 <= found[0] <= 6  # a minute may end in between


async def test_a_rejected_change_leaves_no_event(user: Person, administrator: Person) -> None:
    assert (await user.client.delete(f"/api/v1/me/tokens/{user.id}")).status_code == 404
    assert (await user.client.delete(f"/api/v1/me/sessions/{user.id}")).status_code == 404
    assert (await user.client.post("/api/v1/me/tokens", json={"name": ""})).status_code == 400
    assert await _actions(administrator, user) == []


async def test_what_is_rolled_back_is_not_recorded(user: Person, session_maker: Sessions, sql: Sql) -> None:
    before = await sql("SELECT count(*) FROM audit_event")
    async with session_maker() as session:
        await AccountService(session).set_active(await AccountService(session).get_user(user.id), is_active=False)
        await session.rollback()
    assert await sql("SELECT count(*) FROM audit_event") == before


async def test_events_of_a_deleted_account_have_its_id_and_nothing_else_of_it(
    user: Person, administrator: Person, sql: Sql
) -> None:
    await user.client.post("/api/v1/me/tokens", json={"name": "studio"})
    assert (await user.client.delete("/api/v1/me")).status_code == 204
    events = await _events(administrator, user_id=str(user.id))
    assert (events[0]["action"], events[0]["actor_id"]) == ("account_deleted", str(user.id))
    assert len(events) == 4
    assert not any(event["user_name"] or event["data"] or event["address"] for event in events)
    (left,) = await sql("SELECT count(*) FROM audit_event e WHERE e::text LIKE '%ada%' OR e::text LIKE '%studio%'")
    assert left == (0,)


async def test_the_list_is_filtered_and_paged(
    user: Person, other_user: Person, administrator: Person, session_maker: Sessions
) -> None:
    at = datetime(2026, 11, 29, 14, 0, tzinfo=UTC)
    async with session_maker.begin() as session:
        session.add_all(
            AuditEventFactory.build(at=at + timedelta(minutes=n), action="role_changed", actor_id=user.id, user_id=None)
            for n in range(5)
        )
    actor = str(user.id)
    period = {"since": "2026-11-29T14:01:00Z", "until": "2026-11-29T15:03:00+01:00"}
    assert [event["at"] for event in await _events(administrator, actor_id=actor, **period)] == [
        "2026-11-29T14:02:00Z",
        "2026-11-29T14:01:00Z",
    ]
    assert await _events(administrator, actor_id=str(other_user.id), **period) == []
    query: dict[str, Any] = {"action": "role_changed", "actor_id": actor, "limit": 2, "offset": 4}
    page = (await administrator.client.get(LOG, params=query)).json()
    assert (len(page["items"]), page["total"], page["has_more"]) == (1, 5, False)


@pytest.mark.parametrize("since", ["2026-11-29T14:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_a_time_without_a_zone_or_of_another_millennium_is_refused(administrator: Person, since: str) -> None:
    answer = await administrator.client.get(LOG, params={"since": since})
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (400, "since")
    assert (await administrator.client.get(LOG, params={"action": "nothing"})).status_code == 400


async def test_old_events_are_deleted(session_maker: Sessions, clean: None, sql: Sql) -> None:
    now = datetime.now(UTC)
    async with session_maker.begin() as session:
        session.add_all(
            AuditEventFactory.build(at=now - timedelta(days=days), object_id=str(days)) for days in (364, 366, 700)
        )
    deleted = await AccountMaintenance(session_maker, RetentionSettings()).delete_old_audit_events()
    assert (deleted, await sql("SELECT object_id FROM audit_event")) == (2, [("364",)])


async def test_outside_of_requests_the_actor_is_the_service_or_the_command(
    session_maker: Sessions, user: Person, sql: Sql
) -> None:
    async with session_maker.begin() as session:
        await AuditLog(session).record("user_enabled", user_id=user.id)
        with acting(Origin(actor_name="command line")):
            await AuditLog(session).record("user_disabled", user_id=user.id)
    found = await sql(
        "SELECT action, actor_name, user_name FROM audit_event WHERE action LIKE 'user_%' ORDER BY action"
    )
    assert found == [("user_disabled", "command line", "ada"), ("user_enabled", "service", "ada")]
