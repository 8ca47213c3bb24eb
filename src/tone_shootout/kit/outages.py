"""Classify errors: which dependency is unavailable, if any."""

import errno
from typing import Final, Literal

from asyncpg import PostgresError
from obstore.exceptions import BaseError as StorageError
from psycopg import OperationalError as QueueError
from psycopg_pool import PoolClosed
from psycopg_pool import PoolTimeout as QueueTimeout
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

Dependency = Literal["database", "queue", "broker", "storage", "disk"]
"""Dependencies of the service."""

_DATABASE_CLASSES: Final = ("08", "53", "57", "58")
"""Classes of SQLSTATE that concern the server, not the statement: connection exception, insufficient resources (a
full disk among them), operator intervention, system error (PostgreSQL's manual, appendix A)."""
_DATABASE_STATES: Final = ("25006", "25P03", "25P04", "55P03")
"""Read-only server (a standby, a full disk), transaction timeouts, lock timeout."""
_ARGUMENT_ERRNOS: Final = frozenset(
    {errno.ENAMETOOLONG, errno.EINVAL, errno.ELOOP, errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY}
)
"""Errors of the operating system that waiting does not fix."""


class StorageFaultError(OSError):
    """The storage does not hold the object that a row refers to, or other content under its key.

    Attributes:
        key: the object's key.
        is_missing: whether there is no object under the key.
    """

    def __init__(self, key: str, *, is_missing: bool) -> None:
        super().__init__(
            f"{key}: {'the object is missing' if is_missing else 'the object differs from what was stored'}"
        )
        self.key = key
        self.is_missing = is_missing


def outage_of(error: BaseException) -> Dependency | None:
    """Return the unavailable dependency, None for an error of another kind.

    Args:
        error: raised by a call out of this process.

    Returns:
        `database`, `queue`, `broker`, `storage`, or `disk` for local files and connections.
    """
    if isinstance(error, DBAPIError):
        return "database" if _is_database_unavailable(error) else None
    if isinstance(error, PoolTimeoutError | PostgresError):
        return "database"
    if isinstance(error, QueueError | QueueTimeout | PoolClosed):
        return "queue"
    if isinstance(error, RedisError):
        return "broker"
    if isinstance(error, StorageError | StorageFaultError):
        return "storage"
    if isinstance(error, ConnectionError | TimeoutError):
        return "database"  # asyncpg's; obstore and redis-py raise errors of their own
    if isinstance(error, OSError) and error.errno not in _ARGUMENT_ERRNOS:
        return "disk"
    return None


def _is_database_unavailable(error: DBAPIError) -> bool:
    if error.connection_invalidated or isinstance(error, OperationalError | InterfaceError):
        return True
    state = str(getattr(error.orig, "sqlstate", None) or "")
    return state.startswith(_DATABASE_CLASSES) or state in _DATABASE_STATES
