"""Is the process alive, and can it work?"""

import asyncio
from typing import Annotated, Any, Literal

from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency
from msgspec import Meta, Struct

from tone_shootout.kit.http.problems import problems
from tone_shootout.kit.readiness import CheckResult, Readiness


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
    async def ready(self, request: Request[Any, Any, Any], readiness: NamedDependency[Readiness]) -> Response[Health]:
        """Ask database, queue, broker and storage, look at the disk, and compare the migrations with the code."""
        state = request.app.state
        # One look at a time, whoever asks how often: this route is open to everybody, and not limited.
        look: asyncio.Task[dict[str, CheckResult]] | None = state.get("look")
        if look is None or look.done():
            look = state["look"] = asyncio.create_task(readiness.look())
        checks = await asyncio.shield(look)
        is_ready = all(result == "ok" for result in checks.values())
        health = Health(status="ok" if is_ready else "unavailable", checks=checks)
        return Response(health, status_code=200 if is_ready else 503)
