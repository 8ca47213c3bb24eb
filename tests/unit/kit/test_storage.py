"""Objects come back as they went in, whole or in part."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tone_shootout.kit.settings import Settings, SettingsError, StorageSettings
from tone_shootout.kit.storage import MissingObjectError, Storage


@pytest.fixture(params=["folder", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    urls: dict[str, Callable[[], str]] = {"folder": lambda: "", "memory": lambda: "memory:///"}
    return Storage.from_settings(Settings(data=tmp_path, storage=StorageSettings(url=urls[request.param]())))


CONTENT = bytes(range(256)) * 5000


async def test_what_is_put_is_read(storage: Storage, tmp_path: Path) -> None:
    file = tmp_path / "content"
    file.write_bytes(CONTENT)
    await storage.put("a/b", file)
    await storage.put("a/c", b"bytes")
    assert await storage.read("a/b") == CONTENT
    assert await storage.read("a/c") == b"bytes"


@pytest.mark.parametrize(("start", "end"), [(0, None), (5, None), (0, 1), (1000, 700_001), (len(CONTENT) - 1, None)])
async def test_a_part_is_the_slice_of_the_whole(storage: Storage, start: int, end: int | None) -> None:
    await storage.put("key", CONTENT)
    assert b"".join([chunk async for chunk in storage.stream("key", start=start, end=end)]) == CONTENT[start:end]


async def test_fetching_returns_the_hash_of_what_was_written(storage: Storage, tmp_path: Path) -> None:
    import hashlib

    await storage.put("key", CONTENT)
    assert await storage.fetch("key", tmp_path / "copy") == hashlib.sha256(CONTENT).hexdigest()
    assert (tmp_path / "copy").read_bytes() == CONTENT


async def test_what_is_not_there_is_missing(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(MissingObjectError):
        await storage.read("nothing")
    with pytest.raises(MissingObjectError):
        await storage.fetch("nothing", tmp_path / "copy")
    assert not await storage.exists("nothing")


async def test_deleting_twice_is_no_error(storage: Storage) -> None:
    await storage.put("key", b"x")
    await storage.delete(["key"])
    await storage.delete(["key"])
    assert not await storage.exists("key")


async def test_deleting_a_prefix_leaves_its_neighbours(storage: Storage) -> None:
    for key in ("users/1/a", "users/1/b/c", "users/10/a"):
        await storage.put(key, b"x")
    await storage.delete_prefix("users/1")
    assert [await storage.exists(key) for key in ("users/1/a", "users/1/b/c", "users/10/a")] == [False, False, True]


async def test_a_store_that_answers_is_healthy(storage: Storage) -> None:
    await storage.check()


def test_an_address_of_no_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="SHOOTOUT_STORAGE_URL"):
        Storage.from_settings(Settings(data=tmp_path, storage=StorageSettings(url="gopher://x")))


@pytest.mark.parametrize("name", ["colour", "aws_colour", "aws_allow_http"])
def test_an_option_that_the_store_does_not_know_is_refused(tmp_path: Path, name: str) -> None:
    unknown = StorageSettings(url="s3://bucket", options={name: "blue"})
    with pytest.raises(SettingsError, match="SHOOTOUT_STORAGE"):
        Storage.from_settings(Settings(data=tmp_path, storage=unknown))
