"""Logs tell what happened, and never what was said."""

import json
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest

from tests.integration.conftest import Person
from tests.support.live import environ_of
from tone_shootout.kit.settings import LogSettings, Settings

PLANTED = "planted-secret-0f9a"


@contextmanager
def _web(settings: Settings) -> Generator[tuple[str, subprocess.Popen[str]], None, None]:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "tone_shootout", "web", "--port", str(port)]
    with subprocess.Popen(command, env=environ_of(settings), stderr=subprocess.PIPE, text=True) as process:
        try:
            yield f"http://127.0.0.1:{port}", process
        finally:
            process.kill()


@pytest.mark.parametrize("form", ["json", "console"])
async def test_no_token_cookie_query_or_body_is_logged(settings: Settings, user: Person, form: str) -> None:
    told = replace(settings, log=LogSettings(level="DEBUG", format="json" if form == "json" else "console"))
    with _web(told) as (url, process):
        assert process.stderr is not None
        head = ""
        while "Uvicorn running" not in head:
            head += process.stderr.readline()
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            signed = {"Authorization": f"Bearer {user.token}"}
            await client.get("/api/v1/me", headers={"Authorization": f"Bearer {PLANTED}"})
            await client.get("/api/v1/me", headers={"Cookie": f"shootout_access={PLANTED}"})
            await client.get(f"/api/v1/library?q={PLANTED}", headers=signed)
            await client.post("/api/v1/me/tokens", headers=signed, json={"name": PLANTED, "colour": PLANTED})
            await client.post("/api/v1/auth/session", json={"token": user.token})
        process.send_signal(signal.SIGTERM)
        said = head + process.stderr.read()
    assert PLANTED not in said
    assert user.token not in said
    assert settings.security.secret not in said
    lines = [line for line in said.splitlines() if "request" in line]
    assert len(lines) >= 5
    if form == "json":
        first = json.loads(lines[0])
        assert {"event", "level", "timestamp", "method", "path", "status", "ms"} <= set(first)
