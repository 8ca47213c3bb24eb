"""Statements of frequent requests: compiled once, and sent in one round trip, without a transaction if they only read.

A session compiles a statement for each execution, or looks the compiled form up by a key that costs about as much, and
begins and ends a transaction around it. That is most of the time of a small request. A `Query` is compiled when its
module is imported, and `fetch` hands it to the driver.
"""

from collections.abc import Sequence
from typing import Any, Final

from asyncpg import InterfaceError, InternalClientError, PostgresConnectionError
from asyncpg.exceptions import AdminShutdownError, CrashShutdownError
from sqlalchemy import ClauseElement
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_scoped_session
from sqlalchemy.util import await_only, greenlet_spawn

DIRECT: Final = "tone_shootout_direct"
"""Execution option of an engine whose connections may be used without a transaction."""

_DIALECT: Final = dialect()  # type: ignore[no-untyped-call]  # as SQLAlchemy has it
LOST: Final = (
    PostgresConnectionError,
    AdminShutdownError,
    CrashShutdownError,
    InterfaceError,
    InternalClientError,
    ConnectionError,
)
"""Errors of the driver when a connection has ended."""


class Query:
    """A statement that returns rows, compiled once.

    Args:
        statement: the statement, with a `bindparam` for each value that a call passes.
    """

    def __init__(self, statement: ClauseElement) -> None:
        compiled = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
        self.text: Final = str(compiled)
        defaults = compiled.params or {}
        self._parameters = [(name, defaults[name]) for name in getattr(compiled, "positiontup", None) or ()]

    def arguments(self, values: dict[str, Any]) -> tuple[Any, ...]:
        """Return the values of all parameters, in order."""
        return tuple([values.get(name, default) for name, default in self._parameters])


async def fetch(
    session: AsyncSession | async_scoped_session[AsyncSession], query: Query, **values: Any
) -> Sequence[Any]:
    """Return the rows of a query as the driver gives them.

    In a transaction of the session it is part of it. Otherwise it is a statement of its own, on another connection.

    Args:
        session: of a unit of work.
        query: the query.
        values: values of its parameters.

    Raises:
        ConnectionError: the database is unavailable.
    """
    if isinstance(session, async_scoped_session):
        session = session()
    if not session.in_transaction() and isinstance(session.bind, AsyncEngine):
        return await fetch_from(session.bind, query, **values)
    return await execute(session, query, **values)


async def execute(
    session: AsyncSession | async_scoped_session[AsyncSession], query: Query, **values: Any
) -> Sequence[Any]:
    """Return the rows of a statement in the session's transaction, which begins if it has not yet."""
    connection = await session.connection()
    return (await connection.exec_driver_sql(query.text, query.arguments(values))).all()


async def fetch_from(engine: AsyncEngine, query: Query, **values: Any) -> Sequence[Any]:
    """Return the rows of a query as the driver gives them.

    A connection that ends meanwhile is replaced: the database may have restarted.

    Raises:
        DBAPIError: the statement has failed, or the database is unavailable.
        ConnectionError: the database is unavailable.
    """
    arguments = query.arguments(values)
    is_direct = engine.get_execution_options().get(DIRECT)  # behind a pooler, a statement needs a transaction
    if is_direct:
        try:
            return await greenlet_spawn(_fetch, engine.sync_engine, query.text, arguments)
        except LOST:
            pass
    try:
        return await _fetch_by_engine(engine, query.text, arguments)
    except DBAPIError as error:
        if not (is_direct and error.connection_invalidated):
            raise
    # SQLAlchemy has invalidated the whole pool, so this connection is a new one.
    return await _fetch_by_engine(engine, query.text, arguments)


async def _fetch_by_engine(engine: AsyncEngine, text: str, arguments: tuple[Any, ...]) -> Sequence[Any]:
    async with engine.connect() as connection:
        return (await connection.exec_driver_sql(text, arguments)).all()


def _fetch(engine: Engine, text: str, arguments: tuple[Any, ...]) -> Sequence[Any]:
    connection = engine.raw_connection()
    try:
        driver: Any = connection.driver_connection
        rows: Sequence[Any] = await_only(driver.fetch(text, *arguments))
        return rows
    except LOST:
        connection.invalidate()  # the driver may not have noticed the end yet
        raise
    finally:
        connection.close()  # without a transaction, it needs no round trip
