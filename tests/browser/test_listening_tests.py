"""Listening tests in a real browser: an anonymous visitor takes each kind, and an owner opens and closes them."""

import os
import re
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.async_api import Browser, Page, expect
from scipy import stats
from sqlalchemy import text

from tests.browser.conftest import Visit
from tests.integration.conftest import Person
from tests.support.axe import violations
from tests.support.listeners import open_test
from tests.support.sessions import Sessions
from tests.support.shared_jobs import completed_job, share
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage

CHAINS = ["Plexi <b>", "JCM", "Combo"]
TARGETS = "main :is(button, select, input:not([type=checkbox], [type=radio])):visible"
SHOTS = os.environ.get("SHOTS")
"""Folder for screenshots, to be looked at."""


@pytest.fixture
async def shared(user: Person, session_maker: Sessions, settings: Settings, tmp_path: Path) -> dict[str, Any]:
    """A share of three tones."""
    storage = Storage.from_settings(settings)
    return await share(user, await completed_job(user, session_maker, storage, tmp_path, chains=CHAINS))


def address(base_url: str, shared: dict[str, Any], test: dict[str, Any]) -> str:
    return f"{base_url}/s/{shared['slug']}/test/{test['id']}"


async def keys_of(sessions: Sessions, test: dict[str, Any]) -> dict[tuple[int, str], int]:
    """The key of the only session of a test: indices of tones by trial and letter."""
    async with sessions() as rows:
        stimuli: list[dict[str, Any]] = (
            await rows.scalar(text("SELECT stimuli FROM listening_session WHERE test_id = :id"), {"id": test["id"]})
            or []
        )
    return {(each["trial"], each["label"]): each["tone"] for each in stimuli}


async def begin(page: Page, name: str = "I agree, start the test") -> None:
    """From the text to the first trial, by keyboard."""
    await page.get_by_role("button", name=name).press("Enter")
    await page.get_by_role("button", name="Play or pause").press("Enter")
    await page.get_by_role("button", name="Begin").press("Enter")


async def hear(page: Page, letters: str) -> None:
    """Listen to sounds by their letters."""
    await expect(page.locator("#trial-title")).to_be_focused()
    for letter in letters:
        await page.keyboard.press(letter)
        await expect(page.locator(f"[data-letter={letter}]")).to_have_attribute("aria-pressed", "true")


async def test_an_abx_test_is_taken_by_keyboard_alone_and_resumed_after_a_reload(
    visit: Visit, base_url: str, user: Person, shared: dict[str, Any], session_maker: Sessions
) -> None:
    test = await open_test(user, shared, kind="abx", segments=[1, 2], trials=8)
    page = visit.page
    await visit.open(f"{base_url}/s/{shared['slug']}/test")
    await page.wait_for_url(address(base_url, shared, test))
    await expect(page.get_by_text("7 of 8 right answers are needed (p = 0.035).")).to_be_visible()
    assert await violations(page) == []
    await begin(page)
    pages = []
    for trial in range(1, 9):
        if trial == 4:
            await expect(page.locator("#trial-title")).to_have_text("Trial 4 of 8")
            await page.reload()
            await expect(page.get_by_text("You have answered 3 of 8.")).to_be_visible()
            await begin(page, "Continue the test")
        await expect(page.locator("#trial-title")).to_have_text(f"Trial {trial} of 8")
        if trial == 1:
            await page.get_by_role("radio", name="A").focus()
            await page.keyboard.press("1")
            await page.keyboard.press("Enter")
            await expect(page.get_by_role("alert").filter(has_text="Listen to")).to_have_text("Listen to B, X first.")
            await page.locator("#trial-title").focus()
            assert await violations(page) == []
        await hear(page, "abx")
        pages.append(await page.content() + await page.title())
        if SHOTS and trial == 8:
            await page.screenshot(path=f"{SHOTS}/abx-page-trial.png")
        await page.keyboard.press("1" if trial % 2 else "2")
        await expect(page.get_by_role("radio", name="A" if trial % 2 else "B")).to_be_focused()
        await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Your result")).to_be_visible()
    key = await keys_of(session_maker, test)
    right = sum(key[trial, "x"] == key[0, "a" if trial % 2 else "b"] for trial in range(1, 9))
    chance = stats.binomtest(right, 8, alternative="greater").pvalue
    limits = stats.binomtest(right, 8).proportion_ci(confidence_level=0.9, method="exact")
    await expect(page.locator(".figure")).to_have_text(f"{right} of 8 right, p = {chance:.3f}")
    shown = await page.locator("main").inner_text()
    assert f"between {100 * limits.low:.0f} % and {100 * limits.high:.0f} % with 90 % confidence" in shown
    assert ("not significant" in shown) == (chance >= 0.05)
    assert "1 began, 1 finished." in shown
    if SHOTS:
        await page.screenshot(path=f"{SHOTS}/abx-page-result.png", full_page=True)
    assert await violations(page) == []
    # Nothing that the page had or asked for before the end names a tone.
    for content in (*pages, *visit.requested):
        assert not any(name in content for name in ("Plexi", "JCM", "Combo", "01-riff", "02-riff"))
    assert all(url.startswith(base_url) for url in visit.requested)


async def test_sounds_of_a_trial_look_alike_to_the_browser(
    visit: Visit, base_url: str, user: Person, shared: dict[str, Any]
) -> None:
    """Sizes and names of what was fetched, as scripts and developer tools show them, tell nothing."""
    test = await open_test(user, shared, kind="abx", segments=[1, 2], trials=8)
    page = visit.page
    await visit.open(address(base_url, shared, test))
    await begin(page)
    await hear(page, "abx")
    sounds = "performance.getEntriesByType('resource').filter(e => /stimuli/.test(e.name))"
    await page.evaluate(
        f"async () => {{ while ({sounds}.length < 4) await new Promise(again => setTimeout(again, 20)) }}"
    )
    found = await page.evaluate(f"""{sounds}.map(e => [e.name.length, e.transferSize, e.encodedBodySize,
      e.decodedBodySize, e.contentType, e.deliveryType].join())""")
    assert len(set(found)) == 1, found
    state = await page.evaluate(
        "[location.hash, document.title, localStorage.length, sessionStorage.length, document.cookie]"
    )
    assert state == ["", "Listening test · Tone Shootout", 0, 0, ""]


async def test_tones_are_rated_with_sliders_and_ranked(
    visit: Visit, base_url: str, user: Person, shared: dict[str, Any], session_maker: Sessions
) -> None:
    test = await open_test(user, shared, kind="preference", segments=[1, 2, 3])
    page = visit.page
    await visit.open(address(base_url, shared, test))
    await begin(page)
    key = await keys_of(session_maker, test)
    liked = [60, 90, 10]
    for trial in (1, 2):
        await expect(page.locator("#trial-title")).to_have_text(f"Round {trial} of 2")
        await hear(page, "abc")
        for letter in "abc":
            await page.locator(f"[name={letter}]").fill(str(liked[key[trial, letter]]))
        await expect(page.locator("output").first).to_have_text(str(liked[key[trial, "a"]]))
        assert await violations(page) == []
        await page.get_by_role("button", name="Confirm").press("Enter")
    await expect(page.locator(".ranking li")).to_have_text(["JCM rated 90", "Plexi <b> rated 60", "Combo rated 10"])
    await expect(page.get_by_text("You were consistent")).to_be_visible()
    await expect(page.get_by_text("Below 10 listeners there are no intervals")).to_be_visible()
    assert await violations(page) == []


async def test_pairs_are_picked_and_names_are_matched(
    visit: Visit, base_url: str, user: Person, shared: dict[str, Any], session_maker: Sessions
) -> None:
    pairs = await open_test(user, shared, kind="preference", method="pairs", segments=[1, 2])
    page = visit.page
    await visit.open(address(base_url, shared, pairs))
    await begin(page)
    key = await keys_of(session_maker, pairs)
    for trial in range(1, 8):
        await expect(page.locator("#trial-title")).to_have_text(f"Trial {trial} of 7")
        await hear(page, "ab")
        await page.keyboard.press("1" if key[trial, "a"] == 0 else "2")
        await page.keyboard.press("Enter")
    await expect(page.locator(".ranking li").first).to_contain_text("Plexi <b>")
    names = await open_test(user, shared, kind="identification", segments=[1, 2, 3])
    await visit.open(address(base_url, shared, names))
    await begin(page)
    await hear(page, "abc")
    key = await keys_of(session_maker, names)
    for letter in "abc":
        await page.locator(f"select[name={letter}]").select_option(label=CHAINS[0])
    await page.get_by_role("button", name="Confirm").press("Enter")
    await expect(page.get_by_role("alert").filter(has_text="Choose")).to_have_text("Choose each name once.")
    for letter in "abc":
        await page.locator(f"select[name={letter}]").select_option(label=CHAINS[key[1, letter]])
    assert await violations(page) == []
    await page.get_by_role("button", name="Confirm").press("Enter")
    await expect(page.locator(".figure")).to_have_text("3 of 3 right, p = 0.167")
    assert await violations(page) == []


async def test_a_lost_connection_loses_no_answer(
    visit: Visit, base_url: str, user: Person, shared: dict[str, Any]
) -> None:
    test = await open_test(user, shared, kind="abx", segments=[1, 2], trials=8)
    page = visit.page
    await visit.open(address(base_url, shared, test))
    await begin(page)
    await hear(page, "abx")
    await page.context.set_offline(True)
    await page.keyboard.press("2")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("The service can't be reached.")).to_be_visible()
    await page.context.set_offline(False)
    await page.get_by_role("button", name="Confirm").press("Enter")
    await expect(page.locator("#trial-title")).to_have_text("Trial 2 of 8")
    assert (await user.client.get(test["links"]["self"])).json()["started"] == 1


async def test_an_owner_opens_closes_and_deletes_tests(
    visit: Visit, base_url: str, user: Person, shared: dict[str, Any], chromium: Browser
) -> None:
    await visit.sign_in(base_url, user)
    page = visit.page
    page.on("dialog", lambda dialog: dialog.accept())
    await visit.open(f"{base_url}/shares/{shared['slug']}/tests")
    form = page.locator("form").filter(has=page.locator("[value=abx]"))
    await form.get_by_label("One tone").select_option(label="JCM")
    await form.get_by_label("Other tone").select_option(label="JCM")
    await form.get_by_role("button", name="Open the test").press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("Expected each segment once.")
    await form.get_by_label("Other tone").select_option(label="Combo")
    await form.get_by_label("Trials").select_option("12")
    await form.get_by_label("Results are shown").select_option("owner")
    await form.get_by_role("button", name="Open the test").press("Enter")
    entry = page.locator(".cards > li").filter(has_text="ABX: JCM, Combo")
    await expect(entry).to_contain_text("Open · 0 began, 0 finished · 12 trials")
    assert await violations(page) == []
    listed = (await user.client.get(shared["links"]["tests"])).json()["items"]
    assert [(each["trials"], each["results"], each["segments"]) for each in listed] == [(12, "owner", [2, 3])]
    await entry.get_by_role("link", name="Results").click()
    await expect(page.get_by_text("There are no results before somebody has finished.")).to_be_visible()
    await page.go_back()
    await entry.locator("summary").press("Enter")
    await entry.get_by_role("button", name="Close now").press("Enter")
    await expect(entry).to_contain_text("Closed, since")
    context = await chromium.new_context()
    stranger = await context.new_page()
    await stranger.goto(address(base_url, shared, listed[0]))
    await expect(stranger.get_by_role("heading", name="This listening test is closed")).to_be_visible()
    await expect(stranger.get_by_text("keeps its results private")).to_be_visible()
    await context.close()
    await entry.locator("summary").press("Enter")
    await entry.get_by_role("button", name="Delete").press("Enter")
    await expect(page.get_by_text("No test yet.")).to_be_visible()
    assert all(url.startswith((base_url, "data:")) for url in visit.requested)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_and_nothing_is_wider_than_a_phone(
    chromium: Browser, base_url: str, user: Person, shared: dict[str, Any], scheme: Literal["light", "dark"]
) -> None:
    test = await open_test(user, shared, kind="identification", segments=[1, 2, 3])
    context = await chromium.new_context(color_scheme=scheme, viewport={"width": 360, "height": 740})
    page = await context.new_page()

    async def look(name: str) -> None:
        assert await violations(page) == [], name
        for width in (320, 3840, 360):
            await page.set_viewport_size({"width": width, "height": 740})
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, name
        low = "all => all.filter(each => each.getBoundingClientRect().height < 44).length"
        assert await page.locator(TARGETS).evaluate_all(low) == 0, name
        if SHOTS:
            await page.screenshot(path=f"{SHOTS}/{name}-{scheme}-narrow.png", full_page=True)
            await page.set_viewport_size({"width": 1280, "height": 800})
            await page.screenshot(path=f"{SHOTS}/{name}-{scheme}.png", full_page=True)
            await page.set_viewport_size({"width": 360, "height": 740})

    await page.goto(address(base_url, shared, test))
    await look("test-intro")
    await begin(page)
    await hear(page, "abc")
    await page.locator("#trial summary").click()
    await look("test-trial")
    for number, letter in enumerate("abc", 1):
        await page.locator(f"select[name={letter}]").select_option(str(number))
    await page.get_by_role("button", name="Confirm").press("Enter")
    await expect(page.get_by_role("heading", name="Your result")).to_be_visible()
    await page.locator("main summary").first.click()
    await look("test-result")
    await context.request.post(
        f"{base_url}/api/v1/auth/session", data={"token": user.token}, headers={"Origin": base_url}
    )
    await page.goto(f"{base_url}/shares/{shared['slug']}/tests")
    assert re.search("1 began, 1 finished", await page.locator("main").inner_text())
    await look("test-owner")
    await context.close()
