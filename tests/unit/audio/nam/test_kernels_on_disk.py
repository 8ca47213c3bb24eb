"""Compiled kernels on disk: found by the next process, never loaded if somebody else may have written them."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.nam_documents import capture, noise
from tests.support.shared import PROJECT
from tone_shootout.audio.nam.kernels import compiler, disk
from tone_shootout.audio.nam.kernels.target import host_target

KEY = disk.key_of("some", "code")
CODE = b"machine code" * 100


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    disk.write_object(tmp_path / "kernels", KEY, CODE)
    return tmp_path / "kernels"


def test_what_is_written_is_read_again_by_its_key_only(folder: Path) -> None:
    assert disk.read_object(folder, KEY) == CODE
    assert disk.read_object(folder, disk.key_of("somecode")) is None
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in folder.iterdir()] == [KEY]


def exchange(path: Path) -> None:
    """Put in place a complete entry of another key."""
    other = disk.key_of("other")
    disk.write_object(path.parent, other, CODE)
    (path.parent / other).replace(path)


def link(path: Path) -> None:
    path.replace(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def link_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("real"))
    path.parent.symlink_to(path.parent.with_name("real"))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "truncated": lambda path: os.truncate(path, 500),
    "empty": lambda path: path.write_bytes(b""),
    "one bit changed": lambda path: path.write_bytes(path.read_bytes()[:-1] + b"E"),
    "entry of another key": exchange,
    "symbolic link": link,
    "folder": lambda path: (path.unlink(), path.mkdir()),
    "writable by others": lambda path: path.chmod(0o666),
    "folder writable by others": lambda path: path.parent.chmod(0o777),
    "folder is a symbolic link": link_folder,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_anything_else_counts_as_missing(folder: Path, damage: str) -> None:
    DAMAGES[damage](folder / KEY)
    assert disk.read_object(folder, KEY) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("name", [KEY, "."])
def test_a_file_or_folder_of_another_user_counts_as_missing(folder: Path, name: str) -> None:
    os.chown(folder / name, 12345, -1)
    assert disk.read_object(folder, KEY) is None


def test_the_least_recently_used_files_make_room(folder: Path) -> None:
    for number in range(disk.MAX_FILES):
        (folder / f"{number:03}").write_bytes(b"")
        os.utime(folder / f"{number:03}", (1000 + number, 1000 + number))
    disk.write_object(folder, disk.key_of("new"), CODE)
    names = {path.name for path in folder.iterdir()}
    assert len(names) == disk.MAX_FILES
    assert {"000", "001"} & names == set()
    assert {KEY, disk.key_of("new"), "002"} <= names


def test_a_folder_that_cannot_be_used_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    disk.write_object(tmp_path / "file" / "kernels", KEY, CODE)
    assert disk.read_object(tmp_path / "file" / "kernels", KEY) is None


@pytest.mark.skipif(host_target() is None, reason="this system has no kernels")
def test_another_process_loads_what_this_one_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(disk.VARIABLE, str(tmp_path / "kernels"))
    x = noise(300)
    outputs: list[bytes] = []

    def run() -> tuple[Path, str, int]:
        compiler._library.cache_clear()
        outputs.append(capture("a1_nano").start().process(x).tobytes())
        (file,) = (tmp_path / "kernels").iterdir()
        return file, hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_ino

    compiled = run()
    assert run() == compiled
    os.truncate(compiled[0], 100)
    again = run()
    assert again[:2] == compiled[:2]
    assert again[2] != compiled[2]
    assert len(set(outputs)) == 1


@pytest.mark.skipif(host_target() is None, reason="this system has no kernels")
def test_processes_with_other_hash_seeds_share_the_file(tmp_path: Path) -> None:
    program = 'from tests.support.nam_documents import capture; capture("a1_nano").start()'
    for seed in ("1", "2"):
        environ = {**os.environ, "PYTHONHASHSEED": seed, disk.VARIABLE: str(tmp_path / "kernels")}
        subprocess.run([sys.executable, "-c", program], cwd=PROJECT, env=environ, check=True)
    assert len(list((tmp_path / "kernels").iterdir())) == 1
