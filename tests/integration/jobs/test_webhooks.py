"""Webhooks over REST: made, changed, tried out and deleted by their owner and by nobody else."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
from sqlalchemy import select, text

from tests.integration.conftest import Person
from tests.support.bodies import WebhookChangesFactory, WebhookRequestFactory
from tests.support.sessions import Sessions
from tone_shootout.accounts.services import AccountService
from tone_shootout.jobs.webhooks.errors import WebhookAddressError
from tone_shootout.jobs.webhooks.models import Webhook
from tone_shootout.jobs.webhooks.services import WebhookService, purpose
from tone_shootout.kit.keyring import KeyRing
from tone_shootout.kit.settings import Settings

WEBHOOKS = "/api/v1/webhooks"
URL = "https://hooks.example/shootout?key=1"
NOBODY = uuid4()


async def _make(person: Person, **changes: Any) -> dict[str, Any]:
    """A webhook; the whole answer."""
    answer = await person.client.post(WEBHOOKS, json={"url": URL, **changes})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"{WEBHOOKS}/{made['webhook']['id']}"
    assert answer.headers["cache-control"] == "no-store"
    return made


async def test_a_webhook_hears_of_ends_unless_it_is_asked_to_hear_of_more(user: Person) -> None:
    made = await _make(user)
    assert made["webhook"]["events"] == ["job.completed", "job.failed", "job.cancelled"]
    assert made["webhook"]["enabled"] is True
    more = await _make(user, events=["job.queued", "job.running", "job.queued"])
    assert more["webhook"]["events"] == ["job.queued", "job.running"]


async def test_the_secret_is_shown_once_and_stored_encrypted_for_its_webhook_alone(
    user: Person, session_maker: Sessions, settings: Settings
) -> None:
    made, other = await _make(user), await _make(user)
    shown = await user.client.get(f"{WEBHOOKS}/{made['webhook']['id']}")
    listed = await user.client.get(WEBHOOKS)
    assert made["secret"].startswith("whsec_")
    for answer in (shown, listed):
        assert "whsec_" not in answer.text
    async with session_maker() as session:
        stored = {row.id: row.secret for row in await session.scalars(select(Webhook))}
    ring = KeyRing(settings.security.encryption_keys)
    for issued in (made, other):
        found = UUID(issued["webhook"]["id"])
        assert made["secret"].encode() not in stored[found]
        assert ring.decrypt(stored[found], purpose(found)) == issued["secret"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/secret"),
        ("POST", "/test"),
        ("GET", "/deliveries"),
        ("GET", f"/deliveries/{UUID(int=1)}"),
        ("POST", f"/deliveries/{UUID(int=1)}/redeliver"),
    ],
)
async def test_a_webhook_is_its_owner_s_alone(
    user: Person, other_user: Person, api: httpx.AsyncClient, method: str, path: str
) -> None:
    address = f"{WEBHOOKS}/{(await _make(user))['webhook']['id']}{path}"
    body = {"json": {"description": "mine"}} if method == "PATCH" else {}
    assert (await api.request(method, address, **body)).status_code == 401  # type: ignore[arg-type]  # httpx's keywords
    foreign = await other_user.client.request(method, address, **body)  # type: ignore[arg-type]  # as above
    missing = await other_user.client.request(method, f"{WEBHOOKS}/{NOBODY}{path}", **body)  # type: ignore[arg-type]
    for answer in (foreign, missing):
        assert answer.status_code == 404
        assert answer.json()["code"] == "webhook_not_found"
    assert (await user.client.get(WEBHOOKS)).json()["total"] == 1
    assert (await other_user.client.get(WEBHOOKS)).json()["total"] == 0


async def test_a_token_that_can_only_read_changes_nothing(
    user: Person, api: httpx.AsyncClient, session_maker: Sessions
) -> None:
    made = await _make(user)
    async with session_maker() as session:
        accounts = AccountService(session)
        issued = await accounts.issue_token(await accounts.get_user(user.id), name="reader", scope="read")
        await session.commit()
    headers = {"Authorization": f"Bearer {issued.secret}"}
    address = f"{WEBHOOKS}/{made['webhook']['id']}"
    assert (await api.get(address, headers=headers)).status_code == 200
    for method, path in (("POST", WEBHOOKS), ("DELETE", address), ("POST", f"{address}/secret")):
        answer = await api.request(method, path, headers=headers)
        assert answer.status_code == 403
        assert answer.json()["code"] == "read_only_token"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://hooks.example/",
        "//hooks.example/",
        "hooks.example",
        "https://",
        "https://ada:secret@hooks.example/",
        "https://hooks.example/#here",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "http://[::1]:5432/",
        "http://[::ffff:10.0.0.1]/",
        "https://hooks.example:99999/",
        "https://hooks.example/\r\nX-Injected: 1",
        "https://xn--/",
        "https://hooks.example/" + "é" * 400,
    ],
    ids=lambda url: url[:30],
)
async def test_an_address_that_nothing_can_be_sent_to_is_refused(user: Person, url: str) -> None:
    made = await _make(user)
    refused = await user.client.post(WEBHOOKS, json={"url": url})
    changed = await user.client.patch(f"{WEBHOOKS}/{made['webhook']['id']}", json={"url": url})
    for answer in (refused, changed):
        assert answer.status_code == 422
        assert answer.json()["code"] == "webhook_address"
    assert (await user.client.get(f"{WEBHOOKS}/{made['webhook']['id']}")).json()["url"] == URL


@pytest.mark.parametrize("url", ["http://hooks.example/", "https://localhost/", "https://a.localhost/"])
async def test_production_demands_https_and_a_public_address(
    user: Person, session_maker: Sessions, settings: Settings, url: str
) -> None:
    production = replace(settings, environment="production", webhooks=replace(settings.webhooks, allowed_networks=[]))
    async with session_maker() as session:
        service = WebhookService(session, KeyRing(settings.security.encryption_keys), production)
        with pytest.raises(WebhookAddressError):
            await service.create(user.id, url=url, description="", events=["job.failed"])


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/url"),
        ({"url": URL, "events": []}, "/events"),
        ({"url": URL, "events": ["job.lost"]}, "/events/0"),
        ({"url": URL, "description": "x" * 201}, "/description"),
        ({"url": URL, "description": "a\0b"}, "/description"),
        ({"url": "https://hooks.example/" + "x" * 1000}, "/url"),
        ({"url": URL, "secret": "whsec_mine"}, "/secret"),
    ],
)
async def test_a_body_that_makes_no_sense_is_refused(user: Person, body: dict[str, Any], pointer: str) -> None:
    answer = await user.client.post(WEBHOOKS, json=body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_whatever_the_documented_limits_allow_is_taken_and_shown_back(user: Person) -> None:
    for requested in WebhookRequestFactory.batch(8):
        made = (await _make(user, **msgspec.to_builtins(requested)))["webhook"]
        changes = msgspec.to_builtins(WebhookChangesFactory.build())
        answer = await user.client.patch(f"{WEBHOOKS}/{made['id']}", json=changes)
        assert answer.status_code == 200, answer.text
        for name, value in {**msgspec.to_builtins(requested), **changes}.items():
            assert answer.json()[name] == (list(dict.fromkeys(value)) if name == "events" else value)
        assert (await user.client.delete(f"{WEBHOOKS}/{made['id']}")).status_code == 204


async def test_nobody_gets_more_webhooks_than_the_limit_however_many_are_asked_for_at_once(
    user: Person, settings: Settings
) -> None:
    answers = await asyncio.gather(*(user.client.post(WEBHOOKS, json={"url": URL}) for _ in range(8)))
    most = settings.webhooks.endpoints
    assert sorted(answer.status_code for answer in answers) == [201] * most + [409] * (8 - most)
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"too_many_webhooks"}
    listed = (await user.client.get(WEBHOOKS, params={"limit": 2})).json()
    assert (len(listed["items"]), listed["total"]) == (2, most)
    assert (await user.client.delete(f"{WEBHOOKS}/{listed['items'][0]['id']}")).status_code == 204
    await _make(user)


async def test_a_change_changes_what_it_names_and_nothing_else(user: Person) -> None:
    made = (await _make(user, description="mine", events=["job.failed"]))["webhook"]
    address = f"{WEBHOOKS}/{made['id']}"
    for change in ({"description": ""}, {"events": ["job.running"]}, {"url": "https://new.example/"}, {}):
        made = {**made, **change}
        answer = await user.client.patch(address, json=change)
        assert answer.status_code == 200
        assert answer.json() == made
    disabled = (await user.client.patch(address, json={"enabled": False})).json()
    assert (disabled["enabled"], disabled["disabled_reason"]) == (False, "owner")
    tried = await user.client.post(f"{address}/test")
    assert tried.status_code == 409
    assert tried.json()["code"] == "webhook_disabled"
    enabled = (await user.client.patch(address, json={"enabled": True})).json()
    assert enabled == made


async def test_a_trial_is_in_the_log_and_found_where_the_answer_says(user: Person) -> None:
    address = f"{WEBHOOKS}/{(await _make(user))['webhook']['id']}"
    first = await user.client.post(f"{address}/test")
    second = await user.client.post(f"{address}/test")
    assert first.status_code == second.status_code == 202
    listed = (await user.client.get(f"{address}/deliveries", params={"status": "pending"})).json()
    assert [item["id"] for item in listed["items"]] == [second.json()["id"], first.json()["id"]]
    found = (await user.client.get(first.headers["location"])).json()
    assert found["delivery"]["type"] == "webhook.test"
    assert found["attempts"] == []
    assert (await user.client.get(f"{address}/deliveries", params={"status": "failed"})).json()["total"] == 0
    assert (await user.client.get(f"{address}/deliveries", params={"status": "lost"})).status_code == 400
    missing = await user.client.get(f"{address}/deliveries/{NOBODY}")
    assert (missing.status_code, missing.json()["code"]) == (404, "delivery_not_found")
    again = await user.client.post(f"{address}/deliveries/{NOBODY}/redeliver")
    assert (again.status_code, again.json()["code"]) == (404, "delivery_not_found")


async def test_nothing_of_a_user_s_webhooks_outlives_the_user(user: Person, session_maker: Sessions) -> None:
    address = f"{WEBHOOKS}/{(await _make(user))['webhook']['id']}"
    await user.client.post(f"{address}/test")
    assert (await user.client.delete("/api/v1/me")).status_code == 204
    async with session_maker() as session:
        for table in ("webhook", "webhook_delivery"):
            assert await session.scalar(text(f"SELECT count(*) FROM {table}")) == 0
