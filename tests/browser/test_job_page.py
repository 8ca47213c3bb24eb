"""The page of a job in a real browser: a connection that breaks, and an error shown at its block."""

import asyncio
import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from playwright.async_api import WebSocketRoute, expect
from sqlalchemy import update

from tests.browser.conftest import Visit
from tests.integration.conftest import Person
from tests.support.axe import violations
from tests.support.sessions import Sessions
from tests.support.uploads import SHOOTOUTS, config
from tone_shootout.jobs.models import Job
from tone_shootout.jobs.status import JobStatus


async def test_a_lost_connection_is_shown_and_resumed_after_the_last_event(
    visit: Visit, base_url: str, user: Person
) -> None:
    job = (await user.client.post(SHOOTOUTS, json={"config": await config(user.client), "submit": True})).json()["job"]
    connections: list[WebSocketRoute] = []
    received: list[list[dict[str, Any]]] = []
    is_up = asyncio.Event()
    is_up.set()

    async def relay(connection: WebSocketRoute) -> None:
        await is_up.wait()
        server = connection.connect_to_server()
        events: list[dict[str, Any]] = []
        received.append(events)

        def on_message(message: str | bytes) -> None:
            events.append(json.loads(message))
            connection.send(message)

        server.on_message(on_message)
        connections.append(connection)

    await visit.sign_in(base_url, user)
    page = visit.page
    await page.route_web_socket(re.compile(r"/api/v1/jobs/.*/ws"), relay)
    await visit.open(f"{base_url}/jobs/{job['id']}")
    await expect(page.locator("#eta")).to_have_text("")
    while not (received and received[0]):
        await page.wait_for_timeout(10)
    is_up.clear()
    last = received[0][-1]["seq"]
    await connections[0].close(code=1012)
    await expect(page.locator("#connection")).to_have_text("Connection lost, reconnecting …")
    is_up.set()
    await expect(page.locator("#connection")).to_have_text("")
    await user.client.post(f"/api/v1/jobs/{job['id']}/cancel")
    await expect(page.locator("#status")).to_have_text("Cancelled")
    assert parse_qs(urlsplit(connections[1].url).query)["after"] == [str(last)]
    assert [event["seq"] for event in received[1] if event["type"] != "snapshot"] == [last + 1, last + 2]


async def test_the_error_of_a_job_is_shown_at_its_block_until_something_is_changed(
    visit: Visit, base_url: str, user: Person, session_maker: Sessions
) -> None:
    job = (await user.client.post(SHOOTOUTS, json={"config": await config(user.client), "submit": True})).json()["job"]
    error = {"error_code": "silent", "error_detail": "Nothing to hear.", "error_pointer": "/config/chains/1/blocks/0"}
    async with session_maker.begin() as session:
        await session.execute(
            update(Job).where(Job.id == UUID(job["id"])).values(status=JobStatus.FAILED.value, **error)
        )
    await visit.sign_in(base_url, user)
    page = visit.page
    await visit.open(f"{base_url}/jobs/{job['id']}")
    await expect(page.locator("#status")).to_have_text("Failed")
    await page.get_by_role("link", name="Show it in the shootout").press("Enter")
    await page.wait_for_url(f"{base_url}/shootouts/**")
    block = page.locator('[data-pointer="/chains/1/blocks/0"]')
    await expect(block).to_be_focused()
    await expect(block.locator(".fault")).to_have_text("Nothing to hear.")
    await expect(page.locator("#cost")).to_contain_text("2 results")
    assert await violations(page) == []
    await page.get_by_label("Title").fill("Louder")
    await expect(page.locator(".fault")).to_have_count(0)
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Export TOML").press("Enter")
    assert 'title = "Louder"' in (await (await download.value).path()).read_text()
