"""Check of the valid parts of a malformed config, before the body reaches its handler."""

from collections.abc import Sequence
from typing import Any, Final

from litestar import Request

from tone_shootout.accounts.principal import Principal
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.http.problems import Fault
from tone_shootout.rendering.media_info import Limits
from tone_shootout.shootouts.services import ShootoutService

STATE: Final = "config_checker"
"""Name of the `ConfigChecker` in the state of the application."""


class ConfigChecker:
    """Checks configs, each in a session of its own."""

    def __init__(self, sessions: SessionMaker, limits: Limits) -> None:
        self._sessions = sessions
        self._limits = limits

    async def __call__(self, principal: Principal, config: object, faults: Sequence[Fault]) -> Sequence[Fault]:
        """Return the errors of the valid parts of a config; `faults` are those in its structure."""
        async with self._sessions() as session:
            return await ShootoutService(session, self._limits).check_parts(principal.user_id, config, faults)


async def check_config_parts(request: Request[Any, Any, Any], body: object, faults: Sequence[Fault]) -> Sequence[Fault]:
    """Check the `config` of a malformed body (`kit.http.problems.CHECK_PARTS`)."""
    config = body.get("config") if isinstance(body, dict) else None
    principal = request.scope["user"]
    if not isinstance(config, dict) or not isinstance(principal, Principal):
        return ()
    checker: ConfigChecker = request.app.state[STATE]
    return await checker(principal, config, faults)
