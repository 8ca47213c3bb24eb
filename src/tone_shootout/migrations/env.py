"""Alembic's environment: one connection, one transaction for each revision, all the models."""

import asyncio

import structlog
from advanced_alchemy.base import metadata_registry
from alembic import context
from sqlalchemy import Connection, event, pool

import tone_shootout.accounts.models
import tone_shootout.jobs.models
import tone_shootout.jobs.webhooks.models
import tone_shootout.shootouts.models  # noqa: F401 - the imports fill the metadata
from tone_shootout.kit.db.locks import Lock
from tone_shootout.kit.db.session import create_engine

_log = structlog.get_logger(__name__)


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata_registry.get(None),
        version_table="schema_version",
        compare_type=True,
        compare_server_default=True,
        transaction_per_migration=True,
        user_module_prefix="advanced_alchemy.types.",
    )
    with context.begin_transaction():
        context.run_migrations()


def _take_time(connection: Connection) -> None:
    """Lift the limits that a hoster may have set for our role, until the transaction ends."""
    for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
        connection.exec_driver_sql(f"SET LOCAL {limit} = 0")


async def _main() -> None:
    # Whether or not a pooler in transaction mode is there: migrations prepare nothing, and take their time.
    engine = create_engine(context.config.attributes["url"], pooled=True, poolclass=pool.NullPool)
    event.listen(engine.sync_engine, "begin", _take_time)
    try:
        async with engine.connect() as guard:
            # As long as the transaction of this connection, wherever a pooler has it end up.
            if not (await guard.exec_driver_sql(f"SELECT pg_try_advisory_xact_lock({Lock.MIGRATIONS:d})")).scalar():
                told = context.config.attributes.get("on_wait") or _log.info
                told("waiting for another migration of this database to end")
                await guard.exec_driver_sql(f"SELECT pg_advisory_xact_lock({Lock.MIGRATIONS:d})")
            async with engine.connect() as connection:
                await connection.run_sync(_run)
    finally:
        await engine.dispose()


asyncio.run(_main())
