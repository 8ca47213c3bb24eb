"""Secrets appear in no log, response, document, table, Redis key or result."""

import io
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql
from redis.asyncio import Redis
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.integration.conftest import Person
from tests.support.live import web_process, working
from tests.support.live_clients import address, rest
from tests.support.security import connect_tone3000
from tests.support.sessions import Sessions
from tests.support.tone3000 import StandIn
from tests.support.uploads import SHOOTOUTS, config
from tone_shootout.kit.settings import LogSettings, Settings

pytestmark = pytest.mark.slow

Answers = list[httpx.Response]


@asynccontextmanager
async def _client(url: str, answers: Answers, **headers: str) -> AsyncGenerator[httpx.AsyncClient, None]:
    """Yield a client that appends all responses to `answers`."""

    async def record(answer: httpx.Response) -> None:
        await answer.aread()
        answers.append(answer)

    hooks = {"response": [record]}
    async with httpx.AsyncClient(base_url=url, timeout=60, headers=headers, event_hooks=hooks) as client:
        yield client


async def _misuse(url: str, answers: Answers, secret: str) -> None:
    """Send a secret in every place where a careless client might put it."""
    async with _client(url, answers) as client:
        for header in (f"Bearer {secret}x", f"Basic {secret}", secret):
            await client.get("/api/v1/me", headers={"Authorization": header})
        await client.get("/api/v1/me", headers={"Cookie": f"shootout_access={secret}; shootout_refresh={secret}"})
        await client.get(
            f"/api/v1/library?token={secret}&offset={secret}", headers={"Authorization": f"Bearer {secret}"}
        )
        await client.get("/api/v1/auth/callback", params={"code": secret, "state": secret})
        await client.post("/api/v1/auth/session", json={"token": secret, "more": secret})
        await client.post("/api/v1/auth/session", content=f'{{"token": "{secret}'.encode())
        await client.post("/api/v1/auth/refresh", json={"refresh_token": f"{secret}x"})
        await client.post("/api/v1/auth/device/poll", json={"device_code": secret})
        await client.post("/api/v1/me/tokens", json={"name": "x", "scope": secret})


def _dump(url: str) -> str:
    """Return all tables in PostgreSQL's text format."""
    found = io.BytesIO()
    with psycopg.connect(url) as connection:
        names = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for name in names:
            with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(*name))) as rows:
                for row in rows:
                    found.write(row)
    return found.getvalue().decode()


async def _broker(redis: Redis) -> str:
    """Return all keys and values of Redis."""
    found: list[str] = []
    async for key in redis.scan_iter():
        kind = await redis.type(key)
        value = await redis.get(key) if kind == b"string" else await redis.dump(key)
        found += [repr(key), repr(value)]
    return "\n".join(found)


async def test_secrets_appear_nowhere(
    connected: Settings,
    user: Person,
    session_maker: Sessions,
    tone3000: StandIn,
    redis: Redis,
    tmp_path: Path,
) -> None:
    settings = replace(connected, log=LogSettings(level="DEBUG", format="json"))
    pair = await connect_tone3000(user, session_maker, settings, tone3000, redis)
    answers: Answers = []
    secrets: dict[str, str] = {
        "API token": user.token,
        "access token of TONE3000": pair.access_token,
        "refresh token of TONE3000": pair.refresh_token,
        "signing secret": settings.security.secret,
        "encryption key": settings.security.encryption_keys[0],
    }
    given = []
    with (tmp_path / "worker.log").open("w") as file, web_process(settings) as web, working(settings, file):
        async with httpx.AsyncClient(base_url=web.url, timeout=60) as signing_in:
            session = (await signing_in.post("/api/v1/auth/session", json={"token": user.token})).json()
        secrets |= {"access token": session["access_token"], "refresh token": session["refresh_token"]}
        signed_in = {"Authorization": f"Bearer {session['access_token']}"}
        async with httpx.AsyncClient(base_url=web.url, timeout=60, headers=signed_in) as client:
            given.append((await client.post("/api/v1/webhooks", json={"url": "https://hooks.example/"})).json())
            secrets["secret of a webhook"] = given[0]["secret"]
            made = await client.post(SHOOTOUTS, json={"config": await config(client), "submit": True})
            job = made.json()["job"]["id"]
            ticket = (await client.post(f"/api/v1/jobs/{job}/ticket")).json()["ticket"]
            secrets["ticket"] = ticket
            kept = await _broker(redis)
            async with connect(address(web.url, job, f"?ticket={ticket}")) as socket:
                log = await rest(socket)
            assert log[-1]["data"]["status"] == "completed"
            async with connect(address(web.url, job, f"?ticket={ticket}")) as socket:
                with pytest.raises(ConnectionClosed) as refused:
                    await socket.recv()
        for secret in secrets.values():
            await _misuse(web.url, answers, secret)
        async with _client(web.url, answers, **signed_in) as client:
            for path in (
                "/api/v1/me",
                "/api/v1/me/tokens",
                "/api/v1/me/sessions",
                "/api/v1/webhooks",
                f"/api/v1/jobs/{job}",
            ):
                assert (await client.get(path)).status_code == 200
            assert (await client.get("/api/v1/tones/created")).status_code == 200
            assert (await client.get("/api/v1/me/export")).status_code == 200
            assert (await client.get("/openapi.json")).status_code == 200
            for item in (await client.get(f"/api/v1/jobs/{job}/artifacts")).json()["items"]:
                await client.get(item["links"]["content"])
            assert [answer for answer in answers if answer.url.path.endswith("/manifest.json")]
    places = {
        "the web process's log": "".join(web.log),
        "the worker's log": (tmp_path / "worker.log").read_text(),
        "an answer": "\n".join(f"{answer.headers} {answer.text}" for answer in answers),
        "the events": json.dumps(log) + str(refused.value),
        "the database": _dump(settings.database.url),
        "the broker": kept + await _broker(redis),
    }
    assert all(places.values())
    shown: list[Any] = [
        (name, place)
        for name, secret in secrets.items()
        for place, text in places.items()
        if secret in text or secret.encode().hex() in text
    ]
    assert not shown
