"""Is the process alive, and can it work?"""

import asyncio
from collections.abc import Awaitable
from typing import Annotated, Any, Literal, cast

from alembic.runtime.migration import MigrationContext
from litestar import Controller, Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from msgspec import Meta, Struct
from redis.asyncio import Redis
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from tone_shootout.kit.problems import problems
from tone_shootout.kit.storage import Storage

TIMEOUT_S = 5.0

CheckResult = Literal["ok", "unavailable", "outdated"]


class Health(Struct, kw_only=True):
    """What a probe wants to know."""

    status: Annotated[Literal["ok", "unavailable"], Meta(description="Ready for work or not.")]
    checks: Annotated[dict[str, CheckResult], Meta(description="Each part that the service needs.")] = {}


class HealthController(Controller):
    """For load balancers and supervisors."""

    path = "/health"
    tags = ("operating",)
    opt = {"public": True, "unlimited": True}  # noqa: RUF012 - Litestar reads it as it stands

    @get("/live", operation_id="health_live", summary="Is the process alive?")
    async def live(self) -> Health:
        """Answer as long as the process does."""
        return Health(status="ok")

    @get("/ready", operation_id="health_ready", summary="Can it work?", responses=problems(503))
    async def ready(
        self, request: Request[Any, Any, Any], storage: NamedDependency[Storage], redis: NamedDependency[Redis]
    ) -> Response[Health]:
        """Ask the database, the broker and the storage, and compare the migrations with the code."""
        state = request.app.state
        # One look at a time, whoever asks how often: this route is open to everybody, and not limited.
        look: asyncio.Task[Health] | None = state.get("look")
        if look is None or look.done():
            look = state["look"] = asyncio.create_task(_look(state, storage, redis))
        health = await asyncio.shield(look)
        return Response(health, status_code=200 if health.status == "ok" else 503)


class _OutdatedError(Exception):
    """The database's schema is not the one that this code was written for."""


async def _look(state: State, storage: Storage, redis: Redis) -> Health:
    engine: AsyncEngine = state["engine"]
    names = ("database", "broker", "storage", "migrations")
    results = await asyncio.gather(
        _judge(_database(engine)),
        _judge(_broker(redis)),
        _judge(storage.check()),
        _judge(_migrations(engine, state["schema_revision"])),
    )
    ready = all(result == "ok" for result in results)
    return Health(status="ok" if ready else "unavailable", checks=dict(zip(names, results, strict=True)))


async def _judge(check: Awaitable[None]) -> CheckResult:
    try:
        await asyncio.wait_for(check, TIMEOUT_S)
    except _OutdatedError:
        return "outdated"
    except Exception:  # noqa: BLE001 - whatever it is, the part can't be used, and the probe says no more than that
        return "unavailable"
    return "ok"


async def _database(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))


async def _broker(redis: Redis) -> None:
    await cast(Awaitable[bool], redis.ping())


async def _migrations(engine: AsyncEngine, expected: str | None) -> None:
    def current(connection: Connection) -> str | None:
        return MigrationContext.configure(connection, opts={"version_table": "schema_version"}).get_current_revision()

    async with engine.connect() as connection:
        if await connection.run_sync(current) != expected:
            raise _OutdatedError
