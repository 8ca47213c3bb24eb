"""Litestar's own commands on this application, against real servers: `LITESTAR_APP=tone_shootout.app:create_app`."""

import asyncio
import json
import re
import shutil
import signal
import socket
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest

from tests.integration.conftest import Person
from tests.integration.jobs.conftest import submit
from tests.support.forking import start_program
from tests.support.litestar_commands import APP, Ended, run_litestar
from tests.support.live import environ_of
from tone_shootout import migrations
from tone_shootout.embedded.servers import Servers
from tone_shootout.kit.settings import DatabaseSettings, Settings

MIGRATIONS = Path(migrations.__file__).parent


@contextmanager
def running(settings: Settings, *arguments: str, folder: Path) -> Generator[Path, None, None]:
    """Run a command, and end it with SIGTERM; yield its log."""
    log = folder / "log"
    with log.open("wb") as output:
        process = start_program(
            "litestar",
            *arguments,
            environ={**environ_of(settings), **APP},
            folder=folder,
            stdout=output,
            stderr=output,
        )
        try:
            yield log
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) in (0, -signal.SIGTERM), log.read_text()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


@pytest.mark.slow
def test_database_commands_migrate_write_revisions_and_compare(
    settings: Settings, servers: Servers, tmp_path: Path
) -> None:
    url = servers.create_database(f"litestar_{uuid4().hex}")
    environ = environ_of(replace(settings, database=DatabaseSettings(url=url)))
    # A copy: a new revision in our own folder would be the newest for every test that runs meanwhile.
    copy = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, copy, ignore=shutil.ignore_patterns("__pycache__"))

    def run(*arguments: str, code: int = 0) -> Ended:
        ended = run_litestar("database", *arguments, environ=environ, folder=tmp_path, migrations=copy)
        assert ended.code == code, (arguments, ended)
        return ended

    def revisions() -> set[str]:
        return {path.name for path in (copy / "versions").glob("*.py")}

    known = revisions()
    run("upgrade", "--no-prompt")
    assert f"{migrations.head_revision()} (head)" in run("show-current-revision").stdout
    run("check")
    run("make-migrations", "--no-prompt", "-m", "add nothing")
    assert revisions() == known, "no revision without a difference"

    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT to_regclass('saq.saq_jobs')").fetchone() != (None,)
        connection.execute("ALTER TABLE job DROP COLUMN title")
    assert "title" in run("check", code=1).stderr
    run("make-migrations", "--no-prompt", "-m", "restore the title")
    (added,) = revisions() - known
    assert added.endswith("_restore_the_title.py")
    run("upgrade", "--no-prompt")
    run("check")

    run("downgrade", "--no-prompt", "base")
    with psycopg.connect(url) as connection:
        left = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert left == [("schema_version",)]


def test_schema_and_routes_need_no_server(settings: Settings, base_url: str, tmp_path: Path) -> None:
    environ = environ_of(settings)
    schema = run_litestar("schema", "openapi", "--output", "schema.json", environ=environ, folder=tmp_path)
    assert schema.code == 0, schema
    paths = json.loads((tmp_path / "schema.json").read_text())["paths"]
    assert paths == httpx.get(f"{base_url}/openapi.json").json()["paths"]
    routes = run_litestar("routes", environ=environ, folder=tmp_path)
    assert routes.code == 0, routes
    assert "/api/v1/shootouts" in routes.stdout


@pytest.mark.parametrize(
    ("variable", "arguments"),
    [
        ("SHOOTOUT_DATABASE_URL", ("database", "upgrade", "--no-prompt")),
        ("SHOOTOUT_REDIS_URL", ("workers", "run")),
        ("SHOOTOUT_SECURITY_SECRET", ("run",)),
    ],
)
def test_a_missing_setting_is_one_line(
    settings: Settings, tmp_path: Path, variable: str, arguments: tuple[str, ...]
) -> None:
    ended = run_litestar(*arguments, environ={**environ_of(settings), variable: ""}, folder=tmp_path)
    assert ended.code == 1, ended
    assert re.fullmatch(rf"Error: {variable}: [^\n]*\n", ended.stderr), ended


def test_run_serves_the_application(settings: Settings, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
    with running(settings, "run", "--host", "127.0.0.1", "--port", port, folder=tmp_path) as log:
        deadline = time.monotonic() + 60
        while True:
            try:
                response = httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=30)
                break
            except httpx.TransportError:
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
        assert (response.status_code, response.json()["status"]) == (200, "ok")


@pytest.mark.slow
async def test_workers_run_does_jobs_and_stops_in_order(user: Person, settings: Settings, tmp_path: Path) -> None:
    job = await submit(user.client)
    with running(settings, "workers", "run", folder=tmp_path) as log:
        status = job["status"]
        deadline = time.monotonic() + 90
        while status not in ("completed", "failed"):
            assert time.monotonic() < deadline, log.read_text()
            await asyncio.sleep(0.1)
            status = (await user.client.get(job["links"]["self"])).json()["status"]
        assert status == "completed"
    assert "worker_ready" in log.read_text()
    assert "Traceback" not in log.read_text()
