import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx
import pytest
from click.testing import CliRunner, Result
from redis.asyncio import Redis

from tests.integration.accounts.conftest import Sql, whoami
from tests.integration.conftest import Person
from tests.integration.jobs.conftest import submit
from tests.support.uploads import add, di
from tone_shootout.cli.user import command
from tone_shootout.embedded.servers import Servers
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage

Shootout = Callable[..., Awaitable[Result]]


@pytest.fixture
def shootout_user(settings: Settings) -> Shootout:
    """Runs `shootout user …` on the database of the tests."""

    async def run(*arguments: str, url: str = settings.database.url, **more: Any) -> Result:
        environ = {
            "SHOOTOUT_DATABASE_URL": url,
            "SHOOTOUT_REDIS_URL": settings.redis.url,
            "SHOOTOUT_DATA": str(settings.data),
        }
        return await asyncio.to_thread(CliRunner().invoke, command, arguments, env=environ, **more)

    return run


async def test_only_a_valid_token_is_printed(api: httpx.AsyncClient, shootout_user: Shootout, sql: Sql) -> None:
    first, second = await shootout_user("token", "ada"), await shootout_user("token", "ADA")
    for result in (first, second):
        assert result.exit_code == 0
        assert await whoami(api, {"Authorization": f"Bearer {result.stdout.rstrip()}"}) == 200
    assert "Created the user ada." in first.stderr
    assert "Created the user" not in second.stderr
    assert await sql("SELECT name, role FROM user_account") == [("ada", "user")]


async def test_options_set_scope_expiry_and_role(api: httpx.AsyncClient, shootout_user: Shootout, sql: Sql) -> None:
    made = await shootout_user("token", "root", "--scope", "read", "--days", "7", "--administrator")
    me = (await api.get("/api/v1/me", headers={"Authorization": f"Bearer {made.stdout.rstrip()}"})).json()
    assert (me["role"], me["scope"]) == ("administrator", "read")
    assert await sql("SELECT round(extract(epoch FROM expires_at - created_at) / 86400)::int FROM api_token") == [(7,)]


async def test_a_link_signs_a_new_user_or_the_administrator_in(
    api: httpx.AsyncClient, administrator: Person, shootout_user: Shootout, redis: Redis
) -> None:
    for arguments, name in ((("bob",), "bob"), ((), "root")):
        result = await shootout_user("link", *arguments)
        assert f"signs {name} in" in result.stderr
        address, _, code = result.stdout.strip().partition("/sign-in?code=")
        assert address == "http://127.0.0.1:8000"
        signed_in = await api.post("/sign-in", data={"code": code}, headers={"Sec-Fetch-Site": "same-origin"})
        assert signed_in.status_code == 303
        assert (await api.get("/api/v1/me")).json()["name"] == name


async def test_a_link_of_an_installation_without_an_administrator_creates_one(
    clean: None, shootout_user: Shootout, sql: Sql
) -> None:
    assert "Created the user admin." in (await shootout_user("link")).stderr
    assert await sql("SELECT name, role FROM user_account") == [("admin", "administrator")]


async def test_a_user_is_shown_exported_and_deleted(
    user: Person, other_user: Person, shootout_user: Shootout, settings: Settings, sql: Sql, tmp_path: Path
) -> None:
    item = await add(user.client, "di_track", di())
    job = await submit(user.client)
    shown = await shootout_user("show", "ADA")
    assert shown.exit_code == 0
    facts = dict(line.split(maxsplit=1) for line in shown.stdout.splitlines() if not line.startswith(("API", "TONE")))
    assert (facts["name"], facts["id"], facts["role"], facts["state"]) == ("ada", str(user.id), "user", "active")
    assert facts["stored"].startswith("3 objects, ")
    assert "TONE3000    not connected" in shown.stdout

    archive = tmp_path / "ada.zip"
    assert (await shootout_user("export", "ada", "--out", str(archive))).exit_code == 0
    assert archive.stat().st_mode & 0o077 == 0
    with ZipFile(archive) as opened:
        assert item.encode() in opened.read("rows/library_item.json")
        assert job["id"].encode() in opened.read("rows/job.json")
        assert len([name for name in opened.namelist() if name.startswith("files/blobs/")]) == 3
    again = await shootout_user("export", "ada", "--out", str(archive))
    assert (again.exit_code, again.stderr.count("\n")) == (1, 1)

    assert (await shootout_user("delete", "ada", input="n\n")).exit_code == 1
    assert (await user.client.get("/api/v1/me")).status_code == 200
    gone = await shootout_user("delete", "ada", "--yes")
    assert (gone.exit_code, gone.stderr) == (0, "ada is deleted.\n")
    assert await sql("SELECT name FROM user_account") == [(other_user.name,)]
    assert await sql("SELECT count(*) FROM job") == [(0,)]
    assert await Storage.from_settings(settings).size(f"users/{user.id}/") == (0, 0)
    unknown = await shootout_user("delete", "ada", "--yes")
    assert (unknown.exit_code, unknown.stderr) == (1, "Error: User not found.\n")


async def test_users_are_listed_disabled_enabled_and_given_roles(
    api: httpx.AsyncClient, shootout_user: Shootout
) -> None:
    headers = {"Authorization": f"Bearer {(await shootout_user('token', 'ada')).stdout.rstrip()}"}
    assert (await shootout_user("disable", "ada")).exit_code == 0
    assert await whoami(api, headers) == 401
    assert (await shootout_user("list")).stdout.split()[:3] == ["ada", "user", "disabled"]
    refused = await shootout_user("token", "ada")
    assert (refused.exit_code, refused.stderr) == (1, "Error: The user ada is disabled.\n")
    assert (await shootout_user("enable", "ada")).exit_code == 0
    assert (await shootout_user("role", "ada", "administrator")).exit_code == 0
    assert (await shootout_user("list")).stdout.split()[:3] == ["ada", "administrator", "active"]
    assert (await api.get("/api/v1/me", headers=headers)).json()["role"] == "administrator"


async def test_disabling_a_user_cancels_only_their_jobs(
    user: Person, other_user: Person, shootout_user: Shootout, sql: Sql
) -> None:
    runs, waits, theirs = [(await submit(person.client))["id"] for person in (user, user, other_user)]
    await sql(f"UPDATE job SET status = 'running', heartbeat_at = now() + interval '1 hour' WHERE id = '{runs}'")
    for _ in range(2):
        assert (await shootout_user("disable", "ada")).exit_code == 0
        found = dict(await sql("SELECT id::text, status FROM job"))
        assert (found[runs], found[waits]) == ("cancelling", "cancelled")
        assert found[theirs] in ("pending", "queued")
    reported = await sql(f"SELECT data->>'status' FROM job_event WHERE job_id = '{runs}' ORDER BY seq DESC LIMIT 1")
    assert reported == [("cancelling",)]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("token", "a b"), "Error: Expected 1 to 64 letters, digits, dots, underscores and hyphens"),
        (("role", "nobody", "user"), "Error: User not found."),
        (("disable", "nobody"), "Error: User not found."),
    ],
    ids=str,
)
async def test_errors_are_one_line(
    clean: None, shootout_user: Shootout, sql: Sql, arguments: tuple[str, ...], line: str
) -> None:
    result = await shootout_user(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(line)
    assert result.stderr.count("\n") == 1
    assert await sql("SELECT count(*) FROM user_account") == [(0,)]


@pytest.mark.parametrize(
    ("url", "line"),
    [
        (
            "mysql://localhost/x",
            "Error: SHOOTOUT_DATABASE_URL: expected postgresql://user:password@host:port/name?sslmode=…, got mysql://…",
        ),
        ("postgresql://a:secret@127.0.0.1:1/x", "Error: [Errno"),
        ("{missing}", 'Error: the database rejects connections: database "missing" does not exist'),
        ("{empty}", "Is its schema up to date? (`shootout db upgrade`)"),
    ],
    ids=lambda text: text[:24],
)
async def test_database_errors_are_one_line(shootout_user: Shootout, servers: Servers, url: str, line: str) -> None:
    if url == "{empty}":
        url = servers.create_database("empty")
    elif url == "{missing}":
        url = servers.database_url.replace("shootout@/shootout", "shootout@/missing")
    result = await shootout_user("token", "ada", url=url)
    assert (result.exit_code, result.stdout) == (1, "")
    assert line in result.stderr
    assert result.stderr.count("\n") == 1
    assert "secret" not in result.stderr


def test_the_data_folder_is_enough_without_a_running_service(tmp_path: Path, clean_environ: dict[str, str]) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "tone_shootout", "user", *arguments, "--data", str(tmp_path / "data")]
        return subprocess.run(line, env=clean_environ, capture_output=True, text=True, timeout=120, check=True)

    token = run("token", "ada").stdout
    assert token.startswith("tst_")
    assert token.count("\n") == 1
    assert run("list").stdout.split()[:3] == ["ada", "user", "active"]
