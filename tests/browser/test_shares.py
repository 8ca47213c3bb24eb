"""Shares in a real browser: a job is published by a form, and anybody listens to it, here and in a frame elsewhere."""

import asyncio
import os
from collections.abc import AsyncGenerator
from typing import Any, Literal
from uuid import UUID

import pytest
from playwright.async_api import Browser, BrowserContext, Frame, Page, Route, expect

from tests.browser.conftest import Result, Visit
from tests.integration.conftest import Person
from tests.integration.jobs.conftest import make_shootout
from tests.support.axe import violations
from tests.support.finished_jobs import add_finished_job, files_in
from tests.support.sessions import Sessions
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage

SHOTS = os.environ.get("SHOTS")
"""Folder for screenshots, to be looked at."""


class Blog:
    """Another site on this machine, with one page. To `localhost`, the service under `127.0.0.1` is a foreign site.

    A page that Playwright makes up would not do: browsers keep pages of unknown addresses from this machine.
    """

    body = ""
    url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            body = f"<!DOCTYPE html><title>Blog</title>{self.body}".encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
            writer.write(f"{head}\r\n".encode() + body)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # a connection that the browser opened in advance
        finally:
            writer.close()


@pytest.fixture
async def blog() -> AsyncGenerator[Blog, None]:
    made = Blog()
    server = await asyncio.start_server(made.answer, "127.0.0.1")
    made.url = f"http://localhost:{server.sockets[0].getsockname()[1]}/"
    yield made
    server.close()
    await server.wait_closed()


@pytest.fixture
async def job_id(user: Person, result: Result, settings: Settings, session_maker: Sessions) -> UUID:
    storage = Storage.from_settings(settings)
    shootout_id = UUID(await make_shootout(user.client))
    return (await add_finished_job(storage, session_maker, user, shootout_id, files_in(result[1]))).id


async def _share(user: Person, job_id: UUID, **fields: Any) -> dict[str, Any]:
    answer = await user.client.post(f"/api/v1/jobs/{job_id}/share", json={"title": "Three wires", **fields})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def _play(place: Page | Frame) -> None:
    """Play, and wait until the clock of the sound runs."""
    await place.locator("body[data-ready='0']").wait_for()
    await place.get_by_role("button", name="Play").press("Enter")
    await expect(place.locator("#play-word")).to_have_text("Pause")
    await place.evaluate(
        "async () => { while (!(ToneShootout.page.context.currentTime > 0)) await new Promise(r => setTimeout(r, 20)) }"
    )


async def test_a_user_shares_a_job_and_a_stranger_listens_to_it(
    visit: Visit, chromium: Browser, base_url: str, user: Person, job_id: UUID
) -> None:
    page = visit.page
    await visit.sign_in(base_url, user)
    await visit.open(f"{base_url}/jobs/{job_id}")
    await page.get_by_role("link", name="Share").press("Enter")
    await page.get_by_label("Public").check()
    await page.get_by_label("Title").fill("By a form <b>")
    await page.get_by_label("Notes").fill("First line.\nSecond line.")
    assert await violations(page) == []
    await page.get_by_role("button", name="Share").press("Enter")
    await expect(page.get_by_role("status").first).to_have_text("The comparison is shared.")
    address = await page.get_by_label("no account is needed").input_value()
    assert await violations(page) == []
    context = await chromium.new_context()
    stranger = Visit(await context.new_page())
    await stranger.open(f"{base_url}/explore")
    await stranger.page.get_by_role("link", name="By a form <b>").press("Enter")
    await stranger.page.wait_for_url(address)
    await _play(stranger.page)
    await stranger.page.keyboard.press("2")
    await expect(stranger.page.locator("#announced")).to_have_text("A: 2. Late")
    await expect(stranger.page.get_by_text("Second line.")).to_be_visible()
    assert stranger.wrong == []
    assert all(url.startswith((base_url, "data:", "blob:")) for url in stranger.requested)
    assert await context.cookies() == []
    await page.get_by_text("Withdraw this share").press("Enter")
    await page.get_by_role("button", name="Withdraw it").press("Enter")
    await expect(page.get_by_role("status").first).to_contain_text("withdrawn")
    gone = await stranger.open(address)
    assert gone.status == 404
    await expect(stranger.page.get_by_role("heading", name="Nothing here")).to_be_visible()
    await context.close()


async def test_the_player_plays_in_a_frame_of_another_site_and_has_no_cookie(
    visit: Visit, blog: Blog, base_url: str, user: Person, job_id: UUID
) -> None:
    address = f"{base_url}{(await _share(user, job_id))['links']['page']}"
    blog.body = (await user.client.get("/api/v1/oembed", params={"url": address})).json()["html"]
    await visit.sign_in(base_url, user)
    sent: list[dict[str, str]] = []

    async def note(route: Route) -> None:
        sent.append(await route.request.all_headers())
        await route.continue_()

    await visit.page.route(f"{base_url}/**", note)
    await visit.open(blog.url)
    frame = visit.page.frames[1]
    await _play(frame)
    await expect(frame.get_by_role("link", name="Three wires")).to_have_attribute("href", address)
    assert await frame.evaluate("self.origin") == "null"
    assert len(sent) > 5
    assert not any("cookie" in headers for headers in sent)


async def test_no_other_page_can_be_framed(
    context: BrowserContext, blog: Blog, base_url: str, user: Person, job_id: UUID
) -> None:
    links = (await _share(user, job_id))["links"]
    page = await context.new_page()
    paths = {links["embed"]: True, links["page"]: False, "/explore": False, "/sign-in": False}
    for path, is_framed in paths.items():
        blog.body = f'<iframe src="{base_url}{path}"></iframe>'
        await page.goto(blog.url)
        await page.wait_for_load_state("networkidle")
        assert page.frames[1].url.startswith(base_url if is_framed else "chrome-error:"), path


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_on_shares_and_nothing_is_wider_than_a_phone(
    chromium: Browser, base_url: str, user: Person, job_id: UUID, scheme: Literal["light", "dark"]
) -> None:
    made = await _share(user, job_id, notes="A long word: " + "a" * 90, visibility="public", title="T" * 60)
    await user.client.post(made["links"]["tests"], json={"kind": "abx", "segments": [1, 2]})
    context = await chromium.new_context(color_scheme=scheme, viewport={"width": 360, "height": 740})
    page = await context.new_page()
    paths = {"share": made["links"]["page"], "explore": "/explore", "embed": made["links"]["embed"]}
    for name, path in paths.items():
        await page.goto(f"{base_url}{path}")
        await _look(page, f"{name}-{scheme}")
    await context.request.post(f"{base_url}/api/v1/auth/session", data={"token": user.token})
    for name, path in {"shares": "/shares", "share-form": f"/jobs/{job_id}/share"}.items():
        await page.goto(f"{base_url}{path}")
        await _look(page, f"{name}-{scheme}")
    await context.close()


async def _look(page: Page, name: str) -> None:
    await page.wait_for_load_state("networkidle")
    assert await violations(page) == [], name
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360, name
    if SHOTS:
        height = 200 if name.startswith("embed") else 740
        await page.set_viewport_size({"width": 360, "height": height})
        await page.screenshot(path=f"{SHOTS}/{name}-narrow.png", full_page=height > 200)
        await page.set_viewport_size({"width": 640 if height == 200 else 1280, "height": height})
        await page.screenshot(path=f"{SHOTS}/{name}.png", full_page=height > 200)
        await page.set_viewport_size({"width": 360, "height": 740})
