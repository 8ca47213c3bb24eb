"""Export of all data of a user as one archive (GDPR, articles 15 and 20).

The schema tells which rows belong to a user: those that refer to the user by a chain of foreign keys. So new tables
are exported without changes here. Binary columns are omitted: they contain hashes, encrypted secrets and stored
responses. Only those named `content` are files: uploaded pictures.
"""

import zipfile
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import Column, ColumnElement, LargeBinary, MetaData, Table, and_, select

from tone_shootout.accounts.account_deletion import storage_prefix
from tone_shootout.kit.db.session import Base, SessionMaker
from tone_shootout.kit.outages import StorageFaultError
from tone_shootout.kit.storage import MissingObjectError, Storage
from tone_shootout.kit.throttle import Rate
from tone_shootout.kit.zip_stream import ZipBuffer, open_archive, write_member, zip_member

EXPORT_RATE: Final = Rate("exports", 10, 3600)
"""Maximum number of exports of a user in an hour. Each reads all stored objects."""
USER_TABLE: Final = "user_account"
_OMITTED_COLUMNS: Final = frozenset({"sa_orm_sentinel"})
_OMITTED_PREFIXES: Final = ("cache/",)
"""Objects that can be computed again from the others."""
_README: Final = """All your data in Tone Shootout.

rows/     rows of the database, one JSON file for each table, without hashes, encrypted secrets and stored responses
pictures/ pictures that you uploaded, by the table and the key of their row
files/    stored files: blobs/ has the files of your library, named by their SHA-256 (see rows/library_item.json),
          jobs/ has the results of your jobs
"""


async def stream_archive(sessions: SessionMaker, storage: Storage, user_id: UUID) -> AsyncIterator[bytes]:
    """Yield a ZIP archive of all data of a user.

    Before the first chunk, all rows are read in one snapshot, so that a slow client holds no database connection, and
    the objects are listed, so that an unavailable storage is an error before the response starts. Then the objects are
    streamed; those whose row is deleted meanwhile are omitted.

    Raises:
        StorageError: the storage is unavailable.
        StorageFaultError: an object that a row refers to is missing.
        SQLAlchemyError: the database is unavailable.
    """
    buffer = ZipBuffer()
    prefix = storage_prefix(user_id)
    keys = [key async for key in storage.keys(prefix) if not key.removeprefix(prefix).startswith(_OMITTED_PREFIXES)]
    known = set(keys)
    for key in await _referenced_keys(sessions, user_id):
        if key not in known:
            if not await storage.exists(key):
                raise StorageFaultError(key, is_missing=True)
            known.add(key)
            keys.append(key)
    if keys:
        await storage.size_of(keys[0])
    with open_archive(buffer) as archive:
        archive.writestr(zip_member("README.txt", zipfile.ZIP_DEFLATED), _README)
        await _write_rows(archive, sessions, user_id)
        yield buffer.drain()
        async for name, content in _pictures(sessions, user_id):
            archive.writestr(zip_member(name, zipfile.ZIP_STORED), content)
            yield buffer.drain()
        for key in keys:
            name = key.removeprefix(prefix)
            try:
                member = zip_member(f"files/{name}")
                async with aclosing(write_member(archive, buffer, member, storage.stream(key))) as chunks:
                    async for chunk in chunks:
                        yield chunk
            except MissingObjectError:
                if key in await _referenced_keys(sessions, user_id):
                    # Truncate the archive, which the client notices, instead of omitting the file silently.
                    raise StorageFaultError(key, is_missing=True) from None
    yield buffer.drain()


def select_user_rows(metadata: MetaData, user_id: UUID) -> dict[Table, ColumnElement[bool]]:
    """Return every table with rows of a user, with the condition that selects them."""
    owned: dict[Table, ColumnElement[bool]] = {}
    for table in metadata.sorted_tables:  # sorted by dependency
        if table.name == USER_TABLE:
            owned[table] = table.c.id == user_id
            continue
        candidates = [key for key in table.foreign_keys if key.column.table in owned]
        if candidates:
            foreign_key = min(candidates, key=lambda key: (key.column.table.name != USER_TABLE, key.parent.name))
            parent = foreign_key.column.table
            owned[table] = (
                foreign_key.parent == user_id
                if parent.name == USER_TABLE
                else foreign_key.parent.in_(select(foreign_key.column).where(owned[parent]))
            )
    return owned


async def _referenced_keys(sessions: SessionMaker, user_id: UUID) -> list[str]:
    """Return the keys of all objects that a user's rows refer to."""
    referenced: dict[str, None] = {}
    async with sessions() as session:
        for table, condition in select_user_rows(Base.metadata, user_id).items():
            if "storage_key" in table.c:
                referenced |= dict.fromkeys(await session.scalars(select(table.c.storage_key).where(condition)))
            elif table.name == "library_item":
                hashes = await session.scalars(select(table.c.sha256).where(condition))
                referenced |= dict.fromkeys(f"{storage_prefix(user_id)}blobs/{sha256}" for sha256 in hashes)
    return list(referenced)


async def _write_rows(archive: zipfile.ZipFile, sessions: SessionMaker, user_id: UUID) -> None:
    async with sessions() as session:
        connection = await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        for table, condition in select_user_rows(Base.metadata, user_id).items():
            statement = select(*_exported_columns(table)).where(condition).order_by(*table.primary_key.columns)
            with archive.open(zip_member(f"rows/{table.name}.json", zipfile.ZIP_DEFLATED), "w") as file:
                separator = b"["
                async for row in await connection.stream(statement):
                    file.write(separator + b"\n" + msgspec.json.encode(dict(row._mapping)))  # noqa: SLF001 - SQLAlchemy documents it as public
                    separator = b","
                file.write(b"[]\n" if separator == b"[" else b"\n]\n")


async def _pictures(sessions: SessionMaker, user_id: UUID) -> AsyncIterator[tuple[str, bytes]]:
    """Yield name and content of each picture, read one by one, so that no more than one is in memory."""
    for table, condition in select_user_rows(Base.metadata, user_id).items():
        if not isinstance(getattr(table.c.get("content"), "type", None), LargeBinary):
            continue
        keys = list(table.primary_key.columns)
        async with sessions() as session:
            rows = (await session.execute(select(*keys).where(condition).order_by(*keys))).all()
        for row in rows:
            is_row = and_(*(column == value for column, value in zip(keys, row, strict=True)))
            async with sessions() as session:
                content: bytes | None = await session.scalar(select(table.c.content).where(is_row))
            if content is not None:  # it was deleted meanwhile
                yield f"pictures/{table.name}/{'-'.join(map(str, row))}.jpg", content


def _exported_columns(table: Table) -> list[Column[Any]]:
    return [c for c in table.columns if c.name not in _OMITTED_COLUMNS and not isinstance(c.type, LargeBinary)]
