"""The sign-in page in a real browser."""

import asyncio
import re

import pytest
from playwright.async_api import Browser, Route, expect

from tests.browser.conftest import Visit
from tests.integration.conftest import Person
from tests.support.tone3000 import StandIn


async def test_signing_in_with_a_token_redirects_to_next(visit: Visit, base_url: str, administrator: Person) -> None:
    await visit.open(f"{base_url}/saq/queues/shootout?a=1&b=%C3%A9")
    assert visit.page.url.startswith(f"{base_url}/sign-in?next=")
    await visit.page.get_by_label("API token").fill("tst_wrong")
    await visit.page.get_by_role("button", name="Sign in").click()
    await expect(visit.page.get_by_role("alert")).to_contain_text("invalid")
    await visit.page.get_by_label("API token").fill(administrator.token)
    await visit.page.keyboard.press("Enter")
    await visit.page.wait_for_url(f"{base_url}/saq/queues/shootout?a=1&b=%C3%A9")
    await expect(visit.page.get_by_role("heading", name="Workers")).to_be_visible()
    assert {url.split("/", 3)[2] for url in visit.requested} == {base_url.split("/", 3)[2]}


async def test_sign_in_works_without_javascript(chromium: Browser, base_url: str, administrator: Person) -> None:
    context = await chromium.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{base_url}/sign-in?next=/api/v1/me")
    await page.get_by_label("API token").fill(administrator.token)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(f"{base_url}/api/v1/me")
    assert '"name":"root"' in await page.content()
    await context.close()


async def test_sign_in_works_behind_a_proxy_that_hides_the_referrer(
    visit: Visit, base_url: str, administrator: Person
) -> None:
    """Chromium then sends `Origin: null` with the form."""

    async def hide(route: Route) -> None:
        answer = await route.fetch()
        await route.fulfill(response=answer, headers={**answer.headers, "referrer-policy": "no-referrer"})

    await visit.page.route(re.compile(r"/sign-in\?"), hide)
    await visit.open(f"{base_url}/sign-in?next=/saq/")
    await visit.page.get_by_label("API token").fill(administrator.token)
    async with visit.page.expect_request(f"{base_url}/sign-in") as sent:
        await visit.page.keyboard.press("Enter")
    assert (await (await sent.value).all_headers())["origin"] == "null"
    await visit.page.wait_for_url(f"{base_url}/saq/")


async def test_two_tabs_that_renew_the_session_at_once_stay_signed_in(
    visit: Visit, base_url: str, administrator: Person
) -> None:
    context = visit.page.context
    await context.request.post(f"{base_url}/api/v1/auth/session", data={"token": administrator.token})
    pages = [visit.page, await context.new_page()]
    for page in pages:
        await page.goto(f"{base_url}/sign-in")
    renew = "async () => (await fetch('/api/v1/auth/refresh', { method: 'POST' })).status"
    for _ in range(2):
        assert await asyncio.gather(*(page.evaluate(renew) for page in pages)) == [200, 200]
    await context.clear_cookies(name="shootout_access_8000")
    await asyncio.gather(*(page.goto(f"{base_url}/saq/") for page in pages))
    for page in pages:
        await page.get_by_role("heading", name="Queues").wait_for()


async def test_an_expired_access_token_is_renewed_without_sign_in(
    visit: Visit, base_url: str, administrator: Person
) -> None:
    context = visit.page.context
    await context.request.post(f"{base_url}/api/v1/auth/session", data={"token": administrator.token})
    await context.clear_cookies(name="shootout_access_8000")
    await visit.open(f"{base_url}/saq")
    await visit.page.wait_for_url(f"{base_url}/saq/")
    await expect(visit.page.get_by_role("heading", name="Queues")).to_be_visible()


async def test_signing_in_with_tone3000_works(
    visit: Visit, tone3000: StandIn, tone3000_service: str, clean: None
) -> None:
    await visit.open(f"{tone3000_service}/sign-in?next=/api/v1/me")
    link = visit.page.get_by_role("link", name="Sign in with TONE3000")
    assert await link.get_attribute("href") == "/api/v1/auth/login?next=%2Fapi%2Fv1%2Fme"
    await link.click()
    await visit.page.get_by_role("button", name="Continue").click()  # the stand-in's
    await visit.page.wait_for_url(f"{tone3000_service}/api/v1/me?sign_in=done")
    assert '"name":"lab_rat"' in await visit.page.content()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_text_has_enough_contrast(chromium: Browser, base_url: str, clean: None, scheme: str) -> None:
    """WCAG 2.2, 1.4.3: a ratio of at least 4.5; 1.4.11: 3 for the border of what is filled in."""
    context = await chromium.new_context(color_scheme="light" if scheme == "light" else "dark")
    page = await context.new_page()
    await page.goto(f"{base_url}/sign-in")
    await page.get_by_label("API token").fill("tst_wrong")
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("alert").wait_for()
    ratios = await page.evaluate(_RATIOS)
    await context.close()
    assert set(ratios["text"]) == {"H1", "LABEL", "P", "BUTTON", "INPUT", "CODE"}
    assert min(ratios["text"].values()) >= 4.5, ratios
    assert ratios["border"] >= 3.0


_RATIOS = """() => {
  const channel = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
  const parts = color => color.match(/[\\d.]+/g).map(Number)
  const luminance = color => {
    const [r, g, b] = parts(color).map(channel)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const ratio = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b)
    return (high + 0.05) / (low + 0.05)
  }
  const ground = element => {
    for (; element; element = element.parentElement) {
      const color = getComputedStyle(element).backgroundColor
      if (parts(color)[3] !== 0) return color
    }
    return "rgb(255, 255, 255)"
  }
  const text = {}
  for (const element of document.querySelectorAll("h1, label, p, button, input:not([type=hidden]), code")) {
    const found = ratio(getComputedStyle(element).color, ground(element))
    text[element.tagName] = Math.min(found, text[element.tagName] ?? Infinity)
  }
  const input = document.getElementById("token")
  return { text, border: ratio(getComputedStyle(input).borderColor, ground(document.body)) }
}"""
