"""Liveness and readiness probes."""

from typing import Annotated, Literal

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from msgspec import Meta, Struct

from tone_shootout.kit.http.problems import problems
from tone_shootout.kit.readiness import CheckResult, Readiness


class Health(Struct, kw_only=True):
    """State of the service."""

    status: Annotated[Literal["ok", "unavailable"], Meta(description="`ok` if the service is ready.")]
    checks: Annotated[dict[str, CheckResult], Meta(description="State of each dependency.")] = {}


class HealthController(Controller):
    """Probes for load balancers and supervisors."""

    path = "/health"
    tags = ("operating",)
    opt = {"public": True, "unlimited": True}  # noqa: RUF012 - Litestar reads it as it stands

    @get("/live", operation_id="health_live", summary="Check liveness")
    async def live(self) -> Health:
        """Return 200 while the process runs."""
        return Health(status="ok")

    @get("/ready", operation_id="health_ready", summary="Check readiness", responses=problems(503))
    async def ready(self, readiness: NamedDependency[Readiness]) -> Response[Health]:
        """Check database, queue, broker, storage, free disk space and schema version."""
        # Shared, because this route needs no sign-in and has no rate limit.
        checks = await readiness.check_shared()
        is_ready = all(result == "ok" for result in checks.values())
        health = Health(status="ok" if is_ready else "unavailable", checks=checks)
        return Response(health, status_code=200 if is_ready else 503)
