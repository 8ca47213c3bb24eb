"""Which errors mean that something the service needs is away, and what that is."""

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
"""What the service needs of others."""

_DATABASE_CLASSES: Final = ("08", "53", "57", "58")
"""Classes of SQLSTATE that speak of the server, not of the statement: connection exception, insufficient resources (a
full disk among them), operator intervention, system error (PostgreSQL's manual, appendix A)."""
_DATABASE_STATES: Final = ("25006", "25P03", "25P04", "55P03")
"""A server that takes no writes (a standby, a hoster's full disk), a transaction that took too long, a lock."""
_ARGUMENT_ERRNOS: Final = frozenset(
    {errno.ENAMETOOLONG, errno.EINVAL, errno.ELOOP, errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY}
)
"""What the operating system says of a call that would never succeed, however long somebody waits."""


class StorageFaultError(OSError):
    """The storage does not hold what a row names, or something else under that key.

    Attributes:
        key: where it should be.
        is_missing: whether there is nothing at all.
    """

    def __init__(self, key: str, *, is_missing: bool) -> None:
        super().__init__(f"{key}: {'the object is missing' if is_missing else 'the object is not what was stored'}")
        self.key = key
        self.is_missing = is_missing


def outage_of(error: BaseException) -> Dependency | None:
    """Return what an error says is away, None for an error of another kind.

    Args:
        error: what was raised by whatever asked for something outside of this process.

    Returns:
        `database`, `queue`, `broker`, `storage`, or `disk` for this machine's own files and connections.
    """
    if isinstance(error, DBAPIError):
        return "database" if _is_database_away(error) else None
    if isinstance(error, PoolTimeoutError | PostgresError):
        return "database"
    if isinstance(error, QueueError | QueueTimeout | PoolClosed):
        return "queue"
    if isinstance(error, RedisError):
        return "broker"
    if isinstance(error, StorageError | StorageFaultError):
        return "storage"
    if isinstance(error, ConnectionError | TimeoutError):
        return "database"  # the driver's own: storage and broker have errors of their own
    if isinstance(error, OSError) and error.errno not in _ARGUMENT_ERRNOS:
        return "disk"
    return None


def _is_database_away(error: DBAPIError) -> bool:
    if error.connection_invalidated or isinstance(error, OperationalError | InterfaceError):
        return True
    state = str(getattr(error.orig, "sqlstate", None) or "")
    return state.startswith(_DATABASE_CLASSES) or state in _DATABASE_STATES
