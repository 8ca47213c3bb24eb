"""SAQ's queue on PostgreSQL, for connections that are shared through a pooler.

SAQ itself sets the search path at connection start, which poolers refuse, and takes session locks. Behind a pooler in
transaction mode, another process would inherit such a lock with the connection.
"""

from typing import Any

from psycopg.sql import SQL, Identifier
from saq.queue.postgres import JOBS_TABLE, STATS_TABLE, VERSIONS_TABLE, PostgresQueue
from saq.queue.postgres_migrations import get_migrations

from tone_shootout.jobs.scheduling.gated_queue import GatedQueue


class SharedPostgresQueue(GatedQueue, PostgresQueue):
    """A queue with its tables in `schema` and with transaction locks instead of session locks."""

    def __init__(self, *, schema: str, **options: Any) -> None:
        super().__init__(**options)
        self._schema = schema
        self.jobs_table = Identifier(schema, JOBS_TABLE)
        self.stats_table = Identifier(schema, STATS_TABLE)
        self.versions_table = Identifier(schema, VERSIONS_TABLE)

    async def init_db(self) -> None:
        """Create the tables or bring them up to date."""
        async with self.pool.connection() as connection, connection.transaction():
            found = await connection.execute("SELECT to_regclass(%s)", [self.versions_table.as_string()])
            row = await found.fetchone()
            if row is not None and row[0] is not None and await self._version(connection) == self._newest():
                return
            # One process at a time; the others find the tables up to date.
            await connection.execute("SELECT pg_advisory_xact_lock(%s, 0)", [self.saq_lock_keyspace])
            await connection.execute(SQL("CREATE TABLE IF NOT EXISTS {} (version INT)").format(self.versions_table))
            # One of SAQ's migrations names an index without its schema.
            await connection.execute(SQL("SET LOCAL search_path = {}").format(Identifier(self._schema)))
            current, newest = await self._version(connection), self._newest()
            if current > newest:
                raise ValueError("The queue's tables were created by a newer version of SAQ. Install that version.")
            for version, statements in get_migrations(jobs_table=self.jobs_table, stats_table=self.stats_table):
                for statement in statements if version > current else []:
                    await connection.execute(statement)
            await connection.execute(SQL("DELETE FROM {}").format(self.versions_table))
            await connection.execute(SQL("INSERT INTO {} VALUES (%s)").format(self.versions_table), [newest])

    async def sweep(self, lock: int = 60, abort: float = 5.0) -> list[str]:
        """Delete finished and stuck entries, unless another worker does so now."""
        async with self.pool.connection() as connection, connection.transaction():
            found = await connection.execute(
                "SELECT pg_try_advisory_xact_lock(%s, hashtext(%s))", [self.saq_lock_keyspace, self.name]
            )
            row = await found.fetchone()
            if row is None or not row[0]:
                return []
            self._has_sweep_lock = True  # so that SAQ takes no lock of its own
            return await super().sweep(lock, abort)

    async def _version(self, connection: Any) -> int:
        found = await connection.execute(SQL("SELECT version FROM {}").format(self.versions_table))
        row = await found.fetchone()
        return int(row[0]) if row else 0

    def _newest(self) -> int:
        return max(version for version, _ in get_migrations(self.jobs_table, self.stats_table))
