"""The bundle of a job: complete, resumable, verifiable, and a source of library items."""

import asyncio
import io
import sys
import zipfile
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from tests.integration.conftest import Person
from tests.support.records import credit
from tests.support.sessions import Sessions
from tests.support.uploads import LIBRARY, SHOOTOUTS, config, di, ir
from tone_shootout.jobs.execution.inputs import Inputs
from tone_shootout.jobs.models import Job
from tone_shootout.kit.zip_stream import Member, archive_size, stream_members


@pytest.fixture
async def job(user: Person, worker: object) -> dict[str, str]:
    """A completed job; its paths by name."""
    body = {"config": {**await config(user.client), "output": {"video": False}}, "submit": True}
    made = (await user.client.post(SHOOTOUTS, json=body)).json()["job"]
    assert "event: done" in (await user.client.get(made["links"]["events"], params={"after": 0})).text
    links: dict[str, str] = (await user.client.get(made["links"]["self"])).json()["links"]
    return links


def _unpacked(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.slow
async def test_a_bundle_has_everything_is_verified_and_fills_a_library(
    job: dict[str, str], user: Person, other_user: Person, tmp_path: Path
) -> None:
    answer = await user.client.get(job["bundle"])
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"].endswith('-bundle.zip"')
    found = _unpacked(answer.content)
    artifacts = (await user.client.get(job["artifacts"], params={"limit": 100})).json()["items"]
    assert {item["path"] for item in artifacts} < found.keys()
    assert {"README.txt", "commentary.md", "session.rpp", "figures/segments.csv"} < found.keys()
    inputs = {content for name, content in found.items() if name.startswith("inputs/")}
    assert {di(), ir()} <= inputs

    # It goes on where it broke off, and the parts are the whole.
    tag, size = answer.headers["etag"], len(answer.content)
    assert answer.headers["content-length"] == str(size)
    for start, end in ((0, 9), (size // 2, size - 1), (size - 30, size - 1)):
        headers = {"Range": f"bytes={start}-{end}", "If-Range": tag}
        part = await user.client.get(job["bundle"], headers=headers)
        assert (part.status_code, part.headers["content-range"]) == (206, f"bytes {start}-{end}/{size}")
        assert part.content == answer.content[start : end + 1]
    changed = await user.client.get(job["bundle"], headers={"Range": "bytes=5-", "If-Range": '"other"'})
    assert (changed.status_code, changed.content) == (200, answer.content)
    assert (await user.client.get(job["bundle"], headers={"If-None-Match": tag})).status_code == 304
    beyond = await user.client.get(job["bundle"], headers={"Range": f"bytes={size}-"})
    assert (beyond.status_code, beyond.json()["code"]) == (416, "range_not_satisfiable")
    head = await user.client.head(job["bundle"])
    assert (head.headers["content-length"], head.headers["etag"]) == (str(size), tag)

    path = tmp_path / "all.zip"
    path.write_bytes(answer.content)
    command = (sys.executable, "-m", "tone_shootout", "verify", str(path))
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert b"exact" in output

    added = await other_user.client.post(f"{LIBRARY}/batch", files={"archive": ("all.zip", answer.content)})
    by_status: dict[str, list[str]] = {}
    for item in added.json()["results"]:
        by_status.setdefault(item["status"], []).append(item["filename"])
    assert "failed" not in by_status
    assert sorted(by_status["created"]) == sorted(name for name in found if name.startswith("inputs/"))
    kinds = [item["kind"] for item in (await other_user.client.get(LIBRARY)).json()["items"]]
    assert sorted(kinds) == sorted(name.split("/")[1][:-1] for name in by_status["created"])


@pytest.mark.slow
async def test_inputs_from_tone3000_and_deleted_ones_are_left_out(
    job: dict[str, str], user: Person, session_maker: Sessions
) -> None:
    async with session_maker.begin() as session:
        row = await session.get_one(Job, UUID(job["self"].rsplit("/", 1)[1]))
        inputs = msgspec.convert(row.inputs, Inputs)
        imported = next(file for file, asset in inputs.assets.items() if asset.facts.sha256 and asset.name)
        assets = {
            file: msgspec.structs.replace(asset, credit=credit()) if file == imported else asset
            for file, asset in inputs.assets.items()
        }
        row.inputs = msgspec.to_builtins(msgspec.structs.replace(inputs, assets=assets))
    left = inputs.assets[imported].sha256
    found = _unpacked((await user.client.get(job["bundle"])).content)
    assert f"SHA-256 {left}" in found["README.txt"].decode()
    assert len([name for name in found if name.startswith("inputs/")]) == len(inputs.assets) - 1


@pytest.mark.parametrize("sizes", [[], [0], [1, 70_000, 3], [5] * 300])
async def test_the_size_of_an_archive_is_known_before_it_is_made(sizes: list[int]) -> None:
    def member(number: int, size: int) -> Member:
        async def content() -> AsyncIterator[bytes]:
            for start in range(0, size, 1000):
                yield b"x" * min(1000, size - start)

        return Member(f"földer/{number}.flac", size, "", content)

    members = [member(number, size) for number, size in enumerate(sizes)]
    made = b"".join([chunk async for chunk in stream_members(members, at=datetime(2026, 1, 1, tzinfo=UTC))])
    assert len(made) == archive_size(members)
    assert list(_unpacked(made)) == [member.path for member in members]
