"""The folder of rendered sound: what comes out is what went in, or nothing; and it never gets too large."""

import hashlib
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tone_shootout.rendering.sounds import SoundFolder, decode_sound, encode_sound

SAMPLES = 1000
ENTRY_BYTES = 32 + 4 * SAMPLES


def key(name: object) -> str:
    return hashlib.sha256(str(name).encode()).hexdigest()


def sound(seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(SAMPLES).astype(np.float32)


def stored(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def age(folder: Path, name: object, seconds: int) -> None:
    """Make it as if a sound had been used last at that time."""
    os.utime(folder / f"{key(name)}.sound", (seconds, seconds))


def test_what_went_in_comes_out_bit_for_bit(tmp_path: Path) -> None:
    SoundFolder(tmp_path / "made").put(key(1), sound(1))
    again = SoundFolder(tmp_path / "made").get(key(1))
    assert again is not None
    assert again.dtype == np.float32
    assert again.tobytes() == sound(1).tobytes()
    assert SoundFolder(tmp_path / "made").get(key(2)) is None


@pytest.mark.parametrize("harm", ["cut off", "emptied", "changed", "longer", "of another key", "not a number"])
def test_a_damaged_file_is_a_miss_and_goes(harm: str, tmp_path: Path) -> None:
    store = SoundFolder(tmp_path)
    store.put(key(1), sound(1))
    path = tmp_path / f"{key(1)}.sound"
    content = bytearray(path.read_bytes())
    match harm:
        case "cut off":
            content = content[: len(content) // 2]
        case "emptied":
            content.clear()
        case "changed":
            content[-1] ^= 1
        case "longer":
            content += bytes(4)
        case "of another key":
            content = bytearray(encode_sound(key(2), sound(1)))
        case "not a number":
            content = bytearray(encode_sound(key(1), np.array([0.0, np.nan], np.float32)))
    path.write_bytes(content)
    assert store.get(key(1)) is None
    assert not path.exists()
    store.put(key(1), sound(1))
    assert store.get(key(1)) is not None


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    store = SoundFolder(tmp_path, max_bytes=3 * ENTRY_BYTES)
    for name in (1, 2, 3):
        store.put(key(name), sound(name))
        age(tmp_path, name, name)
    assert store.get(key(1)) is not None, "which makes it the newest"
    store.put(key(4), sound(4))
    assert stored(tmp_path) == {f"{key(name)}.sound" for name in (1, 3, 4)}


def test_what_is_larger_than_the_bound_is_not_kept_and_costs_nothing_else(tmp_path: Path) -> None:
    store = SoundFolder(tmp_path, max_bytes=ENTRY_BYTES)
    store.put(key(1), sound(1))
    store.put(key(2), np.zeros(SAMPLES + 1, np.float32))
    assert stored(tmp_path) == {f"{key(1)}.sound"}


def test_other_files_in_the_folder_are_left_alone_and_leftovers_grow_old(tmp_path: Path) -> None:
    (tmp_path / "thesis.sound").write_bytes(bytes(10 * ENTRY_BYTES))
    leftover = tmp_path / f"{key(0)}.abc.partial"
    leftover.write_bytes(bytes(ENTRY_BYTES))
    os.utime(leftover, (1, 1))
    store = SoundFolder(tmp_path, max_bytes=ENTRY_BYTES)
    store.put(key(1), sound(1))
    assert stored(tmp_path) == {"thesis.sound", f"{key(1)}.sound"}


def test_a_folder_that_can_not_be_used_keeps_nothing_and_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = SoundFolder(tmp_path / "file")
    store.put(key(1), sound(1))
    assert store.get(key(1)) is None


def _write_and_read(folder: Path) -> int:
    """Count the reads that gave something; whatever they gave is right."""
    store = SoundFolder(folder, max_bytes=4 * ENTRY_BYTES)
    hits = 0
    for turn in range(60):
        store.put(key(turn % 7), sound(turn % 7))
        found = store.get(key(turn * 3 % 7))
        if found is not None:
            assert np.array_equal(found, sound(turn * 3 % 7))
            hits += 1
    return hits


def test_processes_that_write_read_and_evict_at_once_never_see_half_a_sound(tmp_path: Path) -> None:
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as pool:
        hits = list(pool.map(_write_and_read, [tmp_path] * 3))
    assert min(hits) > 0
    SoundFolder(tmp_path, max_bytes=4 * ENTRY_BYTES).put(key(0), sound(0))
    paths = list(tmp_path.iterdir())
    assert sum(path.stat().st_size for path in paths) <= 4 * ENTRY_BYTES
    assert {path.suffix for path in paths} == {".sound"}
    for path in paths:
        assert decode_sound(path.stem, path.read_bytes()) is not None
