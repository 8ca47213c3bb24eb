"""Backups are complete, resumable and checked; a restored installation has every row and object."""

import asyncio
import hashlib
import re
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from click.testing import CliRunner, Result

from tests.support.live import environ_of
from tests.support.rows import fill
from tone_shootout import migrations
from tone_shootout.backup import copying, making, sealing
from tone_shootout.backup.copying import is_whole
from tone_shootout.backup.errors import DamagedError
from tone_shootout.backup.folder import BackupFolder
from tone_shootout.backup.making import make_backup
from tone_shootout.backup.progress import Progress
from tone_shootout.backup.restoring import check_backup
from tone_shootout.cli import main
from tone_shootout.embedded.servers import Servers
from tone_shootout.kit.settings import DatabaseSettings, Settings
from tone_shootout.kit.storage import OpenObject, Storage

KEY = "correct horse battery staple"
FILES = {"manifest.json": b"{}", "segments/01 – “Plexi”.flac": b"f" * 200_000, "empty.txt": b""}
LIBRARY = b"content of the library"


@pytest.fixture(scope="module")
def template(servers: Servers) -> str:
    """Name of a database with a row in each table and three results."""
    name = f"backup_{uuid4().hex}"
    url = servers.create_database(name)
    migrations.upgrade(url)
    fill(url)
    sha256 = hashlib.sha256(LIBRARY).hexdigest()
    insert = """
        INSERT INTO job_artifact (job_id, path, size, sha256, media_type, storage_key)
        SELECT id, %(path)s::text, %(size)s, %(sha256)s, 'text/plain',
            'users/' || owner_id || '/jobs/' || id || '/1/' || %(path)s::text
        FROM job
    """
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE library_item SET sha256 = %s, size = %s", [sha256, len(LIBRARY)])
        connection.execute("UPDATE library_item SET name = E'tab\\t, back\\\\slash, line\\nend \\u00e9'")
        connection.execute("DELETE FROM job_artifact")
        for path, content in FILES.items():
            sha256 = hashlib.sha256(content).hexdigest()
            connection.execute(insert, {"path": path, "size": len(content), "sha256": sha256})
    return name


@pytest.fixture
def source(servers: Servers, template: str, settings: Settings, tmp_path: Path) -> Settings:
    """Settings of an installation with rows and their objects."""
    url = servers.create_database(f"source_{uuid4().hex}", template=template)
    made = replace(settings, data=tmp_path / "source", database=DatabaseSettings(url=url))

    async def store() -> None:
        storage = Storage.from_settings(made)
        with psycopg.connect(url) as connection:
            contents = {hashlib.sha256(each).hexdigest(): each for each in (*FILES.values(), LIBRARY)}
            keys = connection.execute(
                "SELECT storage_key, sha256 FROM job_artifact UNION ALL"
                " SELECT 'users/' || owner_id || '/blobs/' || sha256, sha256 FROM library_item"
            ).fetchall()
        for key, sha256 in keys:
            await storage.put(key, contents[sha256])
        await storage.aclose()

    asyncio.run(store())
    return made


@pytest.fixture
def target(servers: Servers, settings: Settings, tmp_path: Path) -> Settings:
    """Settings of an empty installation with the same secrets."""
    url = servers.create_database(f"target_{uuid4().hex}")
    return replace(settings, data=tmp_path / "target", database=DatabaseSettings(url=url))


@pytest.fixture(autouse=True)
def _cheap_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "_N", 16)


def _run(settings: Settings, *arguments: object, key: str = "") -> Result:
    environ = {**environ_of(settings), "SHOOTOUT_BACKUP_KEY": key}
    return CliRunner().invoke(main, [str(each) for each in arguments], env=environ)


def _ok(result: Result) -> str:
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def _refused(result: Result) -> str:
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def _rows(url: str) -> dict[str, list[str]]:
    with psycopg.connect(url) as connection:
        return {
            table: [row for (row,) in connection.execute(f"SELECT t::text FROM {table} AS t ORDER BY 1".encode())]
            for table in migrations.table_names()
        }


def _objects(settings: Settings) -> dict[str, bytes]:
    folder = settings.data / "objects"
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _files(folder: Path) -> Generator[Path, None, None]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in ("lock", "backup.json"))


@pytest.mark.parametrize("key", ["", KEY], ids=["plain", "encrypted"])
def test_a_restored_installation_has_every_row_and_object(
    source: Settings, target: Settings, tmp_path: Path, key: str
) -> None:
    made = _ok(_run(source, "backup", tmp_path / "b", key=key))
    assert "4 objects (0.2 MB), 4 of them new." in made
    if key:
        stored = b"".join(path.read_bytes() for path in _files(tmp_path / "b"))
        assert not any(secret in stored for secret in (b"f" * 100, LIBRARY, b"library_item"))
    assert "4 objects, 0.2 MB" in _ok(_run(target, "restore", tmp_path / "b", "--check", key=key))
    restored = _run(target, "restore", tmp_path / "b", key=key)
    assert "4 objects (0.2 MB)." in _ok(restored)
    assert "can't read the tokens of 0 TONE3000 connections and the secrets of 1 webhooks" in restored.stderr
    before, after = _rows(source.database.url), _rows(target.database.url)
    assert before.pop("render_cache") != after.pop("render_cache") == []
    assert after == before
    assert _objects(target) == _objects(source)
    again = _refused(_run(target, "restore", tmp_path / "b", key=key))
    assert re.search("the database is not empty: [a-z_]+ has rows", again)


def test_a_key_that_is_wrong_missing_short_or_superfluous_is_named(source: Settings, tmp_path: Path) -> None:
    encrypted, plain = tmp_path / "encrypted", tmp_path / "plain"
    assert "at least 12 characters" in _refused(_run(source, "backup", encrypted, key="short"))
    _ok(_run(source, "backup", encrypted, key=KEY))
    _ok(_run(source, "backup", plain))
    for command in (("backup", encrypted), ("restore", encrypted, "--check")):
        assert "this is not the key of the backup" in _refused(_run(source, *command, key=f"{KEY}."))
        assert "SHOOTOUT_BACKUP_KEY or by --key-file" in _refused(_run(source, *command))
    assert "the backup is not encrypted" in _refused(_run(source, "restore", plain, "--check", key=KEY))
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    file.chmod(0o644)
    read = _run(source, "restore", encrypted, "--check", "--key-file", file)
    assert "is whole" in _ok(read)
    assert "chmod 600" in read.stderr


@pytest.mark.parametrize("key", ["", KEY], ids=["plain", "encrypted"])
async def test_a_flipped_byte_in_any_file_is_found(source: Settings, tmp_path: Path, key: str) -> None:
    await asyncio.to_thread(_run, source, "backup", tmp_path / "b", key=key)
    folder = BackupFolder.open(tmp_path / "b", key or None)
    snapshot = folder.snapshot(None)
    assert await check_backup(folder, snapshot, Progress()) == []
    paths = list(_files(tmp_path / "b"))
    assert len(paths) == len(migrations.table_names()) - 1 + 3 + 4
    for path in paths:
        content = path.read_bytes()
        middle = len(content) // 2
        flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :] if content else b"x"
        for changed in (flipped, None):
            path.unlink()
            if changed is not None:
                path.write_bytes(changed)
            try:
                found = await check_backup(folder, snapshot, Progress())
            except DamagedError as error:  # without the manifest or the list, nothing else can be checked
                found = [str(error)]
            assert len(found) == 1, path
            if changed is None:
                path.touch()
        path.write_bytes(content)
    assert await check_backup(folder, snapshot, Progress()) == []


class _Faulty(Storage):
    """A storage that fails, or does something else, before it opens an object."""

    before: Any = None

    async def open(self, key: str, *, start: int = 0, end: int | None = None) -> OpenObject:
        await self.before(key)
        return await super().open(key, start=start, end=end)


async def test_an_interrupted_backup_goes_on_and_mends_what_was_damaged(
    source: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "AT_ONCE", 1)
    url = source.database.url
    storage = _Faulty.from_settings(source)
    opened: list[str] = []

    async def fail(key: str) -> None:
        opened.append(key.rpartition("/")[2])
        if "Plexi" in key:
            raise ConnectionError("the storage is gone")

    storage.before = fail
    folder = BackupFolder.create(tmp_path / "b", KEY)
    with folder.locked(), pytest.raises(ConnectionError):
        await make_backup(url, storage, folder, Progress(), keep=1)
    assert folder.snapshots() == []

    async def note(key: str) -> None:
        opened.append(key.rpartition("/")[2])

    storage.before = note
    assert opened == [hashlib.sha256(LIBRARY).hexdigest(), "empty.txt", "manifest.json", "01 – “Plexi”.flac"]
    opened = []
    with folder.locked():
        snapshot, _ = await make_backup(url, storage, folder, Progress(), keep=1)
    assert not list((tmp_path / "b").rglob(".new-*"))
    assert opened == ["01 – “Plexi”.flac"]
    opened = []
    sha256 = hashlib.sha256(FILES["segments/01 – “Plexi”.flac"]).hexdigest()
    path = tmp_path / "b" / "objects" / folder.object_name(sha256)[:2] / folder.object_name(sha256)
    path.write_bytes(bytes(path.stat().st_size))
    with folder.locked():
        await make_backup(url, storage, folder, Progress(), keep=1)
    assert (opened, is_whole(folder, sha256)) == ([], False)
    with folder.locked():
        newest, _ = await make_backup(url, storage, folder, Progress(), keep=1, verify=True)
    assert (opened, is_whole(folder, sha256)) == (["01 – “Plexi”.flac"], True)
    assert folder.snapshots() == [newest] != [snapshot]


async def test_what_is_deleted_during_a_backup_is_in_no_snapshot_and_old_snapshots_go(
    source: Settings, target: Settings, tmp_path: Path
) -> None:
    url = source.database.url
    storage = _Faulty.from_settings(source)

    async def delete(key: str) -> None:
        if key.endswith("empty.txt"):
            async with await psycopg.AsyncConnection.connect(url) as connection:
                await connection.execute("DELETE FROM job")
            await storage.delete_prefix("users/" + key.split("/")[1] + "/jobs")

    storage.before = delete
    folder = BackupFolder.create(tmp_path / "b", None)
    lines: list[str] = []
    with folder.locked():
        snapshot, manifest = await make_backup(url, storage, folder, Progress(), keep=1, on_event=lines.append)
    assert [line.endswith("taking another snapshot") for line in lines] == [True]
    assert (manifest.objects.count, manifest.lost) == (1, [])
    assert await check_backup(folder, snapshot, Progress()) == []
    assert list(folder.object_names()) == [hashlib.sha256(LIBRARY).hexdigest()]
    await asyncio.to_thread(_run, target, "restore", tmp_path / "b")
    assert _rows(target.database.url)["job"] == []
    assert len(_objects(target)) == 1


def test_objects_that_the_storage_has_lost_are_named_and_the_rest_is_saved(
    source: Settings, target: Settings, tmp_path: Path
) -> None:
    paths = {path.name: path for path in (source.data / "objects").rglob("*") if path.is_file()}
    paths["empty.txt"].unlink()
    paths["manifest.json"].write_bytes(b"[]")
    made = _run(source, "backup", tmp_path / "b")
    assert made.exit_code == 1
    reasons = [line.split()[0] for line in made.stderr.splitlines()]
    assert sorted(reasons) == ["damaged", "missing"]
    restored = _run(target, "restore", tmp_path / "b")
    assert "2 objects" in _ok(restored)
    assert "was missing when the backup was made: users/" in restored.stderr


def test_only_an_empty_installation_that_does_not_run_is_restored(
    source: Settings, target: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _ok(_run(source, "backup", tmp_path / "b"))
    with psycopg.connect(target.database.url):
        assert "1 other connections: stop web" in _refused(_run(target, "restore", tmp_path / "b"))
    other = target.data / "objects" / "users" / str(uuid4()) / "cache" / "x"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"")
    assert "the storage is not empty: it has users/" in _refused(_run(target, "restore", tmp_path / "b"))
    monkeypatch.setattr(migrations, "has_revision", lambda _revision: False)
    assert "which this version does not know" in _refused(_run(target, "restore", tmp_path / "b"))
    monkeypatch.setattr(making, "head_revision", lambda: "9999")
    assert "run `shootout db upgrade`" in _refused(_run(source, "backup", tmp_path / "b"))
    assert "is not empty and holds no backup" in _refused(_run(source, "backup", tmp_path))
    assert "holds no backup" in _refused(_run(source, "restore", tmp_path))
    assert "has no snapshot" in _refused(_run(source, "restore", tmp_path / "b", "--at", "../x"))
    assert list((target.data / "objects" / "users").iterdir()) == [other.parent.parent]
