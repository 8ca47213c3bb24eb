"""The tables of an installation as text, by PostgreSQL's COPY: no program of PostgreSQL is needed.

Not the format of `pg_dump`: restoring one runs its statements, and a backup may come from elsewhere. Here, the schema
comes from the migrations, and the text can only become rows of the tables that it names.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
import msgspec
from sqlalchemy import Select, literal_column, union_all
from sqlalchemy.dialects import postgresql

from tone_shootout.backup.errors import BackupError, DamagedError
from tone_shootout.backup.folder import OBJECTS, BackupFolder, Compressor, decompress
from tone_shootout.backup.records import Manifest, ObjectList, ObjectRecord, TableRecord
from tone_shootout.jobs.repositories import stored_results
from tone_shootout.kit.settings import parse_postgres
from tone_shootout.migrations import VERSION_TABLE, table_names
from tone_shootout.shootouts.library.repositories import stored_contents

DERIVED: Final = frozenset({"render_cache"})
"""Tables that are not backed up: what they name is rendered again when it is needed."""
_LINE: Final = msgspec.json.Decoder(ObjectRecord)
_MAXIMUM_LINE: Final = 4096
_BATCH: Final = 1000
_COLUMNS: Final = (
    "SELECT table_name::text, array_agg(column_name::text ORDER BY ordinal_position)"
    " FROM information_schema.columns WHERE table_schema = current_schema() AND is_generated = 'NEVER'"
    " GROUP BY table_name"
)
_FORMS: Final = (
    "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL datestyle = 'ISO';"
    " SET LOCAL timezone = 'UTC'; SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 1"
)
_USERS: Final = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user"
    " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
)


def part_name(table: str) -> str:
    """Return the name of the file of a table."""
    return f"{table}.copy.gz"


@asynccontextmanager
async def connected(url: str) -> AsyncGenerator[Any, None]:
    """Connect with the database, without prepared statements, so that a pooler does not matter.

    Raises:
        OSError: the database does not respond.
    """
    try:
        connection: Any = await asyncpg.connect(**parse_postgres(url).asyncpg(), statement_cache_size=0)
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise ConnectionError(f"cannot connect to the database: {error}") from None
    try:
        yield connection
    finally:
        await connection.close(timeout=10)


def objects_statement(*columns: str) -> str:
    """Return the statement for the objects that rows name: `key`, `size` and `sha256`, sorted by key.

    Args:
        columns: of the result; all three by default.
    """
    both: tuple[Select[Any], ...] = (stored_contents(), stored_results())
    named = union_all(*both).subquery("named")
    text = named.select().with_only_columns(*(named.c[each] for each in columns or ("key", "size", "sha256")))
    text = text.order_by(literal_column('named.key COLLATE "C"'))
    return str(text.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}))


async def revision_of(connection: Any) -> str | None:
    """Return the revision of the schema, None without one."""
    if await connection.fetchval("SELECT to_regclass($1)", VERSION_TABLE) is None:
        return None
    revision: str | None = await connection.fetchval(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608 - our name
    return revision


async def dump(connection: Any, folder: BackupFolder, snapshot: str) -> tuple[list[TableRecord], ObjectList]:
    """Write all tables and the list of objects into a snapshot, as they are at one moment.

    Args:
        connection: in a REPEATABLE READ transaction.
        folder: the backup.
        snapshot: name of the unfinished snapshot.

    Returns:
        The records of the manifest.
    """
    await connection.execute(_FORMS)
    columns = {name: list(found) for name, found in await connection.fetch(_COLUMNS)}
    tables = []
    for name in table_names():
        if name in DERIVED:
            continue
        file = Compressor(folder.write_part(snapshot, part_name(name)))

        async def write(content: bytes, file: Compressor = file) -> None:
            file.write(content)

        status: str = await connection.copy_from_table(name, columns=columns[name], output=write, format="text")
        sha256 = file.commit()
        rows = int(status.split()[-1])
        tables.append(TableRecord(name=name, columns=columns[name], rows=rows, size_bytes=file.size, sha256=sha256))
    return tables, await _write_list(connection, folder, snapshot)


async def _write_list(connection: Any, folder: BackupFolder, snapshot: str) -> ObjectList:
    file = Compressor(folder.write_part(snapshot, OBJECTS))
    count = total = 0
    async for key, size, sha256 in connection.cursor(objects_statement(), prefetch=_BATCH):
        file.write(msgspec.json.encode((key, size, sha256)) + b"\n")
        count, total = count + 1, total + size
    sha256 = file.commit()
    return ObjectList(count=count, content_bytes=total, size_bytes=file.size, sha256=sha256)


def read_list(folder: BackupFolder, snapshot: str, listed: ObjectList) -> Iterator[ObjectRecord]:
    """Yield the objects of a snapshot, sorted by key.

    Raises:
        DamagedError: the list is damaged.
    """
    rest = b""
    parts = folder.read_part(snapshot, OBJECTS)
    for chunk in decompress(parts, f"{snapshot}/{OBJECTS}", size=listed.size_bytes, sha256=listed.sha256):
        lines = (rest + chunk).split(b"\n")
        rest = lines.pop()
        if len(rest) > _MAXIMUM_LINE:
            raise DamagedError(f"{snapshot}/{OBJECTS} is damaged: a line is too long")
        for line in lines:
            try:
                yield _LINE.decode(line)
            except msgspec.DecodeError as error:
                raise DamagedError(f"{snapshot}/{OBJECTS} is damaged: {error}") from None


async def still_named(url: str, keys: list[str]) -> set[str]:
    """Return which of the keys rows name at the moment."""
    async with connected(url) as connection:
        statement = f"SELECT key FROM ({objects_statement('key')}) AS now WHERE key = ANY($1)"  # noqa: S608 - ours
        return {key for (key,) in await connection.fetch(statement, keys)}


async def refuse_unless_empty(connection: Any) -> None:
    """Refuse a database that has rows.

    Raises:
        BackupError: it names a table that has some.
    """
    for name in table_names():
        if await connection.fetchval("SELECT to_regclass($1)", name) is None:
            continue
        if await connection.fetchval(f'SELECT EXISTS (SELECT 1 FROM "{name}")'):  # noqa: S608 - a table of ours
            raise BackupError(f"the database is not empty: {name} has rows. Restore into an empty installation")


async def refuse_if_used(connection: Any) -> None:
    """Refuse a database with which others are connected.

    Raises:
        BackupError: it says how many they are.
    """
    others = await connection.fetchval(_USERS)
    if others:
        raise BackupError(f"the database has {others} other connections: stop web processes and workers first")


async def load(connection: Any, folder: BackupFolder, snapshot: str, manifest: Manifest) -> None:
    """Load all tables of a snapshot.

    Args:
        connection: in a transaction, with a database of the manifest's revision without rows.
        folder: the backup.
        snapshot: name of the snapshot.
        manifest: its manifest.

    Raises:
        DamagedError: the tables do not have the documented form, or name other objects than the list.
        BackupError: the database has rows.
    """
    await connection.execute(_FORMS)
    known = {name: set(found) for name, found in await connection.fetch(_COLUMNS)}
    for table in manifest.tables:
        if not set(table.columns) <= known.get(table.name, set()) or table.name == VERSION_TABLE:
            raise DamagedError(f"{snapshot} names a table or columns that the schema does not have: {table.name}")
        await connection.execute(f'LOCK TABLE "{table.name}" IN ACCESS EXCLUSIVE MODE')
    await refuse_unless_empty(connection)
    await connection.execute("SET CONSTRAINTS ALL DEFERRED")
    for table in manifest.tables:
        await _load_table(connection, folder, snapshot, table)
    await _compare_list(connection, read_list(folder, snapshot, manifest.objects), snapshot)


async def _load_table(connection: Any, folder: BackupFolder, snapshot: str, table: TableRecord) -> None:
    part = part_name(table.name)
    chunks = decompress(
        folder.read_part(snapshot, part), f"{snapshot}/{part}", size=table.size_bytes, sha256=table.sha256
    )

    async def source() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    try:
        status: str = await connection.copy_to_table(table.name, source=source(), columns=table.columns, format="text")
    except asyncpg.PostgresError as error:
        raise DamagedError(f"{snapshot}/{part} can't be loaded: {error}") from None
    if int(status.split()[-1]) != table.rows:
        raise DamagedError(f"{snapshot}/{part} is damaged: it has another number of rows than its manifest says")


async def _compare_list(connection: Any, listed: Iterator[ObjectRecord], snapshot: str) -> None:
    """Compare what the loaded rows name with the list: a row must not name what the backup did not state."""
    async for key, size, sha256 in connection.cursor(objects_statement(), prefetch=_BATCH):
        if next(listed, None) != ObjectRecord(key, size, sha256):
            raise DamagedError(f"{snapshot} is damaged: its tables name other objects than its list")
    if next(listed, None) is not None:
        raise DamagedError(f"{snapshot} is damaged: its list has objects that no row names")
