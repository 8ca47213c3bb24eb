"""Whatever is lost, cut and taken up again: put together, every client has heard the log, in order and once."""

import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis
from websockets.exceptions import ConnectionClosed

from tests.integration.conftest import Person
from tests.support.examples import examples
from tests.support.job_logs import Written, written_job
from tests.support.live_clients import streaming, watching
from tests.support.sessions import Sessions
from tone_shootout.jobs.status import JobStatus
from tone_shootout.jobs.streaming.pubsub import Publisher

pytestmark = pytest.mark.slow

Way = Literal["websocket", "sse"]
CLIENTS = st.integers(0, 2)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 4), st.booleans()),
        st.tuples(st.just("connect"), CLIENTS, st.sampled_from(["websocket", "sse"])),
        st.tuples(st.just("read"), CLIENTS, st.integers(1, 5)),
        st.tuples(st.just("drop"), CLIENTS, st.none()),
        st.tuples(st.just("retry"), st.none(), st.none()),
    ),
    max_size=25,
)


class Client:
    """Somebody with a bad connection, who comes back in either way and says what they have."""

    def __init__(self, base_url: str, person: Person, job: Written) -> None:
        self.received: list[int] = []
        self._base_url = base_url
        self._person = person
        self._job = job
        self._stack = AsyncExitStack()
        self._events: AsyncGenerator[dict[str, Any], None] | None = None

    @property
    def last(self) -> int:
        return self.received[-1] if self.received else 0

    async def connect(self, way: Way) -> None:
        """Come back, unless still there; a stream begins with a snapshot."""
        if self._events is not None:
            return
        if way == "websocket":
            context = watching(self._base_url, self._person, self._job.id, f"?after={self.last}")
            socket = await self._stack.enter_async_context(context)

            async def events() -> AsyncGenerator[dict[str, Any], None]:
                try:
                    while True:
                        yield json.loads(await socket.recv())
                except ConnectionClosed:
                    assert socket.close_code == 1000

            self._events = events()
        else:
            mark = {"Last-Event-ID": str(self.last)}
            stream = streaming(self._base_url, self._person, self._job.id, **mark)
            self._events = await self._stack.enter_async_context(stream)
        snapshot = await anext(self._events)
        assert (snapshot["type"], snapshot["seq"]) == ("snapshot", self.last)
        assert snapshot["data"]["last_seq"] == self._job.last

    async def read(self, count: int, *, written: int) -> None:
        """Read what is there, at most `count` events."""
        while self._events is not None and count and self.last < written:
            event = await anext(self._events, None)
            if event is None:
                await self.drop()
                return
            self.received.append(event["seq"])
            count -= 1

    async def drop(self) -> None:
        """Lose the connection."""
        if self._events is not None:
            await self._events.aclose()
        self._events = None
        await self._stack.aclose()


@given(steps=STEPS)
@settings(
    max_examples=examples(30),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_any_interleaving_of_connects_drops_and_resumes_yields_the_same_sequence(
    steps: list[tuple[str, Any, Any]], base_url: str, user: Person, session_maker: Sessions, redis: Redis
) -> None:
    job = await written_job(session_maker, Publisher(redis), user.id)
    clients = [Client(base_url, user, job) for _ in range(3)]
    published = 1  # what is lost behind it is heard of with the next that is not
    for step, which, how in steps:
        if step == "write":
            await job.write(which, published=how)
            published = job.last if how else published
        elif step == "retry":
            await job.move(JobStatus.CANCELLED)
            await job.move(JobStatus.PENDING)
            await job.move(JobStatus.QUEUED)
            published = job.last
        elif step == "connect":
            await clients[which].connect(how)
        elif step == "read":
            await clients[which].read(how, written=published)
        else:
            await clients[which].drop()
    await job.move(JobStatus.CANCELLED)
    for number, client in enumerate(clients):
        while client.last < job.last:
            await client.connect("websocket" if number % 2 else "sse")
            await client.read(job.last, written=job.last)
        assert client.received == list(range(1, job.last + 1))
        await client.drop()
