"""The statements of a migration, and which of them code of before it can't live with."""

import io
import re
from collections.abc import Iterator

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import Script

_NAME = r'"?\w+"?'
_TABLE = re.compile(rf"CREATE TABLE ({_NAME}) \(.*\)", re.DOTALL)
_COLUMN = re.compile(rf"ALTER TABLE ({_NAME}) ADD COLUMN {_NAME} (.*)", re.DOTALL)
_INDEX = re.compile(rf"CREATE INDEX {_NAME} ON {_NAME} .*", re.DOTALL)
_ON_TABLE = re.compile(rf"(?:ALTER TABLE|CREATE UNIQUE INDEX {_NAME} ON) ({_NAME}) .*", re.DOTALL)


def statements(script: Script) -> list[str]:
    """Return the SQL of a migration's upgrade, without running it.

    Raises:
        AttributeError: it reads or changes rows by itself, which has no SQL that could be read.
    """
    buffer = io.StringIO()
    context = MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True, "output_buffer": buffer})
    with Operations.context(context):
        script.module.upgrade()
    return [each.strip() for each in buffer.getvalue().split(";") if each.strip()]


def contracting(found: list[str]) -> Iterator[str]:
    """Yield the statements that do more than expand the schema.

    Allowed are new tables and what belongs to them, new columns that are nullable or have a default of the server, and
    new indexes that are not unique.
    """
    new = {match[1] for each in found if (match := _TABLE.fullmatch(each))}
    for each in found:
        if _TABLE.fullmatch(each) or _INDEX.fullmatch(each):
            continue
        if (column := _COLUMN.fullmatch(each)) and ("NOT NULL" not in column[2] or "DEFAULT" in column[2]):
            continue
        if (on := _ON_TABLE.fullmatch(each)) and on[1] in new:
            continue
        yield each
