"""`shootout jobs` against a real service: output, exit codes and reconnection."""

import asyncio
import json
import stat
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner, Result
from redis.asyncio import Redis

from tests.integration.conftest import Person
from tests.integration.jobs.conftest import submit
from tests.support.cutting import cutting
from tests.support.hand import Hand
from tests.support.sessions import Sessions
from tone_shootout.cli import main
from tone_shootout.cli._session import CREDENTIALS, delete_token, save_token
from tone_shootout.jobs.status import JobStatus

Shootout = Callable[..., Coroutine[Any, Any, Result]]


@pytest.fixture
def shootout(base_url: str, user: Person, tmp_path: Path) -> Shootout:
    """Runs `shootout jobs …` as the user, unless the environment overrides it."""

    async def run(*arguments: str, **environ: str | None) -> Result:
        given = {"SHOOTOUT_URL": base_url, "SHOOTOUT_TOKEN": user.token, "SHOOTOUT_DATA": str(tmp_path), **environ}
        return await asyncio.to_thread(CliRunner().invoke, main, ["jobs", *arguments], env=given)

    return run


async def test_own_jobs_are_listed_newest_first(user: Person, other_user: Person, shootout: Shootout) -> None:
    await submit(other_user.client, title="Not yours")
    jobs = [await submit(user.client, title=f"Number {number}") for number in range(3)]
    listed = await shootout("list")
    assert listed.exit_code == 0, listed.output
    assert [line.split()[0] for line in listed.stdout.splitlines()] == [job["id"] for job in jobs[::-1]]
    assert "Number 2" in listed.stdout.splitlines()[0]
    short = await shootout("list", "--limit", "1")
    assert len(short.stdout.splitlines()) == 1
    assert "2 more" in short.stderr
    page = json.loads((await shootout("list", "--json", "--status", "failed")).stdout)
    assert (page["items"], page["total"]) == ([], 0)


async def test_a_failed_job_is_shown_with_its_error(
    user: Person, shootout: Shootout, session_maker: Sessions, redis: Redis
) -> None:
    job = await submit(user.client)
    hand = Hand(session_maker, redis, job["id"])
    await hand.become(JobStatus.RUNNING)
    await hand.become(JobStatus.FAILED, error_code="silent", error_detail="Nothing to hear.")
    for name in (job["id"], "latest"):
        shown = await shootout("show", name)
        assert shown.exit_code == 0, shown.output
        assert shown.stdout.splitlines()[0].split()[:2] == [job["id"], "failed"]
        assert "silent: Nothing to hear." in shown.stdout
    as_json = json.loads((await shootout("show", "latest", "--json")).stdout)
    assert as_json == {**(await user.client.get(job["links"]["self"])).json(), "artifacts": []}


async def test_a_job_can_be_cancelled_and_retried(user: Person, shootout: Shootout) -> None:
    job = await submit(user.client)
    cancelled = await shootout("cancel", "latest", "--watch")
    assert cancelled.exit_code == 0, cancelled.output
    assert cancelled.stdout.splitlines()[-1] == "cancelled"
    retried = json.loads((await shootout("retry", job["id"], "--json")).stdout)
    assert (retried["id"], retried["status"]) == (job["id"], "pending")
    refused = await shootout("retry", job["id"])
    assert refused.exit_code == 1
    assert "Only a failed or cancelled job can be retried" in refused.stderr


@pytest.mark.parametrize(
    ("status", "code", "stated"),
    [(JobStatus.COMPLETED, 0, "completed"), (JobStatus.FAILED, 1, "failed: Nothing to hear.")],
)
async def test_watch_ends_with_the_job_and_its_exit_code_is_the_outcome(
    user: Person, shootout: Shootout, session_maker: Sessions, redis: Redis, status: JobStatus, code: int, stated: str
) -> None:
    job = await submit(user.client)
    hand = Hand(session_maker, redis, job["id"])
    await hand.become(JobStatus.RUNNING)
    following = asyncio.create_task(shootout("watch", job["id"]))
    await asyncio.sleep(0.2)
    await hand.record(55.0)
    values = {"error_code": "silent", "error_detail": "Nothing to hear."} if status is JobStatus.FAILED else {}
    await hand.become(status, **values)
    followed = await following
    assert followed.exit_code == code
    assert followed.stdout.splitlines()[-1] == stated
    after = await shootout("watch", job["id"])
    assert (after.exit_code, after.stdout.splitlines()[-1]) == (code, stated)
    quiet = await shootout("watch", job["id"], "--quiet")
    assert (quiet.exit_code, quiet.stdout, quiet.stderr) == (code, "", f"{stated}\n" if code else "")


async def test_a_lost_connection_neither_loses_nor_repeats_events(
    base_url: str, user: Person, shootout: Shootout, session_maker: Sessions, redis: Redis
) -> None:
    job = await submit(user.client)
    hand = Hand(session_maker, redis, job["id"])
    await hand.become(JobStatus.RUNNING)
    async with cutting(base_url, 3, 0.3) as (address, made):
        following = asyncio.create_task(shootout("watch", job["id"], "--json", SHOOTOUT_URL=address))
        while len(made) <= 3:
            await hand.record(float(len(made)))
            await asyncio.sleep(0.02)
        await hand.become(JobStatus.COMPLETED)
        followed = await following
    assert followed.exit_code == 0, followed.output
    events = [json.loads(line) for line in followed.stdout.splitlines()]
    assert events[0]["type"] == "snapshot"
    seen = [event["seq"] for event in events[1:]]
    assert seen == list(range(events[0]["seq"] + 1, (await hand.all_events())[-1] + 1))
    assert events[-1]["type"] == "done"


@pytest.mark.parametrize(
    ("arguments", "environ", "expected"),
    [
        (("list",), {"SHOOTOUT_URL": None}, "no service runs on"),
        (("list",), {"SHOOTOUT_TOKEN": None}, "shootout user token"),
        (("list",), {"SHOOTOUT_TOKEN": "tst_wrong"}, "Credentials are invalid or have expired"),
        (("list",), {"SHOOTOUT_URL": "http://127.0.0.1:1"}, "can't be reached"),
        (("list",), {"SHOOTOUT_URL": "nowhere"}, "can't be reached"),
        (("show", "riff"), {}, "riff is not a job id"),
        (("show", "latest"), {}, "you have no jobs"),
        (("show", str(UUID(int=1))), {}, "You have no job"),
        (("watch", str(UUID(int=1))), {}, "You have no job"),
        (("watch", str(UUID(int=1))), {"SHOOTOUT_TOKEN": "tst_wrong"}, "Sign in first"),
        (("cancel", str(UUID(int=1))), {}, "You have no job"),
    ],
)
async def test_errors_are_reported_in_one_line(
    shootout: Shootout, arguments: tuple[str, ...], environ: dict[str, str | None], expected: str
) -> None:
    failed = await shootout(*arguments, **environ)
    assert failed.exit_code == 1
    assert failed.stdout == ""
    (line,) = failed.stderr.splitlines()
    assert line.startswith("Error: ")
    assert expected in line


async def test_the_job_of_another_user_is_not_found(other_user: Person, shootout: Shootout) -> None:
    job = await submit(other_user.client)
    for action in ("show", "watch", "cancel", "retry"):
        assert "You have no job" in (await shootout(action, job["id"])).stderr


async def test_the_service_and_token_of_a_data_folder_are_found(
    base_url: str, user: Person, other_user: Person, shootout: Shootout, tmp_path: Path
) -> None:
    job = await submit(user.client)
    (tmp_path / "address").write_text(f"{base_url}\n")
    save_token(tmp_path, "https://elsewhere.example", "tst_other")
    save_token(tmp_path, base_url, user.token)
    assert stat.S_IMODE((tmp_path / CREDENTIALS).stat().st_mode) == 0o600
    listed = await shootout("list", SHOOTOUT_URL=None, SHOOTOUT_TOKEN=None)
    assert listed.stdout.split()[0] == job["id"]
    foreign = await shootout("list", "--token", other_user.token)
    assert foreign.stdout == ""
    delete_token(tmp_path, base_url, user.token)
    assert (await shootout("list", SHOOTOUT_TOKEN=None)).exit_code == 1
    assert "tst_other" in (tmp_path / CREDENTIALS).read_text()


def test_help_needs_none_of_the_slow_libraries() -> None:
    slow = {"httpx", "websockets", "litestar", "sqlalchemy", "numpy", "rich"}
    code = f"import sys, tone_shootout.cli.jobs; print(sorted({slow} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
