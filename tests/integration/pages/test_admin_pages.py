"""The page of the jobs of all users: what matches is shown, and forms retry or cancel all of it."""

import re

import httpx
import pytest

from tests.integration.conftest import Person
from tests.integration.jobs.conftest import submit
from tests.support.factories import JobFactory, ShootoutFactory
from tests.support.sessions import Sessions
from tone_shootout.jobs.status import JobStatus

PAGE = "/admin/jobs"
HTML = {"Accept": "text/html"}


@pytest.fixture
async def failed(user: Person, session_maker: Sessions) -> str:
    """The id of a job of `user` that failed."""
    async with session_maker.begin() as session:
        shootout = ShootoutFactory.build(owner_id=user.id)
        session.add(shootout)
        await session.flush()
        job = JobFactory.build(
            owner_id=user.id,
            shootout_id=shootout.id,
            status=JobStatus.FAILED,
            error_code="storage_unavailable",
            phase=None,
            title="<b>Riff</b>",
        )
        session.add(job)
    return str(job.id)


async def test_it_is_for_administrators(api: httpx.AsyncClient, user: Person, administrator: Person) -> None:
    led = await api.get(PAGE, headers=HTML)
    assert (led.status_code, led.headers["location"].startswith("/sign-in")) == (303, True)
    for method in ("GET", "POST"):
        assert (await api.request(method, PAGE)).status_code == 401
        assert (await user.client.request(method, PAGE, headers=HTML)).status_code == 403
    assert "/admin/jobs" in (await administrator.client.get("/", headers=HTML)).text
    assert "/admin/jobs" not in (await user.client.get("/", headers=HTML)).text


async def test_what_matches_is_shown_as_text_and_retried_and_cancelled(
    user: Person, administrator: Person, failed: str
) -> None:
    await submit(user.client, title="Waits")
    everything = (await administrator.client.get(PAGE, headers=HTML)).text
    assert "&lt;b&gt;Riff&lt;/b&gt;" in everything
    assert "Waits" in everything
    assert 'method="post" action="/admin/jobs"' not in everything
    chosen = {"code": "storage_unavailable", "owner": "ADA", "since": "", "until": "", "status": ""}
    shown = (await administrator.client.get(PAGE, params=chosen, headers=HTML)).text
    assert (re.findall(r">(Retry \d+|Cancel \d+)<", shown), "Waits" in shown) == (["Retry 1", "Cancel 0"], False)
    sent = await administrator.client.post(PAGE, data={**chosen, "action": "retry"})
    assert sent.status_code == 303
    done = (await administrator.client.get(sent.headers["location"], headers=HTML)).text
    assert "1 job changed, 0 left." in done
    assert (await user.client.get(f"/api/v1/jobs/{failed}")).json()["status"] in ("pending", "queued")
    sent = await administrator.client.post(PAGE, data={"owner": "ada", "action": "cancel"})
    assert sent.headers["location"] == "/admin/jobs?owner=ada&done=2&left=0"


@pytest.mark.parametrize(
    "form",
    [
        {"action": "retry"},
        {"action": "burn", "owner": "root"},
        {"action": "retry", "owner": "nobody"},
        {"action": "retry", "since": "noon"},
        {"action": "retry", "since": "0001-01-01T00:00"},
        {"action": "retry", "code": "A'B"},
        {"action": "retry", "status": "lost"},
    ],
)
async def test_a_form_without_a_valid_filter_changes_nothing(
    administrator: Person, user: Person, failed: str, form: dict[str, str]
) -> None:
    answer = await administrator.client.post(PAGE, data=form, headers=HTML)
    assert (answer.status_code, 'role="alert"' in answer.text) == (422, True)
    assert (await user.client.get(f"/api/v1/jobs/{failed}")).json()["status"] == "failed"
