"""The database: connection, the base of all tables, and the unit of work of a request."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from advanced_alchemy.base import DefaultBase, UUIDv7AuditBase, UUIDv7Base
from advanced_alchemy.extensions.litestar import AlembicAsyncConfig, AsyncSessionConfig, SQLAlchemyAsyncConfig
from asyncpg import ClientConfigurationError, InterfaceError, PostgresError
from sqlalchemy import event
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from tone_shootout.kit.settings import PostgresAddress, Settings, parse_postgres

__all__ = [
    "Base",
    "SessionMaker",
    "UUIDv7AuditBase",
    "UUIDv7Base",
    "connect_psycopg",
    "create_engine",
    "database_config",
    "is_pooled",
    "unit_of_work",
]

SessionMaker = Callable[[], AbstractAsyncContextManager[AsyncSession]]
"""Opens a session of the database."""
Base = DefaultBase
"""For tables whose key is made of other tables' keys."""
SPARE_S = 5.0
"""So much later than the server the client gives a statement up: for a server that does not answer at all."""


def create_engine(url: str, *, pooled: bool = False, statement_timeout_s: float = 0.0, **options: Any) -> AsyncEngine:
    """Return an engine for an address of PostgreSQL, not yet connected.

    Its connections fail with `ConnectionError` when the database takes none: while it starts or stops, the driver
    raises an error of its own there, which SQLAlchemy passes on as it is.

    Args:
        url: as `SHOOTOUT_DATABASE_URL` takes it.
        pooled: a pooler in transaction mode may be there: nothing outlives a transaction on the server.
        statement_timeout_s: longest that a statement may take; 0: any time.
        options: further arguments of SQLAlchemy's `create_async_engine`.

    Raises:
        SettingsError: the address can't be used.
    """
    address = parse_postgres(url)
    arguments = address.asyncpg()
    pooled = pooled or address.pooled
    if pooled:
        # Statements without a name live as long as their transaction, which SQLAlchemy always opens, and need no end.
        arguments |= {
            "statement_cache_size": 0,
            "prepared_statement_cache_size": 0,
            "prepared_statement_name_func": str,
        }
    if statement_timeout_s:
        arguments["command_timeout"] = statement_timeout_s + SPARE_S
    engine = create_async_engine("postgresql+asyncpg://", connect_args=arguments, **options)

    @event.listens_for(engine.sync_engine, "do_connect")
    def connect(dialect: Dialect, _record: Any, args: tuple[Any, ...], options: dict[str, Any]) -> DBAPIConnection:
        try:
            return dialect.connect(*args, **options)
        except PostgresError as error:
            raise ConnectionError(f"the database takes no connection: {error}") from error
        except (InterfaceError, ClientConfigurationError) as error:
            raise ConnectionError(f"the database can't be connected to: {error}") from error

    if statement_timeout_s and not pooled:

        @event.listens_for(engine.sync_engine, "connect")
        def limit(connection: Any, _record: Any) -> None:
            # Not as an option of the start-up, which poolers refuse. A client that is gone ends nothing by itself.
            limit_statements = f"SET statement_timeout = {round(statement_timeout_s * 1000)}"
            connection.run_async(lambda driver: driver.execute(limit_statements))

    return engine


def is_pooled(settings: Settings) -> bool:
    """Tell whether the database is behind a pooler in transaction mode."""
    return settings.database.pooler == "transaction" or parse_postgres(settings.database.url).pooled


def connect_psycopg(address: PostgresAddress, *, pooled: bool) -> dict[str, Any]:
    """Return the keyword arguments of psycopg for connections without a transaction of their own."""
    return {**address.psycopg(), "autocommit": True, **({"prepare_threshold": None} if pooled else {})}


def database_config(settings: Settings, alembic_config: AlembicAsyncConfig | None = None) -> SQLAlchemyAsyncConfig:
    """Return the configuration that web process, worker and commands share.

    Args:
        settings: address, pool and timeouts.
        alembic_config: where the migrations are, for `litestar database`.

    Raises:
        SettingsError: the address of the database can't be used.
    """
    engine = create_engine(
        settings.database.url,
        pooled=is_pooled(settings),
        statement_timeout_s=settings.database.statement_timeout_s,
        pool_size=settings.database.pool_size,
        max_overflow=settings.database.pool_overflow,
        pool_pre_ping=True,
        echo=settings.database.echo,
        hide_parameters=not settings.database.echo,
    )
    return SQLAlchemyAsyncConfig(
        engine_instance=engine,
        session_config=AsyncSessionConfig(expire_on_commit=False),
        alembic_config=alembic_config or AlembicAsyncConfig(),
        set_default_exception_handler=False,
    )


def unit_of_work(session_maker: async_sessionmaker[AsyncSession]) -> Callable[[], AsyncGenerator[AsyncSession, None]]:
    """Return the dependency that opens a request's session and commits it before the response is sent.

    Advanced Alchemy's autocommit handler logs a failed commit and still sends the response of success; here the failure
    becomes the response. An exception of the handler rolls back.
    """

    async def provide_session() -> AsyncGenerator[AsyncSession, None]:
        async with session_maker() as session:
            try:
                yield session
            except BaseException:
                await session.rollback()
                raise
            await session.commit()

    return provide_session
