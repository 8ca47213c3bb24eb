"""The pages in a real browser: from an empty library to a finished shootout, builder, library, settings."""

import pytest
from playwright.async_api import expect
from redis.asyncio import Redis

from tests.browser.conftest import Visit
from tests.integration.conftest import Connect, Person
from tests.support.axe import violations
from tests.support.live import working
from tests.support.uploads import SHOOTOUTS, add, capture, config, di, ir
from tone_shootout.accounts.sign_in_links import SignInLinks
from tone_shootout.kit.settings import Settings


@pytest.fixture
async def home(visit: Visit, base_url: str, user: Person) -> Visit:
    """A browser whose user is signed in."""
    await visit.sign_in(base_url, user)
    return visit


def own_requests_only(visit: Visit, base_url: str) -> bool:
    return all(url.startswith((base_url, "data:", "blob:")) for url in visit.requested)


async def test_a_new_user_gets_from_a_link_to_a_finished_shootout(
    visit: Visit, base_url: str, user: Person, redis: Redis, settings: Settings
) -> None:
    page = visit.page
    await visit.open(f"{base_url}/sign-in?code={await SignInLinks(redis).create(user.id)}")
    # The browser gives the focus to `autofocus` some time after the page has loaded.
    await expect(page.get_by_role("button", name="Sign in as ada")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{base_url}/")
    assert "code" not in page.url
    await page.get_by_role("button", name="Load the demo").press("Enter")
    await page.wait_for_url(f"{base_url}/jobs/*")
    await expect(page.locator("#status")).to_have_text("Waiting")
    with working(settings):
        await expect(page.locator("#status")).to_have_text("Running")
        first = page.locator("#sounds audio").first
        await first.wait_for()
        await first.evaluate(
            "audio => new Promise((done, failed) => { audio.oncanplay = done; audio.onerror = failed; audio.load() })"
        )
        await page.locator("body[data-ready='0']").wait_for(timeout=120_000)  # the listening page
    await visit.open(base_url)
    await page.get_by_role("link", name="Listen").wait_for()
    assert own_requests_only(visit, base_url)


async def test_a_waiting_job_is_cancelled_and_tried_again(home: Visit, base_url: str, user: Person) -> None:
    body = {"config": await config(user.client), "submit": True}
    job = (await user.client.post(SHOOTOUTS, json=body)).json()["job"]
    page = home.page
    await home.open(base_url)
    await page.get_by_role("link", name="Two crunches").first.click()
    await page.wait_for_url(f"{base_url}/jobs/{job['id']}")
    await page.get_by_role("button", name="Cancel").press("Enter")
    await expect(page.locator("#status")).to_have_text("Cancelled")
    await page.get_by_role("button", name="Try again").press("Enter")
    await expect(page.locator("#status")).to_have_text("Waiting")
    assert await violations(page) == []


async def test_files_are_recognized_corrected_renamed_and_deleted(home: Visit, base_url: str, user: Person) -> None:
    files = {"riff.wav": di(), "amp.nam": capture(), "v30.wav": ir(), "bad.nam": b"{}"}
    sent = [
        {"name": name, "mimeType": "application/octet-stream", "buffer": content} for name, content in files.items()
    ]
    page = home.page
    await home.open(f"{base_url}/library")
    await page.locator("#files").set_input_files(sent)  # type: ignore[arg-type]  # dictionaries are what it takes
    uploads = page.locator("#uploads > li")
    await expect(uploads.filter(has_text="added")).to_have_count(3)
    await expect(uploads.filter(has_text="bad.nam")).to_contain_text("version")
    await expect(uploads.filter(has_text="bad.nam").get_by_role("button", name="Try again")).to_be_visible()
    await expect(page.get_by_label("Kind of riff.wav")).to_have_value("di_track")
    await expect(page.get_by_label("Kind of v30.wav")).to_have_value("cab_ir")
    await page.get_by_label("Kind of riff.wav").select_option("cab_ir")
    await expect(page.get_by_text("“riff.wav” is a Cab IR now.")).to_be_visible()
    listed = (await user.client.get("/api/v1/library")).json()["items"]
    assert sorted((item["name"], item["kind"]) for item in listed) == [
        ("amp", "capture"),
        ("riff", "cab_ir"),
        ("v30", "cab_ir"),
    ]
    row = page.locator("tr[data-item]").filter(has_text="amp.nam")
    await row.locator("summary").press("F2")
    await row.get_by_label("Name").fill("Plexi <b>")
    await row.get_by_label("Notes").fill("Bright")
    await row.get_by_label("Tags").fill("crunch, Live")
    await row.get_by_label("Name").press("Enter")
    await expect(row.locator("summary")).to_have_text("Plexi <b>")
    await expect(row.get_by_role("button", name="Edit")).to_be_focused()
    await expect(row).to_contain_text("crunch, live")
    changed = (await user.client.get("/api/v1/library", params={"kind": "capture"})).json()["items"][0]
    assert (changed["name"], changed["notes"], changed["tags"]) == ("Plexi <b>", "Bright", ["crunch", "live"])
    assert changed["facts"].get("catalog_gear") is None
    cabinet = page.locator("tr[data-item]").filter(has_text="v30.wav")
    await cabinet.locator("summary").press("F2")
    await cabinet.get_by_label("Kind").select_option("di_track")
    await cabinet.get_by_role("button", name="Cancel").press("Enter")
    await expect(cabinet.get_by_role("button", name="Edit")).to_be_focused()
    await cabinet.get_by_role("button", name="Edit").press("Enter")
    await expect(cabinet.get_by_label("Kind")).to_have_value("cab_ir")
    await cabinet.get_by_label("Kind").select_option("di_track")
    await cabinet.get_by_role("button", name="Save").press("Enter")
    await expect(cabinet.locator("[data-label=Kind]")).to_have_text("DI track")
    assert await violations(page) == []
    page.on("dialog", lambda dialog: dialog.accept())
    await row.get_by_role("button", name="Delete").press("Enter")
    await expect(row).to_have_count(0)
    assert (await user.client.get("/api/v1/library")).json()["total"] == 2
    assert own_requests_only(home, base_url)


DROP = """(zone, files) => {
  const dataTransfer = new DataTransfer()
  for (const [name, bytes] of files) dataTransfer.items.add(new File([new Uint8Array(bytes)], name))
  zone.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }))
}"""


async def test_many_files_are_dropped_at_once_and_played(home: Visit, base_url: str, user: Person) -> None:
    page = home.page
    await home.open(f"{base_url}/library")
    await expect(page.get_by_role("button", name="Load the demo")).to_be_visible()
    files = [[f"take {take}.wav", list(di(0.2, seed=take))] for take in range(1, 7)]
    await page.locator("#drop").evaluate(DROP, files)
    await expect(page.locator("#uploads > li").filter(has_text="added")).to_have_count(6)
    rows = page.locator("tr[data-item]")
    await expect(rows).to_have_count(6)
    first = rows.filter(has_text="take 1.wav")
    await first.locator("summary").press("p")
    await expect(first.get_by_text("48,000 Hz")).to_be_visible()
    await first.locator("audio").evaluate("audio => new Promise(done => { audio.onended = done })")
    await expect(page.locator("caption")).to_contain_text("6 files")


async def test_a_capture_of_tone3000_is_found_and_imported(
    visit: Visit, tone3000_service: str, user: Person, connect: Connect
) -> None:
    await connect(user)
    await visit.sign_in(tone3000_service, user)
    page = visit.page
    await visit.open(f"{tone3000_service}/library")
    await page.get_by_role("link", name="Browse captures and cab IRs").press("Enter")
    await page.get_by_label("List").select_option("My favorites")
    await page.get_by_label("Title").fill("bluebird")
    await page.get_by_label("Title").press("Enter")
    await page.wait_for_url("**/library/tones?list=favorited&gear=&q=bluebird")
    assert await violations(page) == []
    await page.get_by_role("link", name="Bluebird 45 Lead").press("Enter")
    await page.wait_for_url("**/library/tones/900101")  # with its script, which the button needs
    await page.get_by_role("button", name="Import").first.press("Enter")
    await expect(page.get_by_text("is in the library.")).to_be_visible()
    found = page.get_by_role("link", name="In the library")
    await expect(found).to_be_focused()
    assert await violations(page) == []
    await found.press("Enter")
    row = page.locator("tr[data-item]")
    await row.locator("summary").press("Enter")
    await expect(row).to_contain_text("Valve Shed")
    assert own_requests_only(visit, tone3000_service)


async def test_a_shootout_is_built_by_keyboard_with_errors_at_their_blocks(
    home: Visit, base_url: str, user: Person
) -> None:
    await add(user.client, "di_track", di(), name="Riff")
    for name, gain in (("Plexi", 0.2), ("Combo", 0.3)):
        await add(user.client, "capture", capture(gain), name=name)
    await add(user.client, "cab_ir", ir(), name="V30")
    page = home.page
    await home.open(f"{base_url}/shootouts/new")
    await page.get_by_label("Title").fill("By keyboard")
    for name in ("Plexi", "Combo", "V30"):
        await page.get_by_role("checkbox", name=name).press("Space")
    await expect(page.locator("#cost")).to_contain_text("2 results")
    await page.get_by_role("button", name="Add a chain").press("Enter")
    await expect(page.locator("#cost")).to_contain_text("3 results")
    blocks = page.locator('[data-list="/chains/0/blocks"]')
    await expect(blocks.locator("strong")).to_have_text(["Capture", "Cab IR"])
    await blocks.nth(1).focus()
    await page.keyboard.press("Delete")
    fault = page.locator(".fault")
    await expect(fault).to_contain_text("cab")
    assert await fault.evaluate("each => Boolean(each.closest('[data-pointer^=\"/chains/0\"]'))")
    await expect(page.get_by_role("button", name="Render")).to_be_disabled()
    await page.get_by_role("button", name="Undo").press("Enter")
    await expect(fault).to_have_count(0)
    await blocks.nth(1).focus()
    await page.keyboard.press("Alt+ArrowUp")
    await expect(blocks.locator("strong")).to_have_text(["Cab IR", "Capture"])
    await expect(fault.first).to_be_visible()
    await expect(blocks.nth(0)).to_be_focused()
    await page.keyboard.press("Alt+ArrowDown")
    await expect(fault).to_have_count(0)
    await blocks.nth(0).locator(".handle").drag_to(blocks.nth(1).locator(".handle"))
    await expect(blocks.locator("strong")).to_have_text(["Cab IR", "Capture"])
    await page.get_by_role("button", name="Move Cab IR 1 down").press("Enter")
    await page.get_by_label("Loudness, LUFS").fill("-99")
    await expect(page.get_by_label("Loudness, LUFS")).to_have_attribute("aria-invalid", "true")
    await page.get_by_label("Loudness, LUFS").fill("-18")
    await expect(fault).to_have_count(0)
    assert await violations(page) == []
    await page.get_by_role("button", name="Save").press("Enter")
    await page.get_by_text("Saved.").wait_for()
    shootout_id = page.url.rsplit("/", 1)[1]
    saved = (await user.client.get(f"{SHOOTOUTS}/{shootout_id}")).json()["config"]
    assert (saved["title"], saved["level"]["target_lufs"]) == ("By keyboard", -18)
    assert [block["type"] for block in saved["chains"][0]["blocks"]] == ["capture", "cab_ir"]
    exported = await user.client.get(f"{SHOOTOUTS}/{shootout_id}/spec")
    await home.open(f"{base_url}/shootouts/new")
    spec = {"name": "spec.toml", "mimeType": "application/toml", "buffer": exported.content}
    await page.locator("#import").set_input_files(spec)  # type: ignore[arg-type]  # a dictionary is what it takes
    await expect(page.get_by_label("Title")).to_have_value("By keyboard")
    await expect(page.locator("#cost")).to_contain_text("3 results")
    await page.get_by_role("button", name="Render").press("Enter")
    await page.wait_for_url(f"{base_url}/jobs/*")
    assert own_requests_only(home, base_url)


async def test_tokens_and_webhooks_are_made_and_deleted_in_the_settings(
    home: Visit, base_url: str, user: Person
) -> None:
    page = home.page
    page.on("dialog", lambda dialog: dialog.accept())
    await home.open(f"{base_url}/settings")
    await page.get_by_label("Name of a new token").fill("laptop")
    await page.keyboard.press("Enter")
    secret = await page.locator("#token-secret code").inner_text()
    answer = await user.client.get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"})
    assert answer.json()["scope"] == "read"
    await page.get_by_label("Address of a new webhook").fill("https://hooks.example/a")
    await page.keyboard.press("Enter")
    await expect(page.locator("#webhook-secret code")).to_contain_text("whsec_")
    await home.open(f"{base_url}/settings")
    assert await violations(page) == []
    await page.get_by_role("button", name="Revoke laptop").click()
    await expect(page.get_by_role("button", name="Revoke laptop")).to_have_count(0)
    assert (await user.client.get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"})).status_code == 401
    await page.get_by_role("button", name="Sign out", exact=True).click()
    await page.get_by_text("You are signed out.").wait_for()


async def test_another_sign_in_is_ended_and_the_account_exported_and_deleted(
    home: Visit, base_url: str, user: Person
) -> None:
    page = home.page
    page.on("dialog", lambda dialog: dialog.accept())
    other = {"User-Agent": "Phone <b>"}
    await user.client.post("/api/v1/auth/session", json={"token": user.token}, headers=other)
    await home.open(f"{base_url}/settings")
    await page.get_by_role("button", name="Sign out Phone <b>").press("Enter")
    await expect(page.get_by_role("button", name="Sign out Phone <b>")).to_have_count(0)
    assert (await user.client.get("/api/v1/me/sessions")).json()["total"] == 1
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Export everything").press("Enter")
    assert (await (await download.value).path()).stat().st_size > 0
    await page.get_by_text("Delete this account").press("Enter")
    confirmation = page.get_by_label("Your user name, to confirm")
    await confirmation.fill("bob")
    await confirmation.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("This is not your user name.")
    await confirmation.fill("ada")
    await confirmation.press("Enter")
    await page.wait_for_url(f"{base_url}/sign-in")
    assert (await user.client.get("/api/v1/me")).status_code == 401


async def test_a_page_whose_session_ended_leads_to_sign_in_and_back(home: Visit, base_url: str, user: Person) -> None:
    page = home.page
    await home.open(f"{base_url}/library?kind=capture")
    await page.context.clear_cookies()
    await page.evaluate("import('/static/app.js').then(app => { app.api('GET', '/me') })")
    await page.wait_for_url(f"{base_url}/sign-in?next=%2Flibrary%3Fkind%3Dcapture")
    await page.get_by_label("API token").fill(user.token)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{base_url}/library?kind=capture")
