"""Logs tell what happened, and never what was said."""

import json
from dataclasses import replace

import httpx
import pytest

from tests.integration.conftest import Person
from tests.support.live import web_process
from tone_shootout.kit.settings import LogSettings, Settings

PLANTED = "planted-secret-0f9a"


@pytest.mark.parametrize("form", ["json", "console"])
async def test_no_token_cookie_query_or_body_is_logged(settings: Settings, user: Person, form: str) -> None:
    reported = replace(settings, log=LogSettings(level="DEBUG", format="json" if form == "json" else "console"))
    with web_process(reported) as web:
        async with httpx.AsyncClient(base_url=web.url, timeout=30) as client:
            signed = {"Authorization": f"Bearer {user.token}"}
            await client.get("/api/v1/me", headers={"Authorization": f"Bearer {PLANTED}"})
            await client.get("/api/v1/me", headers={"Cookie": f"shootout_access={PLANTED}"})
            await client.get(f"/api/v1/library?q={PLANTED}", headers=signed)
            await client.post("/api/v1/me/tokens", headers=signed, json={"name": PLANTED, "colour": PLANTED})
            await client.post("/api/v1/auth/session", json={"token": user.token})
    stated = "".join(web.log)
    assert PLANTED not in stated
    assert user.token not in stated
    assert settings.security.secret not in stated
    lines = [line for line in stated.splitlines() if "request" in line]
    assert len(lines) >= 5
    if form == "json":
        first = json.loads(lines[0])
        assert {"event", "level", "timestamp", "method", "path", "status", "ms", "request_id"} <= set(first)
