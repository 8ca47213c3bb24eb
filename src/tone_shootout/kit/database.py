"""The database: connection, the base of all tables, and the unit of work of a request."""

from collections.abc import AsyncGenerator
from typing import Any

from advanced_alchemy.base import DefaultBase, UUIDv7AuditBase, UUIDv7Base
from advanced_alchemy.extensions.litestar import AsyncSessionConfig, EngineConfig, SQLAlchemyAsyncConfig
from asyncpg import PostgresError
from litestar.datastructures import State
from sqlalchemy import event
from sqlalchemy.engine import Dialect, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from tone_shootout.kit.settings import Settings, SettingsError

__all__ = ["Base", "UUIDv7AuditBase", "UUIDv7Base", "async_url", "database_config", "plain_url", "unit_of_work"]

Base = DefaultBase
"""For tables whose key is made of other tables' keys."""


def async_url(url: str) -> str:
    """Return a PostgreSQL address in the form that SQLAlchemy's asynchronous driver wants.

    Raises:
        SettingsError: the address is not one of PostgreSQL.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise SettingsError("SHOOTOUT_DATABASE_URL: expected postgresql://…") from None
    if parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise SettingsError(f"SHOOTOUT_DATABASE_URL: expected postgresql://…, got {parsed.drivername}://…")
    return parsed.set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)


def plain_url(url: str) -> str:
    """Return a PostgreSQL address in the form that libpq and psycopg want."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def database_config(settings: Settings) -> SQLAlchemyAsyncConfig:
    """Return the configuration that the web process, the worker and the migrations share."""
    return SQLAlchemyAsyncConfig(
        connection_string=async_url(settings.database.url),
        engine_config=EngineConfig(
            pool_size=settings.database.pool_size,
            max_overflow=settings.database.pool_overflow,
            pool_pre_ping=True,
            echo=settings.database.echo,
            hide_parameters=not settings.database.echo,
        ),
        create_engine_callable=_create_engine,
        session_config=AsyncSessionConfig(expire_on_commit=False),
        set_default_exception_handler=False,
    )


def _create_engine(url: str, **options: Any) -> AsyncEngine:
    """Make an engine whose connections fail with `ConnectionError` when the database takes none.

    While it starts or stops, the driver raises an error of its own there, which SQLAlchemy passes on as it is.
    """
    engine = create_async_engine(url, **options)

    @event.listens_for(engine.sync_engine, "do_connect")
    def connect(dialect: Dialect, _record: Any, args: tuple[Any, ...], options: dict[str, Any]) -> DBAPIConnection:
        try:
            return dialect.connect(*args, **options)
        except PostgresError as error:
            raise ConnectionError(f"the database takes no connection: {error}") from error

    return engine


async def unit_of_work(state: State) -> AsyncGenerator[AsyncSession, None]:
    """Give a request its session, and commit before the answer is sent.

    Advanced Alchemy's own autocommit handler logs a commit that fails and lets the answer of success go out; here the
    failure becomes the answer. An exception of the handler rolls back.
    """
    async with state["sessions"]() as session:
        try:
            yield session
        except BaseException:
            await session.rollback()
            raise
        await session.commit()
