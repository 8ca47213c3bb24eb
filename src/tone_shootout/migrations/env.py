"""Alembic's environment: one connection, one transaction for each revision, all the models."""

import asyncio

from advanced_alchemy.base import metadata_registry
from alembic import context
from sqlalchemy import Connection, pool
from sqlalchemy.ext.asyncio import create_async_engine

import tone_shootout.accounts.models
import tone_shootout.jobs.models
import tone_shootout.jobs.webhooks.models
import tone_shootout.shootouts.models  # noqa: F401 - the imports fill the metadata

LOCK = 7_303_014  # any number, the same for every process: concurrent first starts migrate one after the other


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


async def _main() -> None:
    engine = create_async_engine(context.config.attributes["url"], poolclass=pool.NullPool)
    try:
        async with engine.connect() as guard:
            await guard.exec_driver_sql(f"SELECT pg_advisory_lock({LOCK})")
            async with engine.connect() as connection:
                await connection.run_sync(_run)
    finally:
        await engine.dispose()


asyncio.run(_main())
