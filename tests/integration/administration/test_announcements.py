"""Announcements are shown to everybody while their time lasts."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.integration.conftest import Person
from tests.support.factories import AnnouncementFactory
from tests.support.sessions import Sessions

PUBLIC, ADMIN = "/api/v1/announcements", "/api/v1/admin/announcements"
TEXT = "New: <i>stereo</i> cab IRs."


async def _shown(api: httpx.AsyncClient, expected: set[str]) -> list[dict[str, Any]]:
    """Return what everybody sees, as soon as the process knows of the last change."""
    found: list[dict[str, Any]] = (await api.get(PUBLIC)).json()["items"]
    async with asyncio.timeout(60):
        while {item["text"] for item in found} != expected:
            await asyncio.sleep(0.05)
            found = (await api.get(PUBLIC)).json()["items"]
    return found


async def test_only_administrators_change_them(api: httpx.AsyncClient, user: Person, administrator: Person) -> None:
    made = (await administrator.client.post(ADMIN, json={"text": TEXT})).headers["location"]
    for method, path in (("GET", ADMIN), ("POST", ADMIN), ("GET", made), ("DELETE", made)):
        body = {"text": "mine"} if method == "POST" else None
        assert (await api.request(method, path, json=body)).status_code == 401
        refused = await user.client.request(method, path, json=body)
        assert (refused.status_code, refused.json()["code"]) == (403, "administrator_only")
    assert (await administrator.client.delete(made)).status_code == 204


async def test_an_announcement_is_shown_until_it_is_deleted(api: httpx.AsyncClient, administrator: Person) -> None:
    made = await administrator.client.post(ADMIN, json={"text": TEXT, "severity": "warning"})
    assert made.status_code == 201
    (shown,) = await _shown(api, {TEXT})
    assert shown == made.json() == (await administrator.client.get(made.headers["location"])).json()
    page = (await api.get("/sign-in")).text
    assert "<strong>Warning:</strong> New: &lt;i&gt;stereo&lt;/i&gt; cab IRs." in page
    assert "<i>stereo" not in page
    assert (await administrator.client.delete(made.headers["location"])).status_code == 204
    await _shown(api, set())
    gone = await administrator.client.delete(made.headers["location"])
    assert (gone.status_code, gone.json()["code"]) == (404, "announcement_not_found")
    log = (await administrator.client.get("/api/v1/admin/audit-log")).json()["items"]
    assert [event["action"] for event in log[:2]] == ["announcement_deleted", "announcement_created"]


async def test_only_those_of_this_time_are_shown(
    api: httpx.AsyncClient, administrator: Person, session_maker: Sessions
) -> None:
    now = datetime.now(UTC)
    async with session_maker.begin() as session:
        session.add_all(
            [
                AnnouncementFactory.build(
                    text="past", starts_at=now - timedelta(days=2), ends_at=now - timedelta(days=1)
                ),
                AnnouncementFactory.build(text="now", ends_at=now + timedelta(days=1)),
                AnnouncementFactory.build(text="always", severity="critical"),
                AnnouncementFactory.build(text="later", starts_at=now + timedelta(days=1)),
            ]
        )
    await _shown(api, {"now", "always"})
    every = (await administrator.client.get(ADMIN)).json()
    assert (every["items"][0]["text"], every["total"]) == ("later", 4)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"text": ""}, 400),
        ({"text": "x" * 501}, 400),
        ({"text": "a\x00"}, 400),
        ({"text": "a", "severity": "fatal"}, 400),
        ({"text": "a", "starts_at": "2026-11-29T14:00:00"}, 400),
        ({"text": "a", "ends_at": "9999-12-31T23:59:59-14:00"}, 400),
        ({"text": "a", "starts_at": "2027-01-02T00:00:00Z", "ends_at": "2027-01-01T00:00:00Z"}, 422),
    ],
)
async def test_a_malformed_announcement_is_refused(administrator: Person, body: dict[str, Any], status: int) -> None:
    assert (await administrator.client.post(ADMIN, json=body)).status_code == status


async def test_a_repeated_request_makes_one_announcement(administrator: Person) -> None:
    for _ in range(2):
        key = {"Idempotency-Key": "hello"}
        made = await administrator.client.post(ADMIN, json={"text": "Hello"}, headers=key)
        assert made.status_code == 201
    assert (await administrator.client.get(ADMIN)).json()["total"] == 1
