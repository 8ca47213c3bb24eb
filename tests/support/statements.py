"""Statements that real code sends to PostgreSQL, and how much of the tables they visit."""

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from asyncpg import UniqueViolationError
from sqlalchemy import Engine, event
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import Pool

_PLANNED = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
_REMOVED = ("Rows Removed by Filter", "Rows Removed by Index Recheck", "Rows Removed by Join Filter")


class Visits(NamedTuple):
    """What the execution of a statement has visited."""

    rows: int
    """Rows that the nodes of its plan have read, including those that they have dropped."""
    pages: int
    """Pages of tables and indexes."""
    plan: str
    """Nodes with their rows, for messages."""


@contextmanager
def recording() -> Generator[dict[str, tuple[Any, ...]], None, None]:
    """Record the statements of all connections that engines of this process open; their last parameters by text."""
    found: dict[str, tuple[Any, ...]] = {}

    def note(text: str, arguments: Any) -> None:
        if text.lstrip().upper().startswith(_PLANNED) and "pg_catalog" not in text:
            many = isinstance(arguments, list) and arguments
            found[text] = tuple(arguments[0] if many else arguments or ())

    def executed(_connection: Any, _cursor: Any, text: str, arguments: Any, _context: Any, _many: bool) -> None:
        note(text, arguments)

    def connected(connection: Any, _record: Any) -> None:
        # For those that pass SQLAlchemy by (`kit.db.reads`). The driver does not log what it has prepared for others.
        connection.driver_connection.add_query_logger(lambda query: note(query.query, query.args))

    event.listen(Engine, "before_cursor_execute", executed)
    event.listen(Pool, "connect", connected)
    try:
        yield found
    finally:
        event.remove(Pool, "connect", connected)
        event.remove(Engine, "before_cursor_execute", executed)


async def visits(engine: AsyncEngine, text: str, arguments: tuple[Any, ...]) -> Visits | None:
    """Execute a statement again and take it back; return what it visits, None for a row that is there already."""
    async with engine.connect() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        transaction = driver.transaction()
        await transaction.start()
        try:
            (row,) = await driver.fetch(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {text}", *arguments)
        except UniqueViolationError:
            return None
        finally:
            await transaction.rollback()
    document = json.loads(row[0]) if isinstance(row[0], str) else row[0]
    plan = document[0]["Plan"]
    lines = list(_nodes(plan))
    pages = plan.get("Shared Hit Blocks", 0) + plan.get("Shared Read Blocks", 0)
    return Visits(sum(rows for rows, _ in lines), pages, "\n".join(line for _, line in lines))


def _nodes(plan: Mapping[str, Any], depth: int = 0) -> Generator[tuple[int, str], None, None]:
    rows = round(plan["Actual Loops"] * (plan["Actual Rows"] + sum(plan.get(name, 0) for name in _REMOVED)))
    where = plan.get("Index Name") or plan.get("Relation Name") or ""
    yield rows, f"{'  ' * depth}{plan['Node Type']} {where}: {rows} rows"
    for child in plan.get("Plans", ()):
        yield from _nodes(child, depth + 1)
