"""Cost of signed-in requests, beside the same routes on FastAPI and a handler with nothing around it.

All contestants are processes of their own on the same servers and rows. Their answers are compared before anything is
timed; then they take turns. A ratio is that of two contestants in one round, so that it holds on a busy machine.
"""

import asyncio
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import psutil
from sqlalchemy import text
from sqlalchemy.ext.asyncio import async_sessionmaker

from tests.bench.load import Load, measure
from tests.support.library_rows import library_items, typical_config
from tests.support.live import environ_of
from tests.support.uploads import LIBRARY, SHOOTOUTS
from tone_shootout import migrations
from tone_shootout.accounts.services import AccountService
from tone_shootout.embedded.servers import Servers
from tone_shootout.jobs.scheduling.queue import prepare_queue
from tone_shootout.kit.db.session import create_engine
from tone_shootout.kit.settings import (
    DatabaseSettings,
    LimitSettings,
    RedisSettings,
    SecuritySettings,
    Settings,
    new_encryption_key,
    parse_postgres,
)

OURS, PEER, BARE = "Tone Shootout", "FastAPI", "bare handler"
CONNECTIONS = (1, 16, 64)
AT = 16
"""Connections at which processor time is compared."""
PLENTY = 100_000_000
"""Requests a minute: the limits are counted, and never reached."""
SHOOTOUT_COUNT, JOB_COUNT = 25, 25
COMPLETE = """
UPDATE job SET status = 'completed', attempt = 1, started_at = now(), finished_at = now(), queued_at = now(),
progress_done = 100, progress_total = 100, eta_s = 0, summary = CAST(:summary AS jsonb)
WHERE id <> CAST(:open AS uuid)
"""
"""Brings all jobs but one to their end as a worker would."""
SUMMARY = json.dumps(
    {
        "segments": 6,
        "cache_hits": 0,
        "audio_s": 4.8,
        "requested_lufs": -16.0,
        "target_lufs": -16.0,
        "limiting_segment": None,
        "notices": 0,
        "elapsed_s": 5.2,
        "phases_s": {"render": 2.1, "video": 1.6},
    }
)
WITHOUT_PYDANTIC = """
import sys
sys.modules["pydantic"] = None  # installed here for the peer only; Litestar loads it where it finds it
from tone_shootout.cli import main
main(prog_name="shootout")
"""
CLEAN = "DELETE FROM shootout WHERE owner_id IN (SELECT id FROM user_account WHERE name = 'poster')"


@dataclass(frozen=True)
class Route:
    """A request, and the part of its answer that depends on the contestant."""

    name: str
    method: str
    path: str
    body: bytes = b""
    bare: bool = False
    """Whether the bare handler has it."""
    differs: tuple[str, ...] = ()
    """Fields that are made by the request itself."""


@dataclass(frozen=True)
class Contestant:
    """A running service."""

    name: str
    port: int
    process: psutil.Process


@dataclass(frozen=True)
class Plan:
    """How long to measure."""

    rounds: int
    seconds: Mapping[int, float]
    """Of each measurement, by connections."""
    openings_s: float
    requests: int
    """After so many, the memory is measured."""


FULL = Plan(3, {1: 0.4, 16: 0.8, 64: 0.5}, 1.0, 10_000)
SHORT = Plan(1, {16: 0.5}, 0.5, 0)

Results = dict[tuple[str, str, int], list[Load]]
"""Loads of all rounds, by contestant, route and connections."""


def api_section() -> list[str]:
    """Measure requests of a real web process with real servers. `BENCH_SHORT` makes it a matter of seconds."""
    plan = SHORT if os.environ.get("BENCH_SHORT") else FULL
    with tempfile.TemporaryDirectory() as folder, Servers(Path(folder) / "servers") as servers:
        url = servers.create_database("bench")
        settings = Settings(
            data=Path(folder) / "data",
            database=DatabaseSettings(url=url),
            redis=RedisSettings(url=servers.redis_url),
            security=SecuritySettings(secret=secrets.token_urlsafe(48), encryption_keys=[new_encryption_key()]),
            limits=replace(LimitSettings(), requests_per_minute=PLENTY, address_requests_per_minute=PLENTY),
        )
        migrations.upgrade(url)
        asyncio.run(prepare_queue(settings))
        with ExitStack() as stack:
            contestants = [stack.enter_context(running(name, settings, Path(folder))) for name in (OURS, PEER, BARE)]
            routes, tokens = asyncio.run(_prepare(settings, contestants[0]))
            for route in routes:
                _compare(contestants, route, tokens[route.method])
            return _measure(settings, contestants, routes, tokens, plan)


def _measure(
    settings: Settings,
    contestants: Sequence[Contestant],
    routes: Sequence[Route],
    tokens: Mapping[str, str],
    plan: Plan,
) -> list[str]:
    results: Results = {}
    openings: dict[str, list[Load]] = {}
    *reads, socket_route = routes
    for round_ in range(plan.rounds):
        for route in reads:
            for connections, seconds in plan.seconds.items():
                # Another order in each round: who comes first finds the caches of the database cold.
                for contestant in [*contestants[round_ % 2 :], *contestants[: round_ % 2]]:
                    if contestant.name == BARE and not route.bare:
                        continue
                    request = _request(route, contestant, tokens[route.method])
                    measure(contestant, request, connections, 0.1)
                    load = measure(contestant, request, connections, seconds)
                    results.setdefault((contestant.name, route.name, connections), []).append(load)
        for contestant in contestants[:2]:
            request = _request(socket_route, contestant, tokens["GET"], upgrade=True)
            measure(contestant, request, AT, 0.1, websocket=True)
            load = measure(contestant, request, AT, plan.openings_s, websocket=True)
            openings.setdefault(contestant.name, []).append(load)
        asyncio.run(execute(settings, CLEAN))
    memory = [_memory(contestant, results, reads[0], tokens, plan.requests) for contestant in contestants[:2]]
    return _report(plan, reads, results, openings, memory)


def _memory(contestant: Contestant, results: Results, route: Route, tokens: Mapping[str, str], requests: int) -> float:
    """Return the resident memory in MB after at least so many requests."""
    request = _request(route, contestant, tokens["GET"])
    done = sum(load.count for key, loads in results.items() if key[0] == contestant.name for load in loads)
    while done < requests:
        done += measure(contestant, request, AT, 1.0).count
    return float(contestant.process.memory_info().rss / 1e6)


def _report(
    plan: Plan,
    routes: Sequence[Route],
    results: Results,
    openings: Mapping[str, Sequence[Load]],
    memory: Sequence[float],
) -> list[str]:
    errors = sum(load.errors for loads in (*results.values(), *openings.values()) for load in loads)
    connections = list(plan.seconds)
    lines = [
        "Signed-in requests, beside the same routes on FastAPI (Pydantic 2, SQLAlchemy 2 on asyncpg, uvloop,",
        "httptools, frozen collector) and a bare handler (Litestar, msgspec, asyncpg), one process each, on the same",
        "PostgreSQL and rows. Only ours counts rate limits. The answers are compared first; then the contestants take",
        f"turns in {plan.rounds} rounds. Ratios are medians of the rounds: FastAPI's processor time to ours at {AT}",
        "connections, and our requests per second to FastAPI's; more than 1: ours is faster.",
        "",
        f"| route | processor time | {' | '.join(f'requests/s at {each}' for each in connections)} |",
        f"|---|{'---:|' * (1 + len(connections))}",
    ]
    for route in routes:
        ours, peer = results[OURS, route.name, AT], results[PEER, route.name, AT]
        cells = [_ratio(p.cpu_s / o.cpu_s for o, p in zip(ours, peer, strict=True))]
        for each in connections:
            pairs = zip(results[OURS, route.name, each], results[PEER, route.name, each], strict=True)
            cells.append(_ratio(o.rate / p.rate for o, p in pairs))
        lines.append(f"| {route.name} | {' | '.join(cells)} |")
    opened = list(zip(openings[OURS], openings[PEER], strict=True))
    rates = [_ratio(o.rate / p.rate for o, p in opened) if each == AT else "" for each in connections]
    lines.append(f"| open a WebSocket | {_ratio(p.cpu_s / o.cpu_s for o, p in opened)} | {' | '.join(rates)} |")
    lines += [
        "",
        f"Processor milliseconds per request and requests per second at {AT} connections:",
        "",
        "| route | ours | FastAPI | bare | ours/s | FastAPI/s | bare/s |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for route in routes:
        found = [results.get((name, route.name, AT), []) for name in (OURS, PEER, BARE)]
        lines.append(f"| {route.name} | {_columns(found)} |")
    lines.append(f"| open a WebSocket | {_columns([openings[OURS], openings[PEER], []])} |")
    lines += [
        "",
        f"Errors: {errors}. Memory after {plan.requests} requests or more: {memory[0]:.0f} MB, FastAPI",
        f"{memory[1]:.0f} MB.",
    ]
    return lines


def _ratio(values: Any) -> str:
    return f"{median(values):.2f}"


def _columns(found: Sequence[Sequence[Load]]) -> str:
    cpu = [f"{1000 * median(load.cpu_s for load in loads):.2f}" if loads else "" for loads in found]
    rates = [f"{median(load.rate for load in loads):.0f}" if loads else "" for loads in found]
    return " | ".join([*cpu, *rates])


# --- Contestants -----------------------------------------------------------------------------------------------------


@contextmanager
def running(name: str, settings: Settings, folder: Path) -> Generator[Contestant, None, None]:
    """Run a contestant on a free port, with its log in a file."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["--host", "127.0.0.1", "--port", str(port)]
    if name == OURS:
        command, environ = ["-c", WITHOUT_PYDANTIC, "web", *options], environ_of(settings)
    else:
        module = "fastapi_service" if name == PEER else "bare_service"
        command = ["-m", "uvicorn", f"tests.bench.peer.{module}:app", "--loop", "uvloop", "--http", "httptools"]
        command += [*options, *(["--no-access-log"] if name == BARE else [])]
        environ = {
            **os.environ,
            "PEER_DATABASE": json.dumps(parse_postgres(settings.database.url).asyncpg()),
            "PEER_SECRET": settings.security.secret,
        }
    log = folder / f"{name}.log"
    with (
        log.open("wb") as output,
        subprocess.Popen([sys.executable, *command], env=environ, stderr=output, stdout=output) as process,
    ):
        try:
            _wait(port, process, log)
            yield Contestant(name, port, psutil.Process(process.pid))
        finally:
            process.terminate()


def _wait(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            break
        try:
            httpx.get(f"http://127.0.0.1:{port}/health/live").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"it did not start:\n{log.read_text()[-3000:]}")


# --- Rows and requests -----------------------------------------------------------------------------------------------


async def _prepare(settings: Settings, ours: Contestant) -> tuple[list[Route], dict[str, str]]:
    """Make users and rows; return the routes, that of the WebSocket last, and the access tokens by method.

    One user reads and another posts, so that lists stay as long as they are. The WebSocket follows the oldest job,
    which has not finished and is not on the first page: for a finished one, ours also reads the log, sends the end and
    closes.
    """
    tokens: dict[str, str] = {}
    bodies: dict[str, bytes] = {}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{ours.port}", timeout=60) as client:
        for method, (secret, items) in (await make_users(settings)).items():
            session = await client.post("/api/v1/auth/session", json={"token": secret})
            tokens[method] = session.raise_for_status().json()["access_token"]
            client.cookies.clear()  # with a cookie, the next sign-in would have to come from a page
            bodies[method] = json.dumps({"config": typical_config(items)}).encode()
        client.headers.update({"Authorization": f"Bearer {tokens['GET']}", "Content-Type": "application/json"})
        made = [await client.post(SHOOTOUTS, content=bodies["GET"]) for _ in range(SHOOTOUT_COUNT)]
        shootout = made[-1].raise_for_status().json()
        made = [await client.post(shootout["links"]["jobs"]) for _ in range(JOB_COUNT)]
        open_job, *_, job = [each.raise_for_status().json() for each in made]
    await execute(settings, COMPLETE, summary=SUMMARY, open=open_job["id"])
    path = job["links"]["self"]
    routes = [
        Route("one shootout", "GET", shootout["links"]["self"], bare=True),
        Route("20 shootouts", "GET", f"{SHOOTOUTS}?limit=20", bare=True),
        Route("one job", "GET", path),
        Route("20 jobs", "GET", "/api/v1/jobs?limit=20"),
        Route("library, 3 items", "GET", f"{LIBRARY}?limit=20"),
        Route("account", "GET", "/api/v1/me"),
        Route(
            "POST a shootout",
            "POST",
            SHOOTOUTS,
            bodies["POST"],
            bare=True,
            differs=("id", "created_at", "updated_at", "links"),
        ),
        Route("WebSocket", "GET", open_job["links"]["ws"]),
    ]
    return routes, tokens


async def make_users(settings: Settings) -> dict[str, tuple[str, dict[str, str]]]:
    """Make a user for each method, with a library; return API tokens, and ids of items by kind."""
    engine = create_engine(settings.database.url)
    found = {}
    async with async_sessionmaker(engine)() as session:
        accounts = AccountService(session)
        for method, name in (("GET", "reader"), ("POST", "poster")):
            user = await accounts.create_user(name, role="user")
            items = library_items(user.id)
            session.add_all(items)
            secret = (await accounts.issue_token(user, name="bench", scope="write")).secret
            found[method] = (secret, {item.kind: str(item.id) for item in items})
        await session.commit()
    await engine.dispose()
    return found


async def execute(settings: Settings, statement: str, **values: str) -> None:
    engine = create_engine(settings.database.url)
    async with engine.begin() as connection:
        await connection.execute(text(statement), values)
    await engine.dispose()


def _request(route: Route, contestant: Contestant, token: str, *, upgrade: bool = False) -> bytes:
    lines = [f"{route.method} {route.path} HTTP/1.1", f"Host: 127.0.0.1:{contestant.port}"]
    lines += [f"Authorization: Bearer {token}", "Accept: */*", "Accept-Encoding: gzip, deflate", "User-Agent: bench"]
    if upgrade:
        lines += ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
        lines.append("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    if route.body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(route.body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + route.body


def _compare(contestants: Sequence[Contestant], route: Route, token: str) -> None:
    """Check that all contestants give the same answer.

    Raises:
        RuntimeError: two of them differ.
    """
    if route.name == "WebSocket":
        return
    answers = []
    for contestant in contestants:
        if contestant.name == BARE and not route.bare:
            continue
        url = f"http://127.0.0.1:{contestant.port}{route.path}"
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        answer = httpx.request(route.method, url, headers=headers, content=route.body, timeout=60).raise_for_status()
        document = answer.json()
        if contestant.name == BARE and route.body:
            continue  # it repeats the config as it came, without the defaults
        answers.append({key: value for key, value in document.items() if key not in route.differs})
    for other in answers[1:]:
        if _normal(other) != _normal(answers[0]):
            raise RuntimeError(f"{route.name}: answers differ:\n{answers[0]}\n{other}")


def _normal(value: Any) -> Any:
    """Return an answer with times in one spelling: both `Z` and `+00:00` are RFC 3339."""
    return json.loads(json.dumps(value, sort_keys=True).replace("+00:00", "Z"))
