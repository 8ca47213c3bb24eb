"""`shootout admin` against a real service: output and exit codes."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from tests.integration.conftest import Person
from tests.integration.jobs.conftest import submit
from tests.support.factories import JobFactory, ShootoutFactory
from tests.support.sessions import Sessions
from tone_shootout.cli import main
from tone_shootout.cli._admin import AmountType, TimeType
from tone_shootout.jobs.status import JobStatus

Admin = Callable[..., Coroutine[Any, Any, Result]]


@pytest.fixture
def admin(base_url: str, administrator: Person, tmp_path: Path) -> Admin:
    """Runs `shootout admin …` as the administrator, unless a token is given."""

    async def run(*arguments: str, token: str = administrator.token) -> Result:
        environ = {"SHOOTOUT_URL": base_url, "SHOOTOUT_TOKEN": token, "SHOOTOUT_DATA": str(tmp_path)}
        return await asyncio.to_thread(CliRunner().invoke, main, ["admin", *arguments], env=environ)

    return run


@pytest.fixture
async def failed(user: Person, session_maker: Sessions) -> list[str]:
    """Ids of jobs of `user` that failed, as text, in their order."""
    async with session_maker.begin() as session:
        shootout = ShootoutFactory.build(owner_id=user.id)
        session.add(shootout)
        await session.flush()
        jobs = [
            JobFactory.build(
                owner_id=user.id,
                shootout_id=shootout.id,
                status=JobStatus.FAILED,
                error_code="storage_unavailable",
                phase=None,
                title="Riff",
            )
            for _ in range(2)
        ]
        session.add_all(jobs)
    return sorted(str(job.id) for job in jobs)


async def test_jobs_of_all_users_are_listed_counted_and_retried(
    user: Person, other_user: Person, admin: Admin, failed: list[str]
) -> None:
    await submit(other_user.client)
    listed = await admin("jobs", "--code", "storage_unavailable", "--owner", "ADA")
    assert listed.exit_code == 0, listed.output
    lines = listed.stdout.splitlines()
    assert sorted(line.split()[0] for line in lines) == failed
    assert all("ada" in line and line.endswith("storage_unavailable") for line in lines)
    counted = await admin("retry", "--code", "storage_unavailable", "--dry-run")
    assert (counted.exit_code, counted.stdout) == (0, "2 jobs match\n")
    retried = await admin("retry", "--code", "storage_unavailable", "--json")
    assert sorted(json.loads(retried.stdout)["done"]) == failed
    cancelled = await admin("cancel", "--owner", "ada")
    assert (cancelled.exit_code, cancelled.stdout) == (0, "2 jobs cancelled, 0 left\n")


async def test_jobs_that_are_left_are_named_and_the_exit_code_is_1(
    user: Person, admin: Admin, failed: list[str]
) -> None:
    shown = await admin("quota", "ada", "--jobs", "1", "--storage", "1.5GB")
    assert "storage_bytes=1500000000, queued_jobs=1" in shown.stdout
    left = await admin("retry", "--owner", "ada")
    assert (left.exit_code, left.stdout) == (1, "1 jobs retried, 1 left\n")
    assert left.stderr.startswith(f"{failed[1]}  too_many_jobs: ")
    reset = await admin("quota", "ada", "--jobs", "default", "--json")
    assert json.loads(reset.stdout)["quota"]["queued_jobs"] is None


async def test_users_and_the_audit_log_are_listed(user: Person, admin: Admin) -> None:
    await user.client.post("/api/v1/me/tokens", json={"name": "laptop"})
    users = await admin("users")
    assert [line.split()[:3] for line in users.stdout.splitlines()] == [
        ["ada", "user", "active"],
        ["root", "administrator", "active"],
    ]
    log = await admin("audit", "--user", "ada", "--action", "token_created", "--limit", "1")
    assert log.exit_code == 0, log.output
    assert "token_created" in log.stdout
    assert '"laptop"' in log.stdout
    assert "more" in log.stderr


async def test_maintenance_and_announcements_are_turned_on_and_off(admin: Admin) -> None:
    assert (await admin("maintenance")).stdout == "off\n"
    on = await admin("maintenance", "on", "--message", "Larger disks.", "--pause-workers")
    assert on.stdout.startswith("on since ")
    assert on.stdout.endswith("workers take nothing new: Larger disks.\n")
    assert (await admin("maintenance", "off")).stdout == "off\n"
    made = (await admin("announce", "Hello", "--severity", "warning")).stdout.strip()
    assert "Hello" in (await admin("announce")).stdout
    gone = await admin("announce", "--delete", made)
    assert (gone.stdout, gone.stderr) == ("", "no announcements\n")


async def test_errors_are_one_line(user: Person, admin: Admin) -> None:
    for arguments, said in [
        (("retry",), "empty_filter"),
        (("jobs", "--owner", "nobody"), "there is no user nobody"),
        (("announce", "--delete", "0197a6c2-5d5e-7b1a-8f3c-2b9d64e0a111"), "announcement"),
    ]:
        refused = await admin(*arguments)
        assert refused.exit_code == 1
        assert refused.stderr.count("\n") == 1
        assert said in refused.stderr or "criterion" in refused.stderr
    refused = await admin("users", token=user.token)
    assert (refused.exit_code, "administrator" in refused.stderr) == (1, True)


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("12", 12), ("20GB", 20 * 10**9), ("1.5 mb", 1_500_000), ("7b", 7), ("default", "default")],
)
def test_sizes_have_units(text: str, size: int | str) -> None:
    assert AmountType(is_size=True).convert(text, None, None) == size


@pytest.mark.parametrize("text", ["-1", "20XB", "many", "1.5"])
def test_a_number_is_a_number(text: str) -> None:
    with pytest.raises(click.BadParameter, match="expected a number"):
        AmountType().convert(text, None, None)


def test_times_are_of_this_machine_or_have_a_zone() -> None:
    assert TimeType().convert("2026-11-29T15:00:00+01:00", None, None) == "2026-11-29T14:00:00Z"
    assert TimeType().convert("14:00", None, None).endswith(":00Z")
    with pytest.raises(click.BadParameter, match="expected 14:00"):
        TimeType().convert("noon", None, None)
