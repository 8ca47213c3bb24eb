"""The users of recent credentials: a guess before authentication, so that both rate limits are counted in one step.

It decides nothing else. A credential is validated against the database in each request.
"""

import hashlib
from typing import Final
from uuid import UUID

from litestar.types import Scope

from tone_shootout.accounts.guards import is_public
from tone_shootout.kit.throttle import Counter, Rate

SIZE: Final = 10_000
"""Credentials to remember."""


class KnownUsers:
    """Users by the hash of their credential: the header `Authorization`, else all cookies.

    Args:
        rate: the rate limit of each user.
    """

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self._users: dict[bytes, UUID] = {}

    def counter_of(self, scope: Scope) -> Counter | None:
        """Return the counter of the user who probably sent a request; None: unknown, or the route has no such limit."""
        if is_public(scope["route_handler"]):
            return None
        user_id = self._users.get(_hash_of(scope))
        return None if user_id is None else (self.rate, str(user_id))

    def remember(self, scope: Scope, user_id: UUID | None) -> None:
        """Note whose credential a request has; None: it is not valid any more."""
        key = _hash_of(scope)
        if user_id is None:
            self._users.pop(key, None)
        elif key not in self._users:
            if len(self._users) >= SIZE:
                del self._users[next(iter(self._users))]
            self._users[key] = user_id


def _hash_of(scope: Scope) -> bytes:
    credential = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    cookies = b"" if credential else b";".join(value for name, value in scope["headers"] if name == b"cookie")
    return hashlib.sha256(credential or cookies).digest()
