"""A backup from elsewhere can't write outside its objects, exhaust the machine or make a command hang."""

import gzip
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tone_shootout.backup.errors import DamagedError
from tone_shootout.backup.folder import BackupFolder
from tone_shootout.backup.progress import Progress
from tone_shootout.backup.restoring import check_backup

SNAPSHOT = "20261129T110244.123Z"
OWNER = "01a2270f-2541-7614-afc9-811b6aded1cf"
SHA256 = hashlib.sha256(b"").hexdigest()


def _backup(path: Path, *, objects: bytes = b"", listed: int | None = None, **changes: Any) -> BackupFolder:
    """A backup that was made by hand, with correct checksums."""
    folder = BackupFolder.create(path, None)
    parts = path / "snapshots" / SNAPSHOT
    parts.mkdir(parents=True)
    compressed = gzip.compress(objects)
    (parts / "objects.jsonl.gz").write_bytes(compressed)
    manifest = {
        "created_at": "2026-11-29T11:02:44+00:00",
        "app_version": "1.0",
        "revision": "0001",
        "tables": [],
        "objects": {
            "count": 1,
            "content_bytes": 0,
            "size_bytes": len(objects) if listed is None else listed,
            "sha256": hashlib.sha256(compressed).hexdigest(),
        },
        **changes,
    }
    text = json.dumps(manifest).encode()
    (parts / "manifest.json").write_bytes(text)
    (parts / "manifest.sha256").write_text(hashlib.sha256(text).hexdigest())
    return folder


@pytest.mark.parametrize(
    "key",
    [
        "../../etc/passwd",
        "users/../../etc/passwd",
        f"users/{OWNER}/jobs/{OWNER}/../../../x",
        f"users/{OWNER}/jobs/{OWNER}//x",
        f"users/{OWNER}/jobs/{OWNER}/a\n",
        f"users/{OWNER}/blobs/{'0' * 64}",
        f"users/{OWNER}/cache/x",
        "health/x",
    ],
)
async def test_keys_that_are_none_of_ours_are_refused(tmp_path: Path, key: str) -> None:
    folder = _backup(tmp_path / "b", objects=json.dumps([key, 0, SHA256]).encode() + b"\n")
    with pytest.raises(DamagedError, match=r"whose key names another content|none of this service"):
        await check_backup(folder, SNAPSHOT, Progress())


async def test_no_more_is_decompressed_than_the_manifest_says(tmp_path: Path) -> None:
    folder = _backup(tmp_path / "b", objects=b"\n" * 50_000_000, listed=1000)
    with pytest.raises(DamagedError, match="longer than its manifest says"):
        await check_backup(folder, SNAPSHOT, Progress())
    long = _backup(tmp_path / "long", objects=b"[" * 5_000_000)
    with pytest.raises(DamagedError, match="a line is too long"):
        await check_backup(long, SNAPSHOT, Progress())


@pytest.mark.parametrize("name", ['x"; DROP TABLE job; --', "../job", "pg_catalog.pg_authid", ""])
def test_names_of_tables_that_are_no_names_are_refused(tmp_path: Path, name: str) -> None:
    table = {"name": name, "columns": ["id"], "rows": 0, "size_bytes": 0, "sha256": SHA256}
    with pytest.raises(DamagedError, match=r"manifest\.json is damaged"):
        _backup(tmp_path / "b", tables=[table]).read_manifest(SNAPSHOT)


def test_links_and_pipes_in_place_of_files_are_refused(tmp_path: Path) -> None:
    folder = _backup(tmp_path / "b")
    path = tmp_path / "b" / "snapshots" / SNAPSHOT / "manifest.json"
    path.unlink()
    path.symlink_to("/etc/hostname")
    with pytest.raises(DamagedError, match="can't be read"):
        folder.read_manifest(SNAPSHOT)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(DamagedError, match="is not a file"):
        folder.read_manifest(SNAPSHOT)


def test_a_manifest_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = _backup(tmp_path / "b", app_version="x" * 5000)
    monkeypatch.setattr("tone_shootout.backup.folder.MAXIMUM_MANIFEST", 4000)
    with pytest.raises(DamagedError, match="more than 4000 bytes"):
        folder.read_manifest(SNAPSHOT)


def test_a_header_of_another_form_or_version_is_named(tmp_path: Path) -> None:
    _backup(tmp_path / "b")
    header = tmp_path / "b" / "backup.json"
    for text in ("[]", "{", json.dumps({"format": "tone-shootout backup", "version": 2})):
        header.write_text(text)
        with pytest.raises(Exception, match=r"backup\.json is damaged|use the version that made it"):
            BackupFolder.open(tmp_path / "b", None)
