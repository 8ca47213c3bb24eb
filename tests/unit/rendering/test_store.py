"""The store in a folder returns stored content or nothing, and respects its size limit."""

import hashlib
import multiprocessing
import os
import random
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from tone_shootout.rendering.executor.store import StoreFolder, seal, unseal

BYTES = 4000
ENTRY_BYTES = 32 + BYTES


def key(name: object) -> str:
    return hashlib.sha256(str(name).encode()).hexdigest()


def content(seed: int) -> bytes:
    return random.Random(seed).randbytes(BYTES)


def stored(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def age(folder: Path, name: object, seconds: int) -> None:
    """Set the time of last use of an entry."""
    os.utime(folder / f"{key(name)}.kept", (seconds, seconds))


def test_stored_content_is_returned_unchanged(tmp_path: Path) -> None:
    StoreFolder(tmp_path / "made").put(key(1), content(1))
    assert StoreFolder(tmp_path / "made").get(key(1)) == content(1)
    assert StoreFolder(tmp_path / "made").get(key(2)) is None


@pytest.mark.parametrize("harm", ["cut off", "emptied", "changed", "longer", "of another key"])
def test_a_damaged_file_is_a_miss_and_is_deleted(harm: str, tmp_path: Path) -> None:
    store = StoreFolder(tmp_path)
    store.put(key(1), content(1))
    path = tmp_path / f"{key(1)}.kept"
    damaged = bytearray(path.read_bytes())
    match harm:
        case "cut off":
            damaged = damaged[: len(damaged) // 2]
        case "emptied":
            damaged.clear()
        case "changed":
            damaged[-1] ^= 1
        case "longer":
            damaged += bytes(4)
        case "of another key":
            damaged = bytearray(seal(key(2), content(1)))
    path.write_bytes(damaged)
    assert store.get(key(1)) is None
    assert not path.exists()
    store.put(key(1), content(1))
    assert store.get(key(1)) is not None


def test_the_least_recently_used_entry_is_evicted_first(tmp_path: Path) -> None:
    store = StoreFolder(tmp_path, max_bytes=7 * ENTRY_BYTES // 2)
    for name in (1, 2, 3):
        store.put(key(name), content(name))
        age(tmp_path, name, name)
    assert store.get(key(1)) is not None, "which makes it the newest"
    store.put(key(4), content(4))
    assert stored(tmp_path) == {f"{key(name)}.kept" for name in (1, 3, 4)}


def test_a_full_folder_stays_within_its_limit_without_a_listing_per_entry(tmp_path: Path) -> None:
    store = StoreFolder(tmp_path, max_bytes=64 * ENTRY_BYTES)
    held = []
    for name in range(200):
        store.put(key(name), content(name % 7))
        held.append(len(stored(tmp_path)))
    assert max(held) <= 64
    evictions = sum(after <= before for before, after in pairwise(held))
    assert 20 <= evictions <= 40
    assert min(held[64:]) >= 60


def test_content_above_the_limit_is_not_stored_and_evicts_nothing(tmp_path: Path) -> None:
    store = StoreFolder(tmp_path, max_bytes=ENTRY_BYTES)
    store.put(key(1), content(1))
    store.put(key(2), bytes(BYTES + 1))
    assert stored(tmp_path) == {f"{key(1)}.kept"}


def test_other_files_in_the_folder_are_preserved_and_leftovers_are_evicted(tmp_path: Path) -> None:
    (tmp_path / "thesis.kept").write_bytes(bytes(10 * ENTRY_BYTES))
    leftover = tmp_path / f"{key(0)}.abc.partial"
    leftover.write_bytes(bytes(ENTRY_BYTES))
    os.utime(leftover, (1, 1))
    store = StoreFolder(tmp_path, max_bytes=ENTRY_BYTES)
    store.put(key(1), content(1))
    assert stored(tmp_path) == {"thesis.kept", f"{key(1)}.kept"}


def test_an_unusable_folder_stores_nothing_and_raises_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = StoreFolder(tmp_path / "file")
    store.put(key(1), content(1))
    assert store.get(key(1)) is None


def _write_and_read(folder: Path) -> int:
    """Return the number of hits, after checking their content."""
    store = StoreFolder(folder, max_bytes=4 * ENTRY_BYTES)
    hits = 0
    for turn in range(60):
        store.put(key(turn % 7), content(turn % 7))
        found = store.get(key(turn * 3 % 7))
        if found is not None:
            assert found == content(turn * 3 % 7)
            hits += 1
    return hits


def test_concurrent_processes_never_read_partial_content(tmp_path: Path) -> None:
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as pool:
        hits = list(pool.map(_write_and_read, [tmp_path] * 3))
    assert min(hits) > 0
    StoreFolder(tmp_path, max_bytes=4 * ENTRY_BYTES).put(key(0), content(0))
    paths = list(tmp_path.iterdir())
    assert sum(path.stat().st_size for path in paths) <= 4 * ENTRY_BYTES
    assert {path.suffix for path in paths} == {".kept"}
    for path in paths:
        assert unseal(path.stem, path.read_bytes()) is not None
