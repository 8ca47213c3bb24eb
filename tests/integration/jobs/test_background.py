"""Background tasks: the event subscription, and the thread pools of a worker."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

import pytest
from redis.asyncio import Redis
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from tests.integration.conftest import Person
from tests.integration.jobs.conftest import events
from tests.support.job_logs import written_job
from tests.support.live import environ_of
from tests.support.outages import submitted
from tests.support.sessions import Sessions
from tone_shootout.jobs.streaming.event_hub import EventHub, JobStream
from tone_shootout.jobs.streaming.pubsub import PREFIX, Publisher
from tone_shootout.kit.settings import Settings

pytestmark = pytest.mark.slow


ONE_THREAD = """
import asyncio
from concurrent.futures import ThreadPoolExecutor

from tone_shootout.composition import Services, run_worker
from tone_shootout.kit.settings import load_settings


async def main():
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    await run_worker(Services(load_settings()))


asyncio.run(main())
"""


@asynccontextmanager
async def _no_database() -> AsyncGenerator[AsyncSession, None]:
    """A database that is unavailable, so that only messages can deliver events."""
    raise OperationalError("the database is away", None, Exception())
    yield  # it is a generator


async def test_clients_get_events_after_an_unexpected_message(
    user: Person, redis: Redis, session_maker: Sessions
) -> None:
    publisher = Publisher(redis)
    job = await written_job(session_maker, publisher, user.id)
    event_hub = EventHub(_no_database, backlog=100, stream_limit=0)

    async def hears(stream: JobStream) -> None:
        """Publish one more event until it is received."""
        written = await job.write(1, published=False)
        async with asyncio.timeout(60):
            while stream.last_seq < written[-1].seq:
                await publisher.publish(written)
                await asyncio.sleep(0.05)

    async with event_hub.running(redis):
        with event_hub.open_stream(user.id, job.id) as stream:
            stream.note_seq(1)
            await hears(stream)
            # Nested so deeply that decoding raises no error of its own, but RecursionError.
            await redis.publish(f"{PREFIX}{job.id}", b"[" * 100_000)
            await hears(stream)


@contextmanager
def _worker_of_one_thread(settings: Settings) -> Generator[None, None, None]:
    command = [sys.executable, "-c", ONE_THREAD]
    with subprocess.Popen(command, env=environ_of(settings), start_new_session=True) as process:
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.mark.thorough
async def test_segments_are_published_while_rendering_with_one_thread_in_the_event_loop(
    base_url: str, user: Person, settings: Settings
) -> None:
    """Rendering has its own threads: on a small machine it would use up those that storing needs."""
    job = await submitted(user, seconds=2.0, chains=3)
    with _worker_of_one_thread(settings):
        log = [event async for event in events(base_url, user, job["id"], "?after=0")]
    received = [event["seq"] for event in log if str(event["data"].get("path", "")).startswith("partial/")]
    leveled = [event["seq"] for event in log if event["data"].get("phase") == "level"]
    assert log[-1]["data"]["status"] == "completed"
    assert min(received) < leveled[0]
