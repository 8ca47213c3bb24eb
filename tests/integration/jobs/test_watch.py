"""What a process keeps of the logs that are watched, and what it reads of them. No web server: just its inside."""

import asyncio
import json
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, contextmanager
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis
from sqlalchemy import delete, event
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.conftest import Person
from tests.support.job_logs import Sessions, Written, written_job
from tone_shootout.jobs.errors import JobNotFoundError
from tone_shootout.jobs.models import JobEvent
from tone_shootout.jobs.status import JobStatus
from tone_shootout.jobs.streaming.event_hub import EncodedEvent, EventHub
from tone_shootout.jobs.streaming.job_stream import Watch
from tone_shootout.jobs.streaming.pubsub import Publisher

KEPT = 20


@pytest.fixture
async def watch(session_maker: Sessions, redis: Redis) -> AsyncGenerator[Watch, None]:
    event_hub = EventHub(session_maker, kept=KEPT, streams=0)
    async with event_hub.running(redis):
        yield Watch(event_hub, session_maker, silence_s=15)


@pytest.fixture
async def job(session_maker: Sessions, redis: Redis, user: Person) -> Written:
    return await written_job(session_maker, Publisher(redis), user.id)


@contextmanager
def statements(engine: AsyncEngine) -> Generator[list[str], None, None]:
    """Collect what is asked of the database."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        found.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", note)


async def numbers(lines: AsyncGenerator[EncodedEvent, None]) -> list[int]:
    """The numbers of all that comes."""
    async with aclosing(lines):
        return [line.seq async for line in lines]


async def test_an_event_costs_no_read_of_the_database_however_many_watch(
    watch: Watch, job: Written, user: Person, engine: AsyncEngine
) -> None:
    watching = [watch.follow(user.id, job.id) for _ in range(500)]
    snapshots = await asyncio.gather(*(anext(lines) for lines in watching))
    assert {line.type for line in snapshots} == {"snapshot"}
    with statements(engine) as asked:
        for _ in range(10):
            await job.write()
            heard = await asyncio.gather(*(anext(lines) for lines in watching))
            assert {line.seq for line in heard} == {job.last}
    of_watchers = [statement for statement in asked if statement.startswith("SELECT job")]
    # The test's own writing, and one look into all watched jobs every few seconds, whatever the broker says.
    assert len(of_watchers) < 50
    await job.move(JobStatus.CANCELLED)
    rests = await asyncio.gather(*(numbers(lines) for lines in watching))
    assert {tuple(rest) for rest in rests} == {(job.last - 1, job.last)}


async def test_what_the_broker_has_lost_is_read_from_the_log(watch: Watch, job: Written, user: Person) -> None:
    lines = watch.follow(user.id, job.id)
    await anext(lines)
    await job.write(3, published=False)
    await job.write()
    assert [(await anext(lines)).seq for _ in range(4)] == [2, 3, 4, 5]
    await job.write(2, published=False)  # and nothing behind them: found by looking again
    await job.move(JobStatus.CANCELLED, published=False)
    assert await numbers(lines) == [6, 7, 8, 9]


async def test_what_comes_twice_or_late_is_passed_on_once_and_in_order(
    watch: Watch, job: Written, user: Person, redis: Redis
) -> None:
    lines = watch.follow(user.id, job.id)
    await anext(lines)
    rows = await job.write(5, published=False)
    publisher = Publisher(redis)
    for row in (rows[2], rows[0], rows[0], rows[4], rows[1]):
        await publisher.publish([row])
    await job.move(JobStatus.CANCELLED)
    await publisher.publish(rows)
    assert await numbers(lines) == list(range(2, 9))


async def test_rubbish_in_the_broker_harms_nobody(watch: Watch, job: Written, user: Person, redis: Redis) -> None:
    lines = watch.follow(user.id, job.id)
    await anext(lines)
    for rubbish in (b"", b"{}", b"\xff", b'{"seq": "x"}'):
        await redis.publish(f"shootout:job:{job.id}", rubbish)
        await redis.publish("shootout:job:nonsense", rubbish)
    await job.write()
    assert (await anext(lines)).seq == 2


async def test_a_reader_who_falls_behind_what_is_kept_misses_nothing(watch: Watch, job: Written, user: Person) -> None:
    slow, quick = watch.follow(user.id, job.id), watch.follow(user.id, job.id)
    await anext(slow)
    await anext(quick)
    heard = []
    for _ in range(10):
        await job.write(KEPT)
        heard += [(await anext(quick)).seq for _ in range(KEPT)]
    assert heard == list(range(2, 10 * KEPT + 2))
    await job.move(JobStatus.CANCELLED)
    assert await numbers(slow) == list(range(2, job.last + 1))
    assert await numbers(quick) == [job.last - 1, job.last]


async def test_what_a_connection_takes_at_once_and_what_it_does_not_are_the_log_in_order(
    watch: Watch, job: Written, user: Person
) -> None:
    heard: list[int] = []
    pushed = refused = 0

    def push(frame: bytes) -> bool:
        nonlocal pushed, refused
        seq = int(json.loads(frame[frame.index(b"{") :])["seq"])
        if seq % 3 == 0:
            refused += 1
            return False
        pushed += 1
        heard.append(seq)
        return True

    async def read() -> None:
        async with aclosing(watch.follow(user.id, job.id, push=push)) as lines:
            async for line in lines:
                await asyncio.sleep(0)
                heard.append(line.seq)
                ready.set()

    ready = asyncio.Event()
    reading = asyncio.create_task(read())
    await ready.wait()
    for count in (1, 1, 1, 1, 1, 3, 1, KEPT, 5, 1, 2 * KEPT, 1, 1):
        await job.write(count)
    await job.move(JobStatus.CANCELLED)
    await reading
    assert heard == list(range(1, job.last + 1))
    assert pushed > 0
    assert refused > 0


@pytest.mark.parametrize("after", [0, 1, 7, 11, 12])
async def test_who_comes_after_the_end_gets_the_rest_and_no_more(
    watch: Watch, job: Written, user: Person, after: int
) -> None:
    await job.write(9)
    await job.move(JobStatus.CANCELLED)
    assert job.last == 12
    assert await numbers(watch.follow(user.id, job.id, after=after)) == list(range(after, 13))
    assert await numbers(watch.follow(user.id, job.id)) == [11, 12]


async def test_who_claims_to_be_ahead_of_the_log_gets_what_comes(watch: Watch, job: Written, user: Person) -> None:
    lines = watch.follow(user.id, job.id, after=1000)
    assert (await anext(lines)).seq == 1
    await job.write()
    assert (await anext(lines)).seq == 2
    await lines.aclose()


async def test_a_retried_job_is_followed_beyond_its_first_end(watch: Watch, job: Written, user: Person) -> None:
    await job.move(JobStatus.CANCELLED)
    await job.move(JobStatus.PENDING)
    lines = watch.follow(user.id, job.id, after=0)
    found = [await anext(lines) for _ in range(job.last + 1)]
    assert [line.type for line in found] == ["snapshot", "status", "status", "done", "status"]
    await job.move(JobStatus.CANCELLED)
    assert await numbers(lines) == [job.last - 1, job.last]


async def test_a_log_that_is_not_kept_any_more_ends_with_the_snapshot(
    watch: Watch, job: Written, user: Person, session_maker: Sessions
) -> None:
    await job.write(5)
    await job.move(JobStatus.CANCELLED)
    async with session_maker.begin() as session:
        await session.execute(delete(JobEvent).where(JobEvent.job_id == job.id))
    assert await numbers(watch.follow(user.id, job.id, after=0)) == [0]


async def test_what_is_struck_out_of_a_log_before_it_was_read_holds_up_nobody(
    watch: Watch, job: Written, user: Person, session_maker: Sessions
) -> None:
    lines = watch.follow(user.id, job.id)
    await anext(lines)
    await job.write(3, published=False)
    async with session_maker.begin() as session:  # an installation may keep no progress at all
        await session.execute(delete(JobEvent).where(JobEvent.job_id == job.id, JobEvent.seq.in_([2, 3])))
    await job.move(JobStatus.CANCELLED)
    async with asyncio.timeout(30):
        assert await numbers(lines) == [4, 5, 6]


async def test_nobody_follows_the_job_of_somebody_else(
    watch: Watch, job: Written, user: Person, other_user: Person
) -> None:
    mine = watch.follow(user.id, job.id)
    await anext(mine)
    for owner_id, job_id in ((other_user.id, job.id), (user.id, uuid4())):
        with pytest.raises(JobNotFoundError):
            await anext(watch.follow(owner_id, job_id))
    await mine.aclose()


async def test_nothing_is_kept_of_a_job_that_nobody_watches_any_more(
    session_maker: Sessions, redis: Redis, job: Written, user: Person
) -> None:
    event_hub = EventHub(session_maker, kept=KEPT, streams=0)
    watch = Watch(event_hub, session_maker, silence_s=15)
    first, second = watch.follow(user.id, job.id), watch.follow(user.id, job.id)
    await anext(first)
    await anext(second)
    with event_hub.of(user.id, job.id) as tail:
        assert tail.watchers == 3
    await first.aclose()
    await second.aclose()
    with event_hub.of(user.id, job.id) as fresh:
        assert fresh is not tail
        assert fresh.watchers == 1
