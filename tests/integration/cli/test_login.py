"""`shootout login` and `logout` against a real service and the stand-in for TONE3000."""

import asyncio
import json
import re
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.conftest import Person
from tests.support.live import serving
from tests.support.receiver import receiving
from tests.support.tone3000 import StandIn
from tone_shootout.cli import main
from tone_shootout.cli._session import CREDENTIALS, save_token
from tone_shootout.kit.settings import Settings

Shootout = Callable[..., Coroutine[Any, Any, Result]]


@pytest.fixture(scope="module")
def service(settings: Settings, tone3000_process: StandIn) -> Generator[str, None, None]:
    with serving(replace(settings, tone3000=tone3000_process.settings())) as url:
        yield url


@pytest.fixture
def shootout(service: str, tone3000: StandIn, clean: None, tmp_path: Path) -> Shootout:
    """Runs `shootout …`."""
    tone3000.set_options(device_interval=1)

    async def run(*arguments: str, **environ: str) -> Result:
        given = {"SHOOTOUT_URL": service, "SHOOTOUT_DATA": str(tmp_path), "SHOOTOUT_TOKEN": "", **environ}
        return await asyncio.to_thread(CliRunner().invoke, main, arguments, env=given)

    return run


async def decided(tone3000: StandIn, **decision: Any) -> None:
    """Approve or deny the last device code as soon as there is one."""
    for _ in range(1_200):
        with suppress(AssertionError):
            return tone3000.decide(**decision)
        await asyncio.sleep(0.05)
    raise AssertionError("no device asked to be let in")


async def test_login_saves_a_token_for_later_commands(
    shootout: Shootout, service: str, tone3000: StandIn, tmp_path: Path
) -> None:
    tone3000.fault("status", "/oauth/token", status=503)  # for a moment, which costs no sign-in
    result, _ = await asyncio.gather(shootout("login"), decided(tone3000, user="valve-shed"))
    assert result.exit_code == 0, result.stderr
    assert re.search(r"enter [A-Z]{4}-[A-Z]{4}", result.stderr)
    assert result.stderr.endswith(f"Signed in as valve-shed at {service}.\n")
    kept = json.loads((tmp_path / CREDENTIALS).read_text())[service]
    assert kept not in result.output
    assert (await shootout("jobs", "list")).exit_code == 0
    async with httpx.AsyncClient(base_url=service, headers={"Authorization": f"Bearer {kept}"}) as client:
        assert (await client.get("/api/v1/me/sessions")).json()["total"] == 0
        (token,) = (await client.get("/api/v1/me/tokens")).json()["items"]
        assert token["name"].startswith("shootout login on ")
        assert (await shootout("logout")).exit_code == 0
        assert (await client.get("/api/v1/me")).status_code == 401
    assert json.loads((tmp_path / CREDENTIALS).read_text()) == {}
    after = await shootout("jobs", "list")
    assert (after.exit_code, after.stderr.count("\n")) == (1, 1)
    assert "shootout login" in after.stderr


async def test_a_login_revokes_the_token_of_the_previous_one(
    shootout: Shootout, service: str, tone3000: StandIn, user: Person, tmp_path: Path
) -> None:
    await asyncio.gather(shootout("login"), decided(tone3000))
    first = json.loads((tmp_path / CREDENTIALS).read_text())[service]
    result, _ = await asyncio.gather(shootout("login"), decided(tone3000, user="valve-shed"))  # somebody else, perhaps
    assert (result.exit_code, "Warning" in result.stderr) == (0, False)
    second = json.loads((tmp_path / CREDENTIALS).read_text())[service]
    async with httpx.AsyncClient(base_url=service) as client:
        statuses = [
            (await client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})).status_code
            for token in (first, second, user.token)
        ]
    assert statuses == [401, 200, 200]
    (tmp_path / CREDENTIALS).write_text(json.dumps({service: "tst_no-longer-valid"}))
    result, _ = await asyncio.gather(shootout("login"), decided(tone3000, user="valve-shed"))
    assert (result.exit_code, "Warning" in result.stderr) == (0, False)


async def test_a_new_token_that_can_not_be_saved_is_revoked(
    shootout: Shootout, tone3000: StandIn, tmp_path: Path, engine: AsyncEngine
) -> None:
    (tmp_path / CREDENTIALS).mkdir()
    result, _ = await asyncio.gather(shootout("login"), decided(tone3000))
    assert (result.exit_code, result.stderr.splitlines()[-1].startswith("Error: ")) == (1, True)
    async with engine.connect() as database:
        assert await database.scalar(text("SELECT count(*) FILTER (WHERE revoked_at IS NULL) FROM api_token")) == 0
        assert await database.scalar(text("SELECT count(*) FROM api_token")) == 1


async def test_logout_accepts_a_token_that_is_no_longer_valid(
    shootout: Shootout, service: str, user: Person, tmp_path: Path
) -> None:
    save_token(tmp_path, service, user.token)
    assert (await shootout("logout", "--token", "tst_of-somebody-else")).exit_code == 0
    assert user.token in (tmp_path / CREDENTIALS).read_text()
    await user.client.delete("/api/v1/me")
    assert (await shootout("logout")).exit_code == 0
    assert json.loads((tmp_path / CREDENTIALS).read_text()) == {}


async def test_another_service_is_reported_in_one_line(shootout: Shootout) -> None:
    with receiving() as somebody:
        somebody.status, somebody.body = 200, b"<!doctype html><title>Router"
        result = await shootout("login", "--url", somebody.url)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "is not a Tone Shootout service" in result.stderr


async def test_a_local_user_can_connect_tone3000(
    shootout: Shootout, user: Person, tone3000: StandIn, tmp_path: Path
) -> None:
    result, _ = await asyncio.gather(shootout("login", "--link", "--token", user.token), decided(tone3000))
    assert result.exit_code == 0, result.stderr
    assert "Connected as ada" in result.stderr
    assert (await user.client.get("/api/v1/me")).json()["tone3000"]["username"] == "lab_rat"
    assert not (tmp_path / CREDENTIALS).exists()


async def test_a_denied_sign_in_is_reported_in_one_line(shootout: Shootout, tone3000: StandIn, tmp_path: Path) -> None:
    result, _ = await asyncio.gather(shootout("login"), decided(tone3000, allow=False))
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (1, "Error: TONE3000 denied the sign-in. Try again.")
    assert not (tmp_path / CREDENTIALS).exists()


async def test_a_service_without_tone3000_is_reported(shootout: Shootout, base_url: str) -> None:
    result = await shootout("login", "--url", base_url)
    assert result.exit_code == 1
    assert "TONE3000 is not configured." in result.stderr
