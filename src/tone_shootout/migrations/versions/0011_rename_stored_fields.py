"""Rename fields of stored documents: units in the names of block fields, American spelling.

Revision: 0011, after 0010
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_BLOCKS: dict[str, dict[str, str]] = {
    "gain": {"db": "gain_db"},
    "delay": {"ms": "time_ms"},
    "reverb": {"kind": "reverb_type"},
}
_BAND = {"kind": "type", "hz": "frequency_hz", "db": "gain_db"}
_LICENSE = {"licence": "license", "licence_name": "license_name", "licence_url": "license_url"}
_BATCH = 500


def upgrade() -> None:
    """Apply."""
    _convert_all(lambda names: names)
    op.execute(
        "UPDATE job_event SET data = jsonb_set(data, '{status}', '\"leveled\"')"
        " WHERE type = 'segment' AND data->>'status' = 'levelled'"
    )


def downgrade() -> None:
    """Take back."""
    _convert_all(lambda names: {new: old for old, new in names.items()})
    op.execute(
        "UPDATE job_event SET data = jsonb_set(data, '{status}', '\"levelled\"')"
        " WHERE type = 'segment' AND data->>'status' = 'leveled'"
    )


def _convert_all(direction: Callable[[Mapping[str, str]], Mapping[str, str]]) -> None:
    blocks = {block: direction(names) for block, names in _BLOCKS.items()}
    band, terms = direction(_BAND), direction(_LICENSE)

    def spec(document: Any) -> Any:
        chains = [
            {**chain, "blocks": [_block(block, blocks, band) for block in chain.get("blocks", [])]}
            for chain in document.get("chains", [])
        ]
        return {**document, "chains": chains}

    def inputs(document: Any) -> Any:
        assets = {
            file: {**asset, "credit": _renamed(asset.get("credit"), terms)}
            for file, asset in document.get("assets", {}).items()
        }
        return {**document, "spec": spec(document.get("spec", {})), "assets": assets}

    _convert("shootout", "config", spec)
    _convert("job", "inputs", inputs)
    _convert("library_item", "source", lambda document: _renamed(document, terms))


def _block(block: dict[str, Any], blocks: Mapping[str, Mapping[str, str]], band: Mapping[str, str]) -> dict[str, Any]:
    if block.get("type") == "eq":
        return {**block, "bands": [_renamed(each, band) for each in block.get("bands", [])]}
    renamed: dict[str, Any] = _renamed(block, blocks.get(str(block.get("type")), {}))
    return renamed


def _renamed(document: Any, names: Mapping[str, str]) -> Any:
    return document and {names.get(name, name): value for name, value in document.items()}


def _convert(table: str, column: str, convert: Callable[[Any], Any]) -> None:
    """Convert one document of each row, in batches: the documents of a large table do not fit into memory."""
    connection = op.get_bind()
    select = sa.text(
        f"SELECT id, {column} AS document FROM {table}"  # noqa: S608 - the names are ours
        f" WHERE id > CAST(:last AS uuid) AND {column} IS NOT NULL ORDER BY id LIMIT {_BATCH}"
    )
    update = sa.text(f"UPDATE {table} SET {column} = CAST(:document AS jsonb) WHERE id = :id")  # noqa: S608 - as above
    last = "00000000-0000-0000-0000-000000000000"
    while rows := connection.execute(select, {"last": last}).all():
        for row in rows:
            converted = convert(row.document)
            if converted != row.document:
                connection.execute(update, {"id": row.id, "document": json.dumps(converted)})
        last = str(rows[-1].id)
