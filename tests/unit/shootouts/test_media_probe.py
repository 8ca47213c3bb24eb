"""Uploads are decoded in a process that can be stopped, or die, without harm."""

import asyncio
import multiprocessing
import os
from pathlib import Path

import pytest

from tone_shootout.rendering.media_info import Limits
from tone_shootout.shootouts.library.media_probe import CONCURRENCY, MediaProbe, RejectedFile


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """A file that never comes to an end, nor to a beginning: a pipe that nobody writes to."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


async def children(count: int) -> list[multiprocessing.process.BaseProcess]:
    """Wait until so many files are being looked at."""
    for _ in range(3_000):
        found = multiprocessing.active_children()
        if len(found) >= count:
            return found
        await asyncio.sleep(0.01)
    raise AssertionError("nothing is looked at")


async def test_a_hanging_decoder_is_killed(endless: Path) -> None:
    answer = await MediaProbe(Limits(), timeout_s=0.2).probe(endless, "di_track")
    assert answer == RejectedFile(code="undecodable", detail="decoding took more than 0.2 seconds")
    assert multiprocessing.active_children() == []


async def test_a_crashing_decoder_rejects_only_its_file(endless: Path) -> None:
    looking = asyncio.create_task(MediaProbe(Limits()).probe(endless, "di_track"))
    for child in await children(1):
        child.kill()
    answer = await looking
    assert isinstance(answer, RejectedFile)
    assert answer.code == "undecodable"


async def test_concurrent_probes_are_limited(endless: Path) -> None:
    media_probe = MediaProbe(Limits())
    looking = [asyncio.create_task(media_probe.probe(endless, "di_track")) for _ in range(CONCURRENCY + 1)]
    first = await children(CONCURRENCY)
    assert len(first) == CONCURRENCY
    first[0].kill()
    await asyncio.wait(looking, return_when=asyncio.FIRST_COMPLETED)
    assert sum(task.done() for task in looking) == 1
    while not all(task.done() for task in looking):
        for child in await children(1):
            child.kill()
        await asyncio.wait(looking, timeout=0.1)
    assert {(await task).__class__ for task in looking} == {RejectedFile}
