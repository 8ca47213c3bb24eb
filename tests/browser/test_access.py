"""WCAG 2.2 on every page: axe, reflow, zoom, focus, motion; reading without JavaScript.

`SHOTS=folder` writes screenshots of every page, to be looked at.
"""

import os
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID

import pytest
from playwright.async_api import Browser, BrowserContext, Page
from sqlalchemy import update

from tests.integration.conftest import Connect, Person
from tests.support.axe import violations
from tests.support.listeners import open_test
from tests.support.sessions import Sessions
from tests.support.shared_jobs import completed_job, share
from tests.support.uploads import SHOOTOUTS, add, config, di
from tone_shootout.jobs.models import Job
from tone_shootout.jobs.status import JobStatus
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage

SHOTS: Final = os.environ.get("SHOTS")
FORMS: Final = {"share-form": ("", "Add the picture", "Save", "Withdraw it")}
"""Buttons that need no script; the button of a file has no text of its own."""
ALIKE: Final = ("sign-in", "new", "failed", "problem", "shares", "explore", "tones")
"""Pages with no parts that others do not have, and one whose field has the focus from the beginning."""
WIDTHS: Final = (320, 640, 3840)
"""WCAG 1.4.10, which is 1280 px at 400 %; 1.4.4, which is 200 %; and 4K."""

_OPEN = "for (const each of document.querySelectorAll('details')) each.open = true"
_WIDER = """width => [...document.querySelectorAll("body *")]
  .filter(each => each.getBoundingClientRect().right > width + 1).map(each => each.outerHTML.slice(0, 120))"""
_FOCUSED = """() => {
  const each = document.activeElement
  if (each === document.body) return null
  const style = getComputedStyle(each), box = each.getBoundingClientRect()
  const all = [...document.querySelectorAll("*")]
  return {
    at: all.indexOf(each),
    name: each.outerHTML.slice(0, 120),
    // The parts of a field for dates are outlined by the browser itself.
    outlined: each.type === "datetime-local" || style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    seen: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  }
}"""


@pytest.fixture
async def paths(
    user: Person, session_maker: Sessions, connect: Connect, settings: Settings, tmp_path: Path
) -> dict[str, str]:
    """The path of each page, with names and errors as long as they may be."""
    await connect(user)
    long = {**await config(user.client), "title": "A long title " * 9}
    made, failed = [
        (await user.client.post(SHOOTOUTS, json={"config": {**long, **title}, "submit": True})).json()
        for title in ({}, {"title": "W" * 120})
    ]
    await user.client.post("/api/v1/webhooks", json={"url": f"https://hooks.example/{'a' * 200}"})
    await user.client.post("/api/v1/me/tokens", json={"name": "n" * 100, "scope": "read"})
    await add(
        user.client, "di_track", di(0.2, seed=9), name="n" * 80, notes="Long " * 300, tags="a, b", filename="f" * 99
    )
    error = {"error_code": "silent", "error_detail": "Nothing.", "error_pointer": "/config/chains/1/blocks/0"}
    async with session_maker.begin() as session:
        is_failed = Job.id == UUID(failed["job"]["id"])
        await session.execute(update(Job).where(is_failed).values(status=JobStatus.FAILED.value, **error))
    job = await completed_job(user, session_maker, Storage.from_settings(settings), tmp_path, chains=["W" * 80, "b"])
    shared = await share(user, job, title="T" * 100, visibility="public")
    await open_test(user, shared, kind="abx", segments=[1, 2], trials=8)
    return {
        "sign-in": "/sign-in",
        "home": "/",
        "library": "/library",
        "tones": "/library/tones",
        "tone": "/library/tones/900101",
        "new": "/shootouts/new",
        "builder": f"/shootouts/{failed['id']}?job={failed['job']['id']}",
        "job": f"/jobs/{made['job']['id']}",
        "failed": f"/jobs/{failed['job']['id']}",
        "settings": "/settings",
        "problem": f"/jobs/{made['id']}",
        "shares": "/shares",
        "explore": "/explore",
        "share-form": f"/jobs/{job.id}/share",
        "share-tests": f"/shares/{shared['slug']}/tests",
        "share": f"/s/{shared['slug']}",
        "test": f"/s/{shared['slug']}/test",
    }


async def _signed_in(browser: Browser, url: str, user: Person, **options: Any) -> BrowserContext:
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, **options)
    context.set_default_timeout(60_000)
    await context.request.post(f"{url}/api/v1/auth/session", data={"token": user.token})
    return context


@pytest.fixture
async def browsing(chromium: Browser, tone3000_service: str, user: Person) -> AsyncGenerator[BrowserContext, None]:
    """A browser in which the user is signed in, and moves as little as possible."""
    context = await _signed_in(chromium, tone3000_service, user, reduced_motion="reduce")
    yield context
    await context.close()


async def _settled(page: Page, url: str) -> None:
    await page.goto(url)
    await page.wait_for_load_state("networkidle")


async def test_axe_finds_nothing_and_no_width_scrolls_sideways(
    browsing: BrowserContext, tone3000_service: str, paths: dict[str, str]
) -> None:
    page = await browsing.new_page()
    for name, path in paths.items():
        await _settled(page, tone3000_service + path)
        await _shoot(page, name)
        await page.set_viewport_size({"width": 360, "height": 740})
        await page.emulate_media(color_scheme="light")
        await page.evaluate(_OPEN)
        assert await violations(page) == [], name
        await page.emulate_media(color_scheme="dark")
        assert await violations(page, "color-contrast") == [], name
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": 740})
            if await page.evaluate("document.documentElement.scrollWidth") > width:
                raise AssertionError((name, width, await page.evaluate(_WIDER, width)))
        assert await page.evaluate("document.getAnimations().length") == 0, name
        assert await page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"


async def _shoot(page: Page, name: str) -> None:
    """Write screenshots, light and dark, narrow and wide."""
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark") if SHOTS else ()
    for scheme in schemes:
        await page.emulate_media(color_scheme=scheme)
        for width, suffix in ((1280, ""), (360, "-narrow")):
            await page.set_viewport_size({"width": width, "height": 740})
            await page.screenshot(path=f"{SHOTS}/{name}-{scheme}{suffix}.png", full_page=True)


async def test_the_tab_key_goes_through_each_page_in_its_order_and_is_seen(
    browsing: BrowserContext, tone3000_service: str, paths: dict[str, str]
) -> None:
    page = await browsing.new_page()
    for name, path in paths.items():
        if name in ALIKE:
            continue
        await _settled(page, f"{tone3000_service}{path}")
        last, stops = -1, 0
        await page.evaluate("document.activeElement.blur()")
        while True:
            await page.keyboard.press("Tab")
            found = await page.evaluate(_FOCUSED)
            if found is None or found["at"] < last:
                break
            assert found["outlined"], (name, found)
            assert found["seen"], (name, found)
            assert stops > 0 or "skip" in found["name"], (name, found)
            stops, last = stops + 1, found["at"]
        assert stops > 4, name
        assert await page.locator("[tabindex]:not([tabindex='-1'], [tabindex='0'])").count() == 0, name


async def test_each_page_can_be_read_without_javascript(
    chromium: Browser, tone3000_service: str, user: Person, paths: dict[str, str]
) -> None:
    context = await _signed_in(chromium, tone3000_service, user, java_script_enabled=False)
    page = await context.new_page()
    expected = {
        "sign-in": "You are signed in as ada.",
        "home": "A long title",
        "library": "some.file",
        "tones": "Bluebird 45 Lead",
        "tone": "Importing from this page needs JavaScript",
        "new": "Changes need JavaScript",
        "builder": "The job failed: Nothing.",
        "job": "Reload this page to see the progress.",
        "failed": "Nothing.",
        "settings": "You are ada",
        "problem": "Nothing here",
        "shares": "T" * 100,
        "explore": "T" * 100,
        "share-form": "The share",
        "share-tests": "Opening and changing tests needs JavaScript",
        "share": "The player needs JavaScript",
        "test": "The test needs JavaScript",
    }
    assert expected.keys() == paths.keys()
    for name, path in paths.items():
        await page.goto(f"{tone3000_service}{path}")
        for summary in await page.locator("summary:visible").all():
            await summary.click()
        assert expected[name] in await page.inner_text("body"), name
        texts = {" ".join((await each.inner_text()).split()) for each in await page.get_by_role("button").all()}
        assert texts <= {"Sign in", "Sign out", "Search", "Show", *FORMS.get(name, ())}, (name, texts)
        for link in await page.get_by_role("link").all():
            assert (await link.get_attribute("href") or "").startswith(("/", "#", "http")), name
    await context.close()
