"""Application factory of the stand-in."""

from typing import Any

from litestar import Litestar, MediaType, Request, Response
from litestar.datastructures import State

from tone_shootout.fake_tone3000 import catalog, control, oauth
from tone_shootout.fake_tone3000.faults import FaultMiddleware
from tone_shootout.fake_tone3000.world import RefusedError, World


def create_app() -> FaultMiddleware:
    """Return the application in its initial state."""
    world = World()
    app = Litestar(
        [*oauth.HANDLERS, *catalog.HANDLERS, *control.HANDLERS],
        state=State({"world": world}),
        exception_handlers={RefusedError: _error_response},
        openapi_config=None,
        logging_config=None,
    )
    return FaultMiddleware(app, world)


def _error_response(_request: Request[Any, Any, Any], error: RefusedError) -> Response[Any]:
    return Response(error.body, status_code=error.status, headers=error.headers, media_type=MediaType.JSON)
