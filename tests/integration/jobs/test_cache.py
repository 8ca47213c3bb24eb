"""What is kept of what was rendered: each owner's own, bounded, found again by the next attempt and the next job."""

import asyncio
import hashlib
import random
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from tests.integration.conftest import Person
from tests.integration.jobs.conftest import events, finish, make_shootout, submit
from tests.support.live import working
from tests.support.sessions import Sessions
from tests.support.uploads import add, capture, config, di, ir
from tone_shootout.jobs.execution.render_cache import RenderCache
from tone_shootout.jobs.models import RenderCacheEntry
from tone_shootout.kit.settings import Settings, StorageSettings
from tone_shootout.kit.storage import Storage
from tone_shootout.rendering.errors import Cancelled

pytestmark = pytest.mark.slow

Open = Callable[..., RenderCache]
BYTES = 4000
ENTRY_BYTES = 32 + BYTES


@pytest.fixture
def opened(settings: Settings, session_maker: Sessions) -> Open:
    """Opens a person's cache."""

    def cache(owner_id: UUID, *, max_bytes: int = 10**9, sessions: Sessions = session_maker) -> RenderCache:
        storage = Storage.from_settings(settings)
        loop = asyncio.get_running_loop()
        return RenderCache(sessions, storage, owner_id, max_bytes=max_bytes, loop=loop, check=lambda: None)

    return cache


def key(name: object) -> str:
    return hashlib.sha256(str(name).encode()).hexdigest()


def content(seed: int) -> bytes:
    return random.Random(seed).randbytes(BYTES)


def folder_of(settings: Settings, owner_id: UUID) -> Path:
    return settings.data / "objects" / "users" / str(owner_id) / "cache"


def objects(settings: Settings, owner_id: UUID) -> set[str]:
    return {path.name for path in folder_of(settings, owner_id).iterdir()}


async def rows(sessions: Sessions, owner_id: UUID) -> dict[str, int]:
    async with sessions() as session:
        found = await session.scalars(select(RenderCacheEntry).where(RenderCacheEntry.owner_id == owner_id))
        return {row.key: row.size for row in found}


async def get(cache: RenderCache, name: object) -> bytes | None:
    return await asyncio.to_thread(cache.get, key(name))


async def put(cache: RenderCache, name: int) -> None:
    await asyncio.to_thread(cache.put, key(name), content(name))


async def test_what_one_keeps_comes_back_bit_for_bit_and_to_nobody_else(
    opened: Open, user: Person, other_user: Person
) -> None:
    await put(opened(user.id), 1)
    assert await get(opened(user.id), 1) == content(1)
    assert await get(opened(other_user.id), 1) is None


async def test_what_was_used_longest_ago_goes_first(
    opened: Open, user: Person, other_user: Person, settings: Settings, session_maker: Sessions
) -> None:
    cache = opened(user.id, max_bytes=3 * ENTRY_BYTES)
    await put(opened(other_user.id), 9)
    for name in (1, 2, 3):
        await put(cache, name)
    assert await get(cache, 1) is not None, "which makes it the newest"
    await put(cache, 4)
    left = {key(name) for name in (1, 3, 4)}
    assert set(await rows(session_maker, user.id)) == left
    assert objects(settings, user.id) == left
    assert await get(opened(other_user.id), 9) is not None


async def test_workers_that_write_and_evict_at_once_agree(
    opened: Open, user: Person, settings: Settings, session_maker: Sessions
) -> None:
    workers = [opened(user.id, max_bytes=4 * ENTRY_BYTES) for _ in range(3)]
    for turn in range(8):
        await asyncio.gather(*(put(worker, (turn + n) % 7) for n, worker in enumerate(workers)))
        for name in range(7):
            found = await get(workers[0], name)
            assert found is None or found == content(name)
    kept = await rows(session_maker, user.id)
    assert 0 < sum(kept.values()) <= 4 * ENTRY_BYTES
    assert objects(settings, user.id) <= set(kept)


async def test_an_entry_that_is_evicted_while_it_is_written_leaves_no_object(
    opened: Open, user: Person, settings: Settings, session_maker: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, other = opened(user.id, max_bytes=2 * ENTRY_BYTES), opened(user.id, max_bytes=2 * ENTRY_BYTES)
    store = writing._storage.put

    async def put_late(name: str, data: bytes) -> None:
        for newer in (2, 3):  # another worker fills the cache between the row and its object
            await put(other, newer)
        await store(name, data)

    monkeypatch.setattr(writing._storage, "put", put_late)
    await put(writing, 1)
    assert objects(settings, user.id) == set(await rows(session_maker, user.id)) == {key(2), key(3)}


@pytest.mark.parametrize("harm", ["damaged", "deleted"])
async def test_what_the_store_has_lost_is_a_miss_and_can_be_kept_again(
    harm: str, opened: Open, user: Person, settings: Settings
) -> None:
    cache = opened(user.id)
    await put(cache, 1)
    path = folder_of(settings, user.id) / key(1)
    if harm == "damaged":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        path.unlink()
    assert await get(cache, 1) is None
    assert not path.exists()
    await put(cache, 1)
    assert await get(cache, 1) is not None


async def test_a_database_that_is_away_makes_misses_and_no_errors(opened: Open, user: Person) -> None:
    engine = create_async_engine("postgresql+asyncpg://nobody@127.0.0.1:1/nothing")
    cache = opened(user.id, sessions=async_sessionmaker(engine))
    await put(cache, 1)
    assert await get(cache, 1) is None
    await engine.dispose()


async def test_a_store_that_does_not_answer_holds_up_no_cancellation(
    settings: Settings, session_maker: Sessions, user: Person
) -> None:
    requested: list[asyncio.StreamWriter] = []

    def check() -> None:
        if requested:
            raise Cancelled

    server = await asyncio.start_server(lambda _, writer: requested.append(writer), "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    options = {"endpoint": address, "allow_http": "true", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
    storage = Storage.from_settings(replace(settings, storage=StorageSettings(url="s3://bucket", options=options)))
    loop = asyncio.get_running_loop()
    cache = RenderCache(session_maker, storage, user.id, max_bytes=10**9, loop=loop, check=check)
    async with server:
        for step in (put(cache, 1), get(cache, 1)):
            with pytest.raises(Cancelled):
                await step
            requested.pop().close()


async def test_deleting_an_account_takes_what_it_kept(
    opened: Open, user: Person, settings: Settings, session_maker: Sessions
) -> None:
    await put(opened(user.id), 1)
    assert (await user.client.delete("/api/v1/me")).status_code == 204
    assert await rows(session_maker, user.id) == {}
    for _ in range(1_000):
        if not any(path.is_file() for path in folder_of(settings, user.id).glob("*")):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the objects are still there")


async def _plan(person: Person, shootout_id: str) -> dict[str, Any]:
    plan: dict[str, Any] = (await person.client.get(f"/api/v1/shootouts/{shootout_id}/plan")).json()
    return plan


def _stated(plan: dict[str, Any]) -> tuple[list[tuple[bool, int]], int, int]:
    segments = [(segment["cache_hit"], segment["inferences"]) for segment in plan["segments"]]
    return segments, plan["cache_hits"], plan["inferences"]


async def test_a_plan_says_what_is_there_to_its_owner_alone(
    base_url: str, user: Person, other_user: Person, settings: Settings
) -> None:
    job = await submit(user.client)
    before = await _plan(user, job["shootout_id"])
    assert _stated(before) == ([(False, 1), (False, 1)], 0, 2)
    assert before["estimated_s"] > 0
    with working(settings):
        await finish(base_url, user, job["id"])
        after = await _plan(user, job["shootout_id"])
        assert _stated(after) == ([(True, 0), (True, 0)], 2, 0)
        assert (after["estimated_s"], after["segments"][0]["estimated_s"]) == (0, 0)
        theirs = await _plan(other_user, await make_shootout(other_user.client))
        assert [s["render_key"] for s in theirs["segments"]] == [s["render_key"] for s in after["segments"]]
        assert _stated(theirs) == _stated(before)

        changed = await config(user.client)
        other = {"type": "cab_ir", "asset": await add(user.client, "cab_ir", ir(seed=5))}
        changed["chains"][0]["blocks"][1] = other
        shootout_id = await make_shootout(user.client, **changed)
        assert _stated(await _plan(user, shootout_id)) == ([(False, 0), (True, 0)], 1, 0), "only the cab is another"


async def test_an_attempt_goes_on_from_what_the_one_before_it_had(
    base_url: str, user: Person, settings: Settings
) -> None:
    track = await add(user.client, "di_track", di(4.0))
    amp, cab = await add(user.client, "capture", capture()), await add(user.client, "cab_ir", ir())
    blocks = [{"type": "capture", "asset": amp}, {"type": "cab_ir", "asset": cab}]
    chains = [{"name": f"No. {n}", "blocks": [*blocks, {"type": "gain", "gain_db": float(n)}]} for n in range(2)]
    with working(settings) as worker:
        job = await submit(user.client, di_tracks=[{"name": "Long", "asset": track}], chains=chains)
        async for event in events(base_url, user, job["id"], "?after=0"):
            if event["type"] == "segment":
                worker.send_signal(signal.SIGKILL)
                break
        worker.wait()
    with working(settings):
        await finish(base_url, user, job["id"])
        log = [event async for event in events(base_url, user, job["id"], "?after=0")]
    assert log[-1]["data"]["status"] == "completed"
    assert log[-1]["data"]["attempt"] > 1
    reported = [(event["data"]["position"], event["data"]["status"]) for event in log if event["type"] == "segment"]
    first = reported[0][0]
    assert reported[0] == (first, "rendered")
    assert (first, "cached") in reported
    assert reported.count((first, "rendered")) == 1
    assert {position for position, status in reported if status in ("rendered", "cached")} == {1, 2}
