"""The dashboard in a real browser."""

import os
from datetime import timedelta
from typing import Any, Final, Literal
from uuid import UUID

import pytest
from playwright.async_api import Locator, expect
from sqlalchemy import func, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.browser.conftest import Visit
from tests.integration.conftest import Person
from tests.integration.jobs.conftest import submit
from tests.support.axe import violations
from tests.support.sessions import Sessions
from tone_shootout.jobs.models import Job
from tone_shootout.jobs.repositories import JobRepository
from tone_shootout.jobs.status import JobStatus

SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
SHOTS: Final = os.environ.get("SHOTS")


@pytest.fixture
async def dashboard(visit: Visit, base_url: str, administrator: Person) -> Visit:
    """A browser in which an administrator is signed in."""
    answer = await visit.page.context.request.post(
        f"{base_url}/api/v1/auth/session", data={"token": administrator.token}
    )
    assert answer.ok
    return visit


async def _become(sessions: Sessions, job_id: str, *statuses: JobStatus, **values: Any) -> None:
    async with sessions() as session:
        await session.execute(update(Job).where(Job.id == UUID(job_id)).values(status=JobStatus.QUEUED.value))
        for status in statuses:
            assert await JobRepository(session).transition(
                UUID(job_id), status, heartbeat_at=func.now() + timedelta(hours=1), **values
            )
        await session.commit()


async def _columns(visit: Visit, table: Locator) -> dict[str, str]:
    """What the first row of a table says under each column."""
    names = await table.locator("thead th").all_inner_texts()
    cells = await table.locator("tbody tr").first.locator("td").all_inner_texts()
    return dict(zip(names, cells, strict=True))


async def test_columns_have_headings(dashboard: Visit, base_url: str, user: Person) -> None:
    job = await submit(user.client, title="Queue")  # as a column of SAQ's script is called
    page = dashboard.page
    await dashboard.open(f"{base_url}/saq")
    await page.get_by_role("link", name="shootout", exact=True).click()
    jobs = page.locator("table").nth(2)
    await jobs.wait_for()
    shown = await _columns(dashboard, jobs)
    assert list(shown) == ["Job", "Title", "Owner", "Queued", "Started", "Finished", "Status"]
    assert (shown["Job"], shown["Title"], shown["Owner"]) == (job["id"], "Queue", "ada")
    workers = await page.locator("table").nth(1).locator("thead th").all_inner_texts()
    assert workers == ["Worker", "Wake-ups completed", "Wake-ups repeated", "Wake-ups failed", "Running for (s)"]
    await page.get_by_role("link", name=job["id"]).click()
    await page.get_by_role("heading", name="Job", exact=True).wait_for()
    shown = await _columns(dashboard, page.locator("table"))
    assert list(shown) == ["Title", "Owner", "Queued", "Started", "Finished", "Status", "Progress", "Attempts"]
    assert (shown["Title"], shown["Owner"], shown["Attempts"]) == ("Queue", "ada", "0")
    assert await page.get_by_role("progressbar").get_attribute("value") == "0"
    assert "SAQ" not in await page.inner_text("body")


async def test_only_applicable_buttons_are_shown_and_responses_are_displayed(
    dashboard: Visit, base_url: str, user: Person, session_maker: Sessions
) -> None:
    job = await submit(user.client)
    page = dashboard.page
    retry, abort = page.get_by_role("button", name="Retry"), page.get_by_role("button", name="Abort")
    await dashboard.open(f"{base_url}/saq/queues/shootout/jobs/{job['id']}")
    await abort.wait_for()
    await expect(retry).to_have_count(0)
    await abort.press("Enter")
    await expect(page.get_by_role("status")).to_have_text("The job is being cancelled.")
    await retry.wait_for()
    await expect(abort).to_have_count(0)
    async with session_maker.begin() as session:  # meanwhile it has completed, say
        await session.execute(update(Job).values(status=JobStatus.COMPLETED.value))
    await page.evaluate(f"fetch('/saq/api/queues/shootout/jobs/{job['id']}/retry', {{ method: 'post' }})")
    await expect(page.get_by_role("status")).to_contain_text("completed")
    await expect(retry).to_have_count(0)
    await expect(abort).to_have_count(0)
    async with session_maker.begin() as session:
        await session.execute(update(Job).values(status=JobStatus.CANCELLED.value))
    await retry.click()
    await expect(page.get_by_role("status")).to_have_text("The job will run again.")
    await expect(retry).to_have_count(0)
    assert (await user.client.get(job["links"]["self"])).json()["status"] in ("pending", "queued")


async def test_a_missing_job_shows_an_error_and_the_page_keeps_working(
    dashboard: Visit, base_url: str, user: Person, session_maker: Sessions
) -> None:
    job = await submit(user.client)
    await dashboard.open(f"{base_url}/saq/queues/shootout/jobs/{job['id']}")
    await dashboard.page.get_by_role("button", name="Abort").wait_for()
    async with session_maker.begin() as session:
        await session.execute(text("DELETE FROM job"))
    await expect(dashboard.page.locator("pre")).to_contain_text("Could not find job")
    await dashboard.page.get_by_role("link", name="Tone Shootout").click()
    await dashboard.page.get_by_role("heading", name="Queues").wait_for()


async def test_it_renews_the_session_when_the_access_token_has_expired(
    dashboard: Visit, base_url: str, user: Person
) -> None:
    job = await submit(user.client)
    page = dashboard.page
    await dashboard.open(f"{base_url}/saq/queues/shootout/jobs/{job['id']}")
    await page.get_by_role("button", name="Abort").wait_for()
    await page.context.clear_cookies(name="shootout_access_8000")
    await page.get_by_role("button", name="Abort").click()
    await page.get_by_role("button", name="Retry").wait_for()
    assert page.url.endswith(job["id"])
    assert "shootout_access_8000" in {cookie.get("name") for cookie in await page.context.cookies()}


async def test_an_ended_session_leads_to_sign_in_and_back(
    dashboard: Visit, base_url: str, administrator: Person, engine: AsyncEngine
) -> None:
    page = dashboard.page
    await dashboard.open(f"{base_url}/saq/queues/shootout")
    await page.get_by_role("heading", name="Workers").wait_for()
    async with engine.begin() as database:
        await database.execute(text("UPDATE user_session SET revoked_at = now()"))
    await page.wait_for_url(f"{base_url}/sign-in?next=%2Fsaq%2Fqueues%2Fshootout")
    await page.get_by_label("API token").fill(administrator.token)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{base_url}/saq/queues/shootout")
    await page.get_by_role("heading", name="Workers").wait_for()


async def test_other_users_can_sign_in_as_an_administrator(
    visit: Visit, base_url: str, user: Person, administrator: Person
) -> None:
    await visit.page.context.request.post(f"{base_url}/api/v1/auth/session", data={"token": user.token})
    await visit.open(f"{base_url}/saq")
    await expect(visit.page.get_by_text("You are signed in as ada.")).to_contain_text("administrator")
    await visit.page.get_by_label("API token").fill(administrator.token)
    await visit.page.keyboard.press("Enter")
    await visit.page.get_by_role("heading", name="Queues").wait_for()


async def test_the_page_of_all_jobs_passes_axe_with_notices_and_does_not_scroll_sideways(
    dashboard: Visit, base_url: str, user: Person, administrator: Person
) -> None:
    await submit(user.client, title="W" * 100)
    for severity in ("info", "critical"):
        body = {"text": f"{'x' * 100} and more", "severity": severity}
        await administrator.client.post("/api/v1/admin/announcements", json=body)
    page = dashboard.page
    await page.goto(f"{base_url}/admin/jobs?owner=ada")
    await expect(page.get_by_role("button", name="Cancel 1")).to_be_visible()
    await expect(page.get_by_role("button", name="Retry 0")).to_be_disabled()
    await page.set_viewport_size({"width": 360, "height": 740})
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme)
        assert await violations(page) == [], scheme
        if SHOTS:
            await page.screenshot(path=f"{SHOTS}/admin-jobs-{scheme}.png", full_page=True)
    await page.set_viewport_size({"width": 320, "height": 740})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320
    await page.set_viewport_size({"width": 1280, "height": 800})
    if SHOTS:
        await page.screenshot(path=f"{SHOTS}/admin-jobs-wide.png", full_page=True)
    await page.get_by_role("button", name="Cancel 1").click()
    await expect(page.get_by_role("status").filter(has_text="1 job changed, 0 left.")).to_be_visible()
