"""The whole way with the keyboard alone: sign-in, upload, builder, live progress, listening, share, blind test."""

import re

import pytest
from playwright.async_api import Browser, Locator, Page, expect
from redis.asyncio import Redis

from tests.browser.conftest import Visit
from tests.integration.conftest import Person
from tests.support.live import working
from tests.support.uploads import capture, di, ir
from tone_shootout.accounts.sign_in_links import SignInLinks
from tone_shootout.kit.settings import Settings

MOST_STOPS = 120
"""How often the Tab key may have to be pressed to get anywhere on a page."""


class Keyboard:
    """Somebody who has nothing but a keyboard."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def go_to(self, target: Locator) -> None:
        """Press Tab until something has the focus."""
        await expect(target).to_be_visible()
        for _ in range(MOST_STOPS):
            if await target.evaluate("each => each === document.activeElement"):
                return
            await self.page.keyboard.press("Tab")
        raise AssertionError(f"the Tab key does not get to {target}")

    async def press(self, target: Locator, key: str = "Enter") -> None:
        """Go to something and press a key."""
        await self.go_to(target)
        await self.page.keyboard.press(key)

    async def follow(self, name: str, url: str) -> None:
        """Follow a link and wait for its page, with its scripts."""
        await self.press(self.page.get_by_role("link", name=name, exact=True))
        await self.page.wait_for_url(re.compile(url))

    async def type(self, label: str, text: str) -> None:
        """Replace the text of a field."""
        await self.press(self.page.get_by_label(label, exact=True), "ControlOrMeta+A")
        await self.page.keyboard.type(text)


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_a_guitarist_gets_to_a_blind_test_of_a_stranger_by_keyboard(
    visit: Visit, chromium: Browser, base_url: str, user: Person, redis: Redis, settings: Settings
) -> None:
    address = await _publish(visit, f"{base_url}/sign-in?code={await SignInLinks(redis).create(user.id)}", settings)
    context = await chromium.new_context()
    context.set_default_timeout(60_000)
    stranger = Visit(await context.new_page())
    await _listen_and_guess(stranger, address)
    assert all(url.startswith((base_url, "data:", "blob:")) for url in visit.requested + stranger.requested)
    assert stranger.wrong == []
    await context.close()
    await visit.page.reload()
    await expect(visit.page.get_by_text("1 began, 1 finished")).to_be_visible()


async def _publish(visit: Visit, sign_in: str, settings: Settings) -> str:
    """Sign in, upload, build, render, listen, share and open a test; return the address of the share."""
    page, keys = visit.page, Keyboard(visit.page)
    await visit.open(sign_in)
    await keys.press(page.get_by_role("button", name="Sign in as ada"))
    await page.wait_for_url(re.compile(r"/$"))
    await keys.follow("Library", r"/library$")
    files = {"riff.wav": di(2.0), "plexi.nam": capture(0.2), "combo.nam": capture(0.9), "v30.wav": ir()}
    async with page.expect_file_chooser() as chooser:
        await keys.press(page.locator("#files"))
    octets = "application/octet-stream"
    await (await chooser.value).set_files(
        [{"name": name, "mimeType": octets, "buffer": content} for name, content in files.items()]
    )
    await expect(page.locator("#uploads > li").filter(has_text="added")).to_have_count(4)
    await expect(page.locator("tr[data-item]")).to_have_count(4)
    await keys.follow("New shootout", r"/shootouts/new$")
    await keys.type("Title", "By keyboard")
    await keys.press(page.get_by_role("checkbox", name="Video"), "Space")
    for name in ("combo", "plexi", "v30"):
        await keys.press(page.get_by_role("checkbox", name=name), "Space")
    await expect(page.locator("#cost")).to_contain_text("2 results")
    await keys.press(page.get_by_role("button", name="Render"))
    await page.wait_for_url(re.compile(r"/jobs/"))
    await expect(page.locator("#status")).to_have_text("Waiting")
    with working(settings):
        await expect(page.locator("#status")).to_have_text("Running")
        await page.locator("body[data-ready='0']").wait_for(timeout=120_000)  # the listening page
    await keys.press(page.get_by_role("button", name="Play"))
    await expect(page.locator("#play-word")).to_have_text("Pause")
    await page.keyboard.press("2")
    await expect(page.locator("#tone-2")).to_be_checked()
    await keys.follow("Share", r"/share$")
    await keys.press(page.get_by_role("button", name="Share"))
    await expect(page.get_by_role("status").first).to_have_text("The comparison is shared.")
    address = await page.get_by_label("no account is needed").input_value()
    await keys.follow("Listening tests", r"/tests$")
    await keys.go_to(page.get_by_label("Trials"))
    await page.keyboard.type("8")
    await keys.press(page.get_by_role("button", name="Open the test").first)
    await expect(page.get_by_text("0 began, 0 finished")).to_be_visible()
    return address


async def _listen_and_guess(stranger: Visit, address: str) -> None:
    """Listen to a share without an account, and take its ABX test."""
    page, keys = stranger.page, Keyboard(stranger.page)
    await stranger.open(address)
    await page.locator("body[data-ready='0']").wait_for()
    await keys.press(page.get_by_role("button", name="Play"))
    await expect(page.locator("#play-word")).to_have_text("Pause")
    await keys.press(page.get_by_role("link", name=re.compile("Take the test")))
    await page.wait_for_url(re.compile(r"/test/"))
    for name in ("I agree, start the test", "Play or pause", "Begin"):
        await keys.press(page.get_by_role("button", name=name))
    for trial in range(1, 9):
        await expect(page.locator("#trial-title")).to_have_text(f"Trial {trial} of 8")
        await expect(page.locator("#trial-title")).to_be_focused()
        for letter in "abx":
            await page.keyboard.press(letter)
            await expect(page.locator(f"[data-letter={letter}]")).to_have_attribute("aria-pressed", "true")
        await page.keyboard.press("1")
        await expect(page.get_by_role("radio", name="A")).to_be_focused()
        await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Your result")).to_be_visible()
    await expect(page.locator(".figure")).to_contain_text("of 8 right")
