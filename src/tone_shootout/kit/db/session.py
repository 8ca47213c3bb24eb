"""Database connections, base classes of tables, and the unit of work of a request."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from advanced_alchemy.base import DefaultBase, UUIDv7AuditBase, UUIDv7Base
from advanced_alchemy.extensions.litestar import AlembicAsyncConfig, AsyncSessionConfig, SQLAlchemyAsyncConfig
from asyncpg import InterfaceError, PostgresError
from litestar.types import Scope
from sqlalchemy import event
from sqlalchemy.engine import Dialect, ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from tone_shootout.kit.db.reads import DIRECT, LOST
from tone_shootout.kit.settings import PostgresAddress, Settings, parse_postgres

__all__ = [
    "Base",
    "Session",
    "SessionMaker",
    "UUIDv7AuditBase",
    "UUIDv7Base",
    "autocommit",
    "connect_psycopg",
    "create_engine",
    "database_config",
    "is_pooled",
    "unit_of_work",
]

SessionMaker = Callable[[], AbstractAsyncContextManager[AsyncSession]]
"""Opens a database session."""


class Session(AsyncSession):
    """A session that is closed at the end of its context only if it has a connection: that takes a task."""

    async def __aexit__(self, type_: object, value: object, traceback: object) -> None:
        """Roll back what is not committed."""
        if self.in_transaction():
            await super().__aexit__(type_, value, traceback)


Base = DefaultBase
"""Base of tables whose primary key consists of foreign keys."""
SPARE_S = 5.0
"""Seconds that the client's timeout exceeds the server's, for a server that does not respond at all."""


def create_engine(url: str, *, pooled: bool = False, statement_timeout_s: float = 0.0, **options: Any) -> AsyncEngine:
    """Return an engine for PostgreSQL, not yet connected.

    A failed connection raises `ConnectionError`. While the database starts or stops, asyncpg raises its own errors,
    which SQLAlchemy would not wrap. A connection that the server has ended is replaced when it is needed: the driver
    notices the end, so no statement has to ask for it.

    Args:
        url: as in `SHOOTOUT_DATABASE_URL`.
        pooled: a pooler in transaction mode may be in between; nothing may outlive a transaction on the server.
        statement_timeout_s: timeout of a statement; 0: none.
        options: further arguments of SQLAlchemy's `create_async_engine`.

    Raises:
        SettingsError: the URL is invalid.
    """
    address = parse_postgres(url)
    arguments = address.asyncpg()
    pooled = pooled or address.pooled
    if pooled:
        # Unnamed statements live as long as their transaction, which SQLAlchemy always opens, and need no deallocation.
        arguments |= {
            "statement_cache_size": 0,
            "prepared_statement_cache_size": 0,
            "prepared_statement_name_func": str,
        }
    if statement_timeout_s:
        arguments["command_timeout"] = statement_timeout_s + SPARE_S
    engine = create_async_engine(
        "postgresql+asyncpg://", connect_args=arguments, execution_options={DIRECT: not pooled}, **options
    )

    @event.listens_for(engine.sync_engine, "do_connect")
    def connect(dialect: Dialect, _record: Any, args: tuple[Any, ...], options: dict[str, Any]) -> DBAPIConnection:
        try:
            return dialect.connect(*args, **options)
        except PostgresError as error:
            raise ConnectionError(f"the database rejects connections: {error}") from error
        except InterfaceError as error:
            raise ConnectionError(f"cannot connect to the database: {error}") from error

    @event.listens_for(engine.sync_engine, "checkout")
    def replace_ended(connection: Any, _record: Any, _proxy: Any) -> None:
        if connection.driver_connection.is_closed():
            raise DisconnectionError

    @event.listens_for(engine.sync_engine, "handle_error")
    def discard_ended(context: ExceptionContext) -> None:
        # The server says so before it closes the connection, which is what SQLAlchemy looks at.
        cause = context.original_exception.__cause__ or context.original_exception
        if isinstance(cause, LOST):
            context.is_disconnect = True

    if statement_timeout_s and not pooled:

        @event.listens_for(engine.sync_engine, "connect")
        def limit(connection: Any, _record: Any) -> None:
            # Not as a startup option, which poolers reject. The server does not notice a client that has gone.
            limit_statements = f"SET statement_timeout = {round(statement_timeout_s * 1000)}"
            connection.run_async(lambda driver: driver.execute(limit_statements))

    return engine


def is_pooled(settings: Settings) -> bool:
    """Return whether the database is behind a pooler in transaction mode."""
    return settings.database.pooler == "transaction" or parse_postgres(settings.database.url).pooled


def connect_psycopg(address: PostgresAddress, *, pooled: bool) -> dict[str, Any]:
    """Return the keyword arguments of psycopg for autocommit connections."""
    return {**address.psycopg(), "autocommit": True, **({"prepare_threshold": None} if pooled else {})}


def database_config(settings: Settings, alembic_config: AlembicAsyncConfig | None = None) -> SQLAlchemyAsyncConfig:
    """Return the configuration that web process, worker and commands share.

    Args:
        settings: address, pool and timeouts.
        alembic_config: where the migrations are, for `litestar database`.

    Raises:
        SettingsError: the database URL is invalid.
    """
    engine = create_engine(
        settings.database.url,
        pooled=is_pooled(settings),
        statement_timeout_s=settings.database.statement_timeout_s,
        pool_size=settings.database.pool_size,
        max_overflow=settings.database.pool_overflow,
        pool_use_lifo=True,  # the server may end those that are seldom used
        echo=settings.database.echo,
        hide_parameters=not settings.database.echo,
    )
    return SQLAlchemyAsyncConfig(
        engine_instance=engine,
        session_config=AsyncSessionConfig(expire_on_commit=False),
        alembic_config=alembic_config or AlembicAsyncConfig(),
        set_default_exception_handler=False,
    )


@asynccontextmanager
async def autocommit(sessions: SessionMaker) -> AsyncGenerator[AsyncSession, None]:
    """Open a session in which each statement is its own transaction: one round trip instead of three."""
    async with sessions() as session:
        _ = await session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        yield session


def unit_of_work(
    session_maker: async_sessionmaker[AsyncSession], read_session_maker: async_sessionmaker[AsyncSession]
) -> Callable[[Scope], AsyncGenerator[AsyncSession, None]]:
    """Return the dependency that opens a request's session and commits it before the response is sent.

    Advanced Alchemy's autocommit handler logs a failed commit and still sends the success response; here the failure
    becomes the response. An exception of the handler rolls back.

    Args:
        session_maker: opens the sessions of requests that write.
        read_session_maker: opens those of signed-in GET requests, in which each statement is a transaction.
    """

    async def provide_session(scope: Scope) -> AsyncGenerator[AsyncSession, None]:
        is_read = scope.get("method") == "GET" and scope["route_handler"].opt.get("public") is not True
        session = read_session_maker() if is_read else session_maker()
        try:
            yield session
            if session.in_transaction():
                await session.commit()
        finally:
            if session.in_transaction():
                await asyncio.shield(asyncio.ensure_future(session.close()))

    return provide_session
