"""The blind test in the listening page, opened from disk: how it switches, and a whole test by keyboard alone."""

import os

import numpy as np
import pytest
from playwright.async_api import expect
from scipy import stats

from tests.browser.conftest import Result, Visit
from tests.support.axe import violations
from tests.support.listening import samples_of, tones
from tests.support.render_inputs import RATE

SHOTS = os.environ.get("SHOTS")
"""Folder for screenshots, to be looked at."""


@pytest.fixture
async def opened(visit: Visit, result: Result) -> Visit:
    """The page, opened by its path, with the tones of its first DI track decoded."""
    await visit.page.goto((result[1] / "index.html").as_uri())
    await visit.page.locator("body[data-ready='0']").wait_for()
    return visit


async def test_a_blind_switch_fades_out_and_in_whatever_the_tones_are(opened: Visit, result: Result) -> None:
    """With a crossfade, the level in its middle would tell equal tones from different ones."""
    heard = []
    for twin in (1, 3):
        program = """async ({ length, at, twin }) => {
          const { Deck, page } = ToneShootout
          const context = new OfflineAudioContext(1, length, page.data.sample_rate_hz)
          const { buffers, first, last } = page.state
          const tones = new Map([["a", buffers.get(1)], ["x", buffers.get(twin)]])
          const deck = new Deck(context, tones, { first, last, selected: "a", gap: true })
          deck.play(0, 0)
          deck.choose("x", at)
          return new Uint8Array((await context.startRendering()).getChannelData(0).buffer).toBase64()
        }"""
        heard.append(samples_of(await opened.page.evaluate(program, {"length": 20_000, "at": 10_000, "twin": twin})))
    half = RATE // 200
    rise = 0.5 - 0.5 * np.cos(np.pi * np.arange(half) / half)
    files = tones(*result)
    for twin, found in zip((1, 3), heard, strict=True):
        before, after = files[1][:20_000], files[twin][:20_000] * (-1 if twin == 3 else 1)  # the third is inverted
        np.testing.assert_allclose(
            found[10_000 : 10_000 + half], before[10_000 : 10_000 + half] * (1 - rise), atol=1e-6
        )
        entry = 10_000 + half + 1
        assert found[10_000 + half] == 0
        np.testing.assert_allclose(found[entry : entry + half], after[entry : entry + half] * rise, atol=1e-6)
        np.testing.assert_array_equal(found[half + 1 : 10_000], before[half + 1 : 10_000])
        np.testing.assert_array_equal(found[entry + half :], after[entry + half :])


async def test_a_blind_test_from_disk_has_no_score_before_the_end(opened: Visit) -> None:
    page = opened.page
    await page.get_by_role("button", name="Put Plain in B").press("Enter")
    await page.get_by_role("button", name="Blind test of A and B").press("Enter")
    await expect(page.locator("#message")).to_contain_text("A and B are the same tone.")
    await page.get_by_role("button", name="Put Late in B").press("Enter")
    await page.get_by_role("button", name="Blind test of A and B").press("Enter")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Trials").select_option("8")
    await expect(dialog).to_contain_text("7 of 8 right answers are needed (p = 0.035).")
    await expect(dialog).to_contain_text("somebody who looks finds the key in it")
    assert await violations(page) == []
    # X is drawn by the page: here all coins fall on A.
    await page.evaluate("() => { crypto.getRandomValues = values => values.fill(1) }")
    await dialog.get_by_role("button", name="Start").press("Enter")
    if SHOTS:
        await page.screenshot(path=f"{SHOTS}/abx-trial.png")
    for trial in range(1, 9):
        await expect(dialog.locator("#abx-title")).to_have_text(f"Trial {trial} of 8")
        await expect(dialog.locator("#abx-title")).to_be_focused()
        if trial == 1:
            await dialog.get_by_role("radio", name="A").check()
            await dialog.get_by_role("button", name="Confirm").press("Enter")
            await expect(dialog.get_by_role("alert")).to_have_text("Listen to A, B, X first.")
            await dialog.locator("#abx-title").focus()
            assert await violations(page) == []
        for letter in "abx":
            await page.keyboard.press(letter)
            await expect(dialog.locator(f"[data-letter={letter}]")).to_have_attribute("aria-pressed", "true")
        assert "right" not in await dialog.inner_text()
        await page.keyboard.press("2" if trial == 5 else "1")
        await expect(dialog.get_by_role("radio", name="B" if trial == 5 else "A")).to_be_focused()
        await page.keyboard.press("Enter")
    await expect(dialog.locator("#abx-outcomes tr:visible")).to_have_text(
        f"7 of 8{stats.binomtest(7, 8, alternative='greater').pvalue:.3f}53 to 99 %2.99 (0.58 to 6.10)"
    )
    await expect(dialog.get_by_text("You heard the difference")).to_be_visible()
    await expect(dialog.get_by_text("This is not significant")).to_be_hidden()
    assert await violations(page) == []
    for width in (320, 1280):
        await page.set_viewport_size({"width": width, "height": 740})
        assert await dialog.evaluate("each => each.scrollWidth <= each.clientWidth"), width
        if SHOTS:
            await page.screenshot(path=f"{SHOTS}/abx-result-{width}.png")
    await dialog.get_by_role("button", name="Close").press("Enter")
    await expect(page.get_by_role("button", name="Blind test of A and B")).to_be_focused()
