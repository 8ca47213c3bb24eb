"""Rename fields of stored documents: units in names, one word for gear; deliveries of webhooks have a status.

Revision: 0012, after 0011
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_SOUND = {"bytes": "size_bytes", "rate": "sample_rate_hz", "seconds": "duration_s"}
_CAPTURE = {
    "bytes": "size_bytes",
    "sample_rate": "sample_rate_hz",
    "receptive_field": "receptive_field_samples",
    "gear_type": "gear",
}
_MODEL = {"tone": "tone_id", "model": "model_id"}
_SOURCE = {"model": "model_name"}
_ATTEMPT = {"ms": "duration_ms", "status": "http_status"}
_BATCH = 500


def upgrade() -> None:
    """Apply."""
    _convert_all(lambda names: names, gear=lambda text: re.sub(r"[-\s]+", "_", text.strip().lower()) or None)
    _rename("state", "status")
    op.execute(
        "UPDATE job_event SET data = (data - 'size') || jsonb_build_object('size_bytes', data->'size')"
        " WHERE type = 'artifact' AND jsonb_exists(data, 'size')"
    )


def downgrade() -> None:
    """Take back. Types of gear keep their spelling, which was understood before."""
    _convert_all(lambda names: {new: old for old, new in names.items()}, gear=lambda text: text)
    _rename("status", "state")
    op.execute(
        "UPDATE job_event SET data = (data - 'size_bytes') || jsonb_build_object('size', data->'size_bytes')"
        " WHERE type = 'artifact' AND jsonb_exists(data, 'size_bytes')"
    )


def _rename(old: str, new: str) -> None:
    op.execute(f"ALTER TABLE webhook_delivery RENAME COLUMN {old} TO {new}")
    op.execute(f"ALTER TABLE webhook_delivery RENAME CONSTRAINT ck_webhook_delivery_{old} TO ck_webhook_delivery_{new}")


def _convert_all(
    direction: Callable[[Mapping[str, str]], Mapping[str, str]], *, gear: Callable[[str], str | None]
) -> None:
    sound, capture = direction(_SOUND), direction(_CAPTURE)
    model, source, attempt = direction(_MODEL), direction(_SOURCE), direction(_ATTEMPT)

    def spelled(document: Any) -> Any:
        return document and {
            name: gear(value) if name in ("gear", "catalog_gear") and isinstance(value, str) else value
            for name, value in document.items()
        }

    def facts(document: Any) -> Any:
        if not document or document.get("kind") != "capture":
            return _renamed(document, sound)
        parts = {
            name: [spelled(_renamed(each, capture)) for each in document[name]]
            for name in ("parts", "sizes")
            if name in document
        }
        return spelled({**_renamed(document, capture), **parts})

    def config(document: Any) -> Any:
        if isinstance(document, list):
            return [config(each) for each in document]
        if not isinstance(document, dict):
            return document
        return {
            name: _renamed(value, model) if name == "tone3000" else config(value) for name, value in document.items()
        }

    def inputs(document: Any) -> Any:
        assets = {
            file: {**asset, "facts": facts(asset.get("facts"))} for file, asset in document.get("assets", {}).items()
        }
        wanted = [_renamed(each, model) for each in document.get("wanted", [])]
        return {**document, "assets": assets, "wanted": wanted}

    _convert("shootout", "config", config)
    _convert("job", "inputs", inputs)
    _convert("library_item", "facts", facts)
    _convert("library_item", "source", lambda document: spelled(_renamed(document, source)))
    _convert("webhook_delivery", "log", lambda document: [_renamed(each, attempt) for each in document])


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
