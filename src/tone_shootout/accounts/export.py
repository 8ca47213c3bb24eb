"""Everything that is kept of a user, as one archive (GDPR, articles 15 and 20).

Which rows are a user's is read off the schema: those from which foreign keys lead to them. So a table that is added
tomorrow is part of the archive without anybody thinking of it. Binary columns are left out: they are hashes,
encrypted secrets and answers that were given before, of no use to anybody.
"""

import zipfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import Column, ColumnElement, LargeBinary, MetaData, Table, select

from tone_shootout.accounts.account_deletion import stored_prefix
from tone_shootout.kit.db.session import Base, SessionMaker
from tone_shootout.kit.outages import StorageFaultError
from tone_shootout.kit.storage import MissingObjectError, Storage
from tone_shootout.kit.throttle import Rate

EXPORTS: Final = Rate("exports", 10, 3600)
"""Archives that a user may have made in an hour: each reads all that is stored."""
ROOT: Final = "user_account"
_UNINTERESTING: Final = frozenset({"sa_orm_sentinel"})
_DERIVED: Final = ("cache/",)
"""What can be made again from the rest, and is of no interest outside."""
_README: Final = """Everything that Tone Shootout keeps of you.

rows/     what the database holds, a JSON file for each table, without hashes, encrypted secrets and repeated answers
files/    what is stored: blobs/ are the files of your library, called by their SHA-256 (see rows/library_item.json),
          jobs/ what your jobs have made
"""


class _Pipe:
    """A file that can't be sought in: what is written comes out again, once."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Take what the archive writes."""
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Do nothing: there is nothing to flush into."""

    def drain(self) -> bytes:
        """Give out what has come since."""
        drained = b"".join(self._parts)
        self._parts.clear()
        return drained


async def archive(sessions: SessionMaker, storage: Storage, user_id: UUID) -> AsyncIterator[bytes]:
    """Yield a ZIP archive of all that is kept of a user.

    The rows are read at once, in one snapshot, before anything is sent: a slow reader keeps no connection to the
    database. So is the list of files, and the first one is asked for: what is away is known before the first part of
    the archive comes. Files are streamed; one whose row is deleted meanwhile is left out.

    Raises:
        StorageError: the storage does not answer.
        StorageFaultError: an object that a row names is missing.
        SQLAlchemyError: the database does not.
    """
    pipe = _Pipe()
    prefix = stored_prefix(user_id)
    keys = [key async for key in storage.keys(prefix) if not key.removeprefix(prefix).startswith(_DERIVED)]
    known = set(keys)
    for key in await _named_keys(sessions, user_id):
        if key not in known:
            if not await storage.exists(key):
                raise StorageFaultError(key, is_missing=True)
            known.add(key)
            keys.append(key)
    if keys:
        await storage.size_of(keys[0])
    with zipfile.ZipFile(pipe, "w", allowZip64=True) as made:  # type: ignore[call-overload]  # it needs no more than write
        made.writestr(_member("README.txt", zipfile.ZIP_DEFLATED), _README)
        await _write_rows(made, sessions, user_id)
        yield pipe.drain()
        for key in keys:
            name = key.removeprefix(prefix)
            try:
                # Closed at once when the reader goes away: an archive with an open member can't be closed.
                async with aclosing(_file(made, pipe, f"files/{name}", storage.stream(key))) as chunks:
                    async for chunk in chunks:
                        yield chunk
            except MissingObjectError:
                if key in await _named_keys(sessions, user_id):
                    # Cut the archive short where everybody sees it, rather than leave the file out without a word.
                    raise StorageFaultError(key, is_missing=True) from None
    yield pipe.drain()


async def begun(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Return the same chunks when the first one is there, so that a failure comes before the answer."""
    first = await anext(chunks, b"")

    async def whole() -> AsyncIterator[bytes]:
        yield first
        async for chunk in chunks:
            yield chunk

    return whole()


def rows_of(metadata: MetaData, user_id: UUID) -> dict[Table, ColumnElement[bool]]:
    """Return every table that holds rows of a user, with the condition that picks them."""
    owned: dict[Table, ColumnElement[bool]] = {}
    for table in metadata.sorted_tables:  # whoever is referred to comes first
        if table.name == ROOT:
            owned[table] = table.c.id == user_id
            continue
        ways = [key for key in table.foreign_keys if key.column.table in owned]
        if ways:
            shortest = min(ways, key=lambda key: (key.column.table.name != ROOT, key.parent.name))
            parent = shortest.column.table
            owned[table] = (
                shortest.parent == user_id
                if parent.name == ROOT
                else shortest.parent.in_(select(shortest.column).where(owned[parent]))
            )
    return owned


async def _named_keys(sessions: SessionMaker, user_id: UUID) -> list[str]:
    """Return the keys of all objects that a user's rows name."""
    named: dict[str, None] = {}
    async with sessions() as session:
        for table, condition in rows_of(Base.metadata, user_id).items():
            if "storage_key" in table.c:
                named |= dict.fromkeys(await session.scalars(select(table.c.storage_key).where(condition)))
            elif table.name == "library_item":
                hashes = await session.scalars(select(table.c.sha256).where(condition))
                named |= dict.fromkeys(f"{stored_prefix(user_id)}blobs/{sha256}" for sha256 in hashes)
    return list(named)


async def _write_rows(made: zipfile.ZipFile, sessions: SessionMaker, user_id: UUID) -> None:
    async with sessions() as session:
        connection = await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        for table, condition in rows_of(Base.metadata, user_id).items():
            statement = select(*_shown(table)).where(condition).order_by(*table.primary_key.columns)
            with made.open(_member(f"rows/{table.name}.json", zipfile.ZIP_DEFLATED), "w") as file:
                separator = b"["
                async for row in await connection.stream(statement):
                    file.write(separator + b"\n" + msgspec.json.encode(dict(row._mapping)))  # noqa: SLF001 - it is the public name
                    separator = b","
                file.write(b"[]\n" if separator == b"[" else b"\n]\n")


async def _file(
    made: zipfile.ZipFile, pipe: _Pipe, name: str, content: AsyncIterator[bytes]
) -> AsyncGenerator[bytes, None]:
    first = await anext(content, b"")
    with made.open(_member(name, zipfile.ZIP_STORED), "w", force_zip64=True) as file:
        file.write(first)
        yield pipe.drain()
        async for chunk in content:
            file.write(chunk)
            yield pipe.drain()


def _shown(table: Table) -> list[Column[Any]]:
    return [c for c in table.columns if c.name not in _UNINTERESTING and not isinstance(c.type, LargeBinary)]


def _member(name: str, compression: int) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, datetime.now(UTC).timetuple()[:6])
    member.compress_type = compression
    member.external_attr = 0o600 << 16
    return member
