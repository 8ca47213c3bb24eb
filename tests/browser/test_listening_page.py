"""The listening page in a real browser, opened from disk: what is heard is measured, to the sample."""

import shutil
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import Result, Visit
from tests.integration.conftest import Person
from tests.integration.jobs.conftest import make_shootout
from tests.support.finished_jobs import add_finished_job, files_in
from tests.support.listening import CHAINS, HOSTILE, LATE, leave_parts, samples_of, tones
from tests.support.render_inputs import RATE
from tests.support.sessions import Sessions
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage
from tone_shootout.rendering.output.manifest import Manifest

RAMP = RATE // 100

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
"""Rules of axe: WCAG 2.2 AA and more."""

_RENDER = """async ({ length, loop, compensate, steps }) => {
  const { Deck, page } = ToneShootout
  const context = new OfflineAudioContext(1, length, page.data.sample_rate_hz)
  const { buffers, first, last } = page.state
  const deck = new Deck(context, buffers, { first, last, selected: steps[0].tone, compensate })
  if (loop) deck.setLoop(loop)
  steps.forEach(({ tone, at, from }, n) => {
    if (n === 0) deck.play(from, at)
    else if (from !== undefined) deck.play(from, at)
    else deck.choose(tone, at)
  })
  const buffer = await context.startRendering()
  return new Uint8Array(buffer.getChannelData(0).buffer).toBase64()
}"""


@pytest.fixture(scope="module")
async def shared(chromium: Browser, result: Result) -> AsyncGenerator[Page, None]:
    """The page, for tests that change nothing in it."""
    context = await chromium.new_context()
    yield await _ready(context, result)
    await context.close()


@pytest.fixture
async def opened(visit: Visit, result: Result) -> Visit:
    """The page, opened by its path, with the tones of its first DI track decoded."""
    await visit.page.goto((result[1] / "index.html").as_uri())
    await visit.page.locator("body[data-ready='0']").wait_for()
    return visit


async def _rendered(page: Page, *steps: dict[str, int], length: int, **options: Any) -> NDArray[np.float32]:
    options = {"loop": None, "compensate": {"latency": True, "polarity": True}, **options}
    return samples_of(await page.evaluate(_RENDER, {"length": length, "steps": steps, **options}))


def _aligned(manifest: Manifest, folder: Path, position: int) -> NDArray[np.float32]:
    """A tone as it sounds with latency and polarity compensated by what the manifest states."""
    latency = manifest.segments[position - 1].latency
    assert latency is not None
    assert latency.samples is not None
    return tones(manifest, folder)[position][latency.samples :] * np.float32(latency.polarity)


def test_the_tones_are_late_and_inverted_as_made(result: Result) -> None:
    found = [segment.latency for segment in result[0].segments[:3]]
    assert [(latency.samples, latency.polarity) for latency in found if latency] == [(0, 1), (LATE, 1), (0, -1)]


async def test_a_minute_of_looping_and_switching_equals_the_segments_to_the_sample(
    shared: Page, result: Result
) -> None:
    """Loop points and switches are on the grid: no sample differs beside the ramps, and ramps are as specified."""
    start, end = 12_345, 80_001
    times = [RATE * n + 17 * n for n in range(1, 60)]
    order = [1 + n % 3 for n in range(len(times) + 1)]
    steps = [{"tone": order[0], "from": start + 1_000, "at": 0}]
    steps += [{"tone": tone, "at": at} for tone, at in zip(order[1:], times, strict=True)]
    heard = await _rendered(shared, *steps, length=60 * RATE, loop=[start, end])
    playhead = start + (1_000 + np.arange(60 * RATE)) % (end - start)
    aligned = {tone: _aligned(*result, tone)[playhead] for tone in (1, 2, 3)}
    expected = np.empty(60 * RATE, np.float32)
    is_ramp = np.zeros(60 * RATE, bool)
    is_ramp[: RAMP + 1] = True  # it fades in
    rise = 0.5 - 0.5 * np.cos(np.pi * np.arange(RAMP) / RAMP)
    bounds = [0, *times, 60 * RATE]
    for n, tone in enumerate(order):
        expected[bounds[n] : bounds[n + 1]] = aligned[tone][bounds[n] : bounds[n + 1]]
    for at, before, after in zip(times, order, order[1:], strict=False):
        ramp = slice(at, at + RAMP)
        is_ramp[ramp] = True
        expected[ramp] = aligned[before][ramp] * (1 - rise) + aligned[after][ramp] * rise
    assert np.count_nonzero(heard[~is_ramp] != expected[~is_ramp]) == 0
    assert np.abs(heard - expected)[RAMP:].max() < 1e-6
    assert np.count_nonzero(expected) > 0.9 * len(expected)


async def test_without_compensation_the_files_sound_as_they_are(shared: Page, result: Result) -> None:
    files = tones(*result)
    steps = [{"tone": 3, "from": 0, "at": 0}, {"tone": 2, "at": 10_000}]
    compensate = {"latency": False, "polarity": False}
    heard = await _rendered(shared, *steps, length=20_000, compensate=compensate)
    np.testing.assert_array_equal(heard[RAMP + 1 : 10_000], files[3][RAMP + 1 : 10_000])
    np.testing.assert_array_equal(heard[10_000 + RAMP :], files[2][10_000 + RAMP : 20_000])


async def test_a_seek_goes_on_at_the_new_place_and_waits_for_a_ramp(shared: Page, result: Result) -> None:
    """What is asked for during a ramp happens after it: 100 samples into the switch, the seek waits for its end."""
    steps = [{"tone": 1, "from": 0, "at": 0}, {"tone": 2, "at": 5_000}, {"tone": 2, "from": 50_000, "at": 5_100}]
    heard = await _rendered(shared, *steps, length=20_000)
    began = 5_000 + RAMP + 1
    expected = _aligned(*result, 2)[50_000 + RAMP : 50_000 + 20_000 - began]
    np.testing.assert_array_equal(heard[began + RAMP :], expected)


async def test_it_opens_from_disk_and_asks_only_for_its_own_files(opened: Visit, result: Result) -> None:
    page = opened.page
    await page.get_by_role("radio", name="Arpeggio").check()
    await page.locator("body[data-ready='1']").wait_for()
    await page.get_by_role("button", name="Play").click()
    await expect(page.get_by_role("button", name="Pause")).to_be_visible()
    await _until(page, "deck.positionAt(deck.now()) > 4800")
    here = result[1].as_uri()
    assert opened.requested
    assert [url for url in opened.requested if not url.startswith(here)] == []
    assert await page.locator("script[src*='--']").count() == 0, "elements of sound files are dropped"
    assert await page.title() == "Three wires <b> · Tone Shootout"
    assert await page.locator("img").count() == 0


async def test_a_switch_starts_within_20_ms_on_the_clock_of_the_sound(opened: Visit) -> None:
    page = opened.page
    await page.get_by_role("button", name="Play").click()
    await page.get_by_role("button", name="Pause").wait_for()
    ahead = await page.evaluate("""async () => {
      const { deck } = ToneShootout.page
      while (deck.now() < deck.busy) await new Promise(resolve => setTimeout(resolve, 5))
      return (deck.choose(3) - deck.now()) / deck.rate
    }""")
    assert ahead <= 0.02


async def test_the_keyboard_alone_does_everything(opened: Visit) -> None:
    page = opened.page
    state = "({a, b, heard, looping, track}) => [a, b, heard, looping, track]"

    async def shown() -> list[Any]:
        found: list[Any] = await page.evaluate(f"({state})(ToneShootout.page.state)")
        return found

    for _ in range(20):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.id") == "wave":
            break
    assert await shown() == [1, 2, "a", False, 0]
    await page.keyboard.press("Space")
    await expect(page.get_by_role("button", name="Pause")).to_be_visible()
    await page.keyboard.press("3")
    await expect(page.get_by_role("status")).to_have_text(f"A: 3. {HOSTILE}")
    assert await shown() == [3, 2, "a", False, 0]
    await page.keyboard.press("Shift+Digit1")
    await page.keyboard.press("q")
    assert await shown() == [3, 1, "b", False, 0]
    await page.keyboard.press("ArrowDown")
    assert await shown() == [3, 2, "b", False, 0]
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("l")
    assert await shown() == [3, 1, "b", True, 0]
    await page.keyboard.press("l")
    await page.keyboard.press("Space")
    await expect(page.get_by_role("button", name="Play")).to_be_visible()
    before = await page.evaluate("ToneShootout.page.deck.resting")
    await page.keyboard.press("ArrowLeft")
    after = await page.evaluate("ToneShootout.page.deck.resting")
    assert after == max(0, before - RATE)
    await page.keyboard.press("d")
    await page.locator("body[data-ready='1']").wait_for()
    assert (await shown())[4] == 1
    await page.keyboard.press("?")
    await expect(page.get_by_text("neighboring tone")).to_be_visible()
    await page.get_by_role("checkbox", name="Keys").uncheck()
    await page.locator("#wave").focus()
    await page.keyboard.press("2")
    assert await shown() == [4, 5, "a", False, 1]


async def test_space_on_a_focused_button_acts_once(opened: Visit) -> None:
    page = opened.page
    await page.get_by_role("button", name="Play").focus()
    await page.keyboard.press("Space")
    await expect(page.get_by_role("button", name="Pause")).to_be_visible()
    await page.locator("#hear-b").focus()
    await page.keyboard.press("Space")
    await expect(page.locator("#hear-b")).to_have_attribute("aria-pressed", "true")
    await expect(page.get_by_role("button", name="Pause")).to_be_visible()


async def test_a_loop_is_dragged_on_the_waveform_and_typed_with_two_sliders(opened: Visit) -> None:
    page = opened.page
    box = await page.locator("#wave").bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    await page.mouse.move(box["x"] + box["width"] * 0.75, y)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] * 0.25, y, steps=4)
    await page.mouse.up()
    loop = await page.evaluate("ToneShootout.page.state.loop")
    assert loop == pytest.approx([24_000, 72_000], abs=400)
    assert all(isinstance(sample, int) for sample in loop)
    await expect(page.get_by_role("checkbox", name="Repeat")).to_be_checked()
    await page.get_by_role("slider", name="From").fill("1")
    await page.get_by_role("slider", name="To", exact=False).last.fill("1.25")
    assert await page.evaluate("ToneShootout.page.state.loop") == [48_000, 60_000]


async def test_a_cell_of_the_difference_matrix_selects_the_pair(opened: Visit, result: Result) -> None:
    page = opened.page
    matrix = page.locator(".matrix").first
    await matrix.get_by_role("button", name=f"A {CHAINS[1]}, B {CHAINS[0]}").click()
    assert await page.evaluate("[ToneShootout.page.state.a, ToneShootout.page.state.b]") == [2, 1]
    await expect(page.locator("#spectra-a")).to_have_text("2. Late")
    pair = next(pair for pair in result[0].comparisons if (pair.reference, pair.position) == (1, 2))
    await expect(page.locator(".pair").first).to_contain_text(f"distance {pair.log_mel_db:.1f} dB")
    shown = await page.locator("#bands tbody tr td:last-child").all_text_contents()
    assert [float(text.replace("−", "-")) for text in shown if text != "–"] == pytest.approx(
        [-level for level in pair.third_octaves_db], abs=0.06
    )


async def test_rotation_changes_tones_on_the_clock(opened: Visit) -> None:
    page = opened.page
    await page.get_by_role("checkbox", name="Repeat").check()
    await page.get_by_label("Seconds between tones").select_option("2")
    await page.get_by_role("checkbox", name="Rotate").check()
    await page.get_by_role("button", name="Play").click()
    await _until(page, "deck && deck.scheduled")
    scheduled, began = await page.evaluate("[ToneShootout.page.deck.scheduled.time, ToneShootout.page.deck.set.time]")
    assert scheduled - began == pytest.approx(2 * RATE, abs=RATE / 4)
    await expect(page.get_by_role("status")).to_have_text("A: 2. Late")


async def test_a_long_di_track_plays_in_parts_within_the_memory(visit: Visit, result: Result, tmp_path: Path) -> None:
    """Memory for 1 s of three tones; parts of 0.5 s."""
    html = leave_parts(*result, tmp_path / "parts", part_samples=RATE // 2, budget_bytes=3 * 4 * RATE)
    page = visit.page
    await page.goto(html.as_uri())
    await page.locator("body[data-ready='0']").wait_for()
    await expect(page.get_by_text("so a part plays at a time")).to_be_visible()
    part = page.get_by_label("Part")
    assert await part.locator("option").all_text_contents() == ["0:00–0:01", "0:01–0:02"]
    assert await page.evaluate("[...ToneShootout.page.state.buffers.values()].map(tone => tone.buffer.length)") == (
        [RATE] * 3
    )
    await part.select_option("1")
    await page.locator("body[data-ready='0']").wait_for()
    heard = await _rendered(page, {"tone": 2, "from": RATE + 100, "at": 0}, length=40_000)
    expected = _aligned(*result, 2)[RATE + 100 : RATE + 100 + 40_000]
    np.testing.assert_array_equal(heard[RAMP + 1 :], expected[RAMP + 1 :])


async def test_tones_that_are_missing_or_damaged_are_named_and_the_others_play(
    visit: Visit, result: Result, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(result[1], out)
    next((out / "listen").glob("02-*.js")).unlink()
    third = next((out / "listen").glob("03-*.js"))
    third.write_text(third.read_text().replace('","', '","AAAA'))
    page = visit.page
    await page.goto((out / "index.html").as_uri())
    await page.locator("body[data-ready='0']").wait_for()
    await expect(page.get_by_role("alert")).to_contain_text("This browser can't play")
    await expect(page.get_by_role("alert")).to_contain_text("Late (listen/02-")
    await expect(page.locator("#tone-2")).to_be_disabled()
    await expect(page.locator("#tone-3")).to_be_disabled()
    await page.get_by_role("button", name="Play").click()
    await expect(page.get_by_role("button", name="Pause")).to_be_visible()
    await page.keyboard.press("2")
    await page.keyboard.press("ArrowDown")
    assert await page.evaluate("ToneShootout.page.state.a") == 1


async def test_it_can_be_read_without_script(chromium: Browser, result: Result) -> None:
    context = await chromium.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto((result[1] / "index.html").as_uri())
    manifest = result[0]
    text = await page.inner_text("body")
    assert "The player needs JavaScript" in text
    assert all(item.sha256 in text for item in manifest.inputs)
    assert all(segment.sha256 in text for segment in manifest.segments)
    link = page.get_by_role("link", name="Plain").first
    assert await link.get_attribute("href") == manifest.segments[0].file
    assert not await page.get_by_role("button").count()
    await context.close()


async def test_axe_finds_nothing_in_light_and_dark(chromium: Browser, result: Result, axe: str) -> None:
    context = await chromium.new_context(viewport={"width": 360, "height": 740})
    page = await _ready(context, result)
    await page.locator("summary").evaluate_all("all => all.forEach(each => each.click())")
    await page.evaluate(axe)
    assert await _barriers(page, {"runOnly": RULES}) == []
    await page.emulate_media(color_scheme="dark")
    assert await _barriers(page, {"runOnly": {"type": "rule", "values": ["color-contrast"]}}) == []
    for width in (320, 360, 640, 3840):
        await page.set_viewport_size({"width": width, "height": 740})
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await context.close()


async def _barriers(page: Page, options: dict[str, Any]) -> list[tuple[str, list[str]]]:
    found = await page.evaluate("options => axe.run(document, options)", options)
    return [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]]


async def test_the_page_of_a_job_loads_its_sound_by_fetch(
    visit: Visit, result: Result, base_url: str, user: Person, settings: Settings, session_maker: Sessions
) -> None:
    storage = Storage.from_settings(settings)
    shootout_id = UUID(await make_shootout(user.client))
    job = await add_finished_job(storage, session_maker, user, shootout_id, files_in(result[1]))
    await visit.open(f"{base_url}/jobs/{job.id}")
    await visit.page.get_by_label("API token").fill(user.token)
    await visit.page.keyboard.press("Enter")
    await visit.page.wait_for_url(f"{base_url}/jobs/{job.id}")
    await visit.page.locator("body[data-ready='0']").wait_for()
    await visit.page.context.clear_cookies(name="shootout_access")  # as if it had expired
    await visit.page.get_by_role("radio", name="Arpeggio").check()
    await visit.page.locator("body[data-ready='1']").wait_for()
    await visit.page.get_by_role("radio", name="Riff in E").check()
    await visit.page.locator("body[data-ready='0']").wait_for()
    await expect(visit.page.get_by_role("alert")).to_be_hidden()
    heard = await _rendered(visit.page, {"tone": 3, "from": 0, "at": 0}, length=40_000)
    np.testing.assert_array_equal(heard[RAMP + 1 :], _aligned(*result, 3)[RAMP + 1 : 40_000])
    assert {url.split("/", 3)[2] for url in visit.requested} == {base_url.split("/", 3)[2]}


async def _until(page: Page, condition: str) -> None:
    """Wait for a condition on the page's deck. Playwright's own way evaluates text, which the policy refuses."""
    pause = "await new Promise(resolve => setTimeout(resolve, 20))"
    loop = f"for (;;) {{ const {{ deck }} = ToneShootout.page; if ({condition}) return; {pause} }}"
    await page.evaluate(f"async () => {{ {loop} }}")


async def _ready(context: BrowserContext, result: Result) -> Page:
    page = await context.new_page()
    await page.goto((result[1] / "index.html").as_uri())
    await page.locator("body[data-ready='0']").wait_for()
    return page
