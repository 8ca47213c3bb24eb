"""Dependencies of handlers, one after the other."""

from litestar import Litestar
from litestar.routes import HTTPRoute, WebSocketRoute


def resolve_in_turn(app: Litestar) -> None:
    """Let the application resolve the dependencies of a handler one after the other, in the order of their names.

    Litestar starts a task for each of those that do not depend on each other, which costs more than to call them: none
    of ours waits for anything.
    """
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            models = [model for _, model in route.route_handler_map.values()]
        elif isinstance(route, WebSocketRoute) and route.handler_parameter_model is not None:
            models = [route.handler_parameter_model]
        else:
            continue
        for model in models:
            model.dependency_batches = [
                {each} for batch in model.dependency_batches for each in sorted(batch, key=lambda found: found.key)
            ]
