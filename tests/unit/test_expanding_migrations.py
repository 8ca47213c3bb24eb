"""Migrations since the last release only expand the schema, so that old and new code run on it side by side."""

import pytest
from alembic.config import Config
from alembic.script import Script, ScriptDirectory

from tests.support.expanding import contracting, statements
from tests.support.shared import PROJECT
from tone_shootout.migrations import EXPANDING_SINCE, head_revision

CONFIG = Config()
CONFIG.set_main_option("script_location", str(PROJECT / "src" / "tone_shootout" / "migrations"))
SCRIPTS = {script.revision: script for script in ScriptDirectory.from_config(CONFIG).walk_revisions()}


def _since(revision: str) -> list[Script]:
    found, at = [], head_revision()
    while at is not None and at != revision:
        found.append(SCRIPTS[at])
        down = SCRIPTS[at].down_revision
        assert down is None or isinstance(down, str), "migrations form a line"
        at = down
    assert at == revision
    return found


@pytest.mark.parametrize("script", _since(EXPANDING_SINCE), ids=lambda script: script.revision)
def test_a_migration_since_the_last_release_only_expands(script: Script) -> None:
    found = statements(script)
    assert found, "no statement was read"
    assert list(contracting(found)) == []


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE job DROP COLUMN title",
        "DROP TABLE job",
        "ALTER TABLE job RENAME title TO name",
        "ALTER TABLE job RENAME TO work",
        "ALTER TABLE job ADD COLUMN a INTEGER NOT NULL",
        "ALTER TABLE job ALTER COLUMN title SET NOT NULL",
        "ALTER TABLE job ALTER COLUMN title TYPE INTEGER",
        "ALTER TABLE job ADD CONSTRAINT x CHECK (a > 0)",
        "CREATE UNIQUE INDEX x ON job (title)",
        "UPDATE job SET title = ''",
    ],
)
def test_what_old_code_can_not_live_with_is_noticed(statement: str) -> None:
    assert list(contracting([statement])) == [statement]


def test_what_old_code_does_not_see_is_allowed() -> None:
    allowed = [
        "CREATE TABLE new (\n    id UUID NOT NULL\n)",
        "CREATE UNIQUE INDEX u ON new (id)",
        "ALTER TABLE new ADD CONSTRAINT x CHECK (true)",
        "CREATE INDEX i ON job (title)",
        "ALTER TABLE job ADD COLUMN a INTEGER",
        "ALTER TABLE job ADD COLUMN b INTEGER DEFAULT 0 NOT NULL",
    ]
    assert list(contracting(allowed)) == []
