"""Alembic's environment, for `shootout db` and `litestar database` alike: one transaction for each revision."""

import asyncio
from dataclasses import replace

import structlog
from alembic import context
from sqlalchemy import Connection, event, pool

from tone_shootout.jobs.scheduling.queue import prepare_queue
from tone_shootout.kit.db.locks import Lock
from tone_shootout.kit.db.session import create_engine
from tone_shootout.kit.settings import load_settings
from tone_shootout.migrations import VERSION_TABLE, has_revision
from tone_shootout.migrations.models import metadata

_log = structlog.get_logger(__name__)


def _run(connection: Connection) -> bool:
    """Run the command; return whether it was an upgrade."""
    context.configure(
        connection=connection,
        target_metadata=metadata(),
        version_table=VERSION_TABLE,
        compare_type=True,
        compare_server_default=True,
        transaction_per_migration=True,
        user_module_prefix="advanced_alchemy.types.",
    )
    is_upgrade = getattr(context.get_context().opts.get("fn"), "__name__", "") == "upgrade"
    current = context.get_context().get_current_revision()
    if is_upgrade and current is not None and not has_revision(current):
        # An older version that starts beside newer ones, or after them: what it needs is there.
        _notify(f"the schema is at {current}, which is newer than this version")
        return False
    with context.begin_transaction():
        context.run_migrations()
    return is_upgrade


def _notify(line: str) -> None:
    notify = context.config.attributes.get("on_wait") or _log.info
    notify(line)


def _lift_limits(connection: Connection) -> None:
    """Lift the timeouts that a hoster may have set for our role, until the transaction ends."""
    for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
        connection.exec_driver_sql(f"SET LOCAL {limit} = 0")


async def _main() -> None:
    settings = load_settings()
    # `litestar database` has no way to pass an address: it means the one of the settings.
    url = context.config.attributes.get("url") or settings.database.url
    # Not the application's engine: migrations prepare no statements, so a pooler in transaction mode does not matter,
    # and they may take long.
    engine = create_engine(url, pooled=True, poolclass=pool.NullPool)
    event.listen(engine.sync_engine, "begin", _lift_limits)
    try:
        async with engine.connect() as guard:
            # The lock lasts until the transaction of this connection ends, behind a pooler too.
            if not (await guard.exec_driver_sql(f"SELECT pg_try_advisory_xact_lock({Lock.MIGRATIONS:d})")).scalar():
                _notify("waiting for another migration of this database to end")
                await guard.exec_driver_sql(f"SELECT pg_advisory_xact_lock({Lock.MIGRATIONS:d})")
            async with engine.connect() as connection:
                is_upgrade = await connection.run_sync(_run)
            if is_upgrade:
                await prepare_queue(replace(settings, database=replace(settings.database, url=url)))
    finally:
        await engine.dispose()


asyncio.run(_main())
