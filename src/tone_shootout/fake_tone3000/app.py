"""The stand-in's application."""

from typing import Any

from litestar import Litestar, MediaType, Request, Response
from litestar.datastructures import State

from tone_shootout.fake_tone3000 import catalogue, control, oauth
from tone_shootout.fake_tone3000.faults import Gate
from tone_shootout.fake_tone3000.world import RefusedError, World


def create_app() -> Gate:
    """Return the application, in the state of a start."""
    world = World()
    app = Litestar(
        [*oauth.HANDLERS, *catalogue.HANDLERS, *control.HANDLERS],
        state=State({"world": world}),
        exception_handlers={RefusedError: _of_refusal},
        openapi_config=None,
        logging_config=None,
    )
    return Gate(app, world)


def _of_refusal(_request: Request[Any, Any, Any], error: RefusedError) -> Response[Any]:
    return Response(error.body, status_code=error.status, headers=error.headers, media_type=MediaType.JSON)
