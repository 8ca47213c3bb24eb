"""The live channel: what a worker writes into the log reaches those who watch, in order and without gaps.

The broker only carries copies of what the database holds. A watcher takes an event from the broker when its number is
the next one, and reads the database whenever that is not so, or when nothing has come for a while.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, aclosing
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import structlog
from litestar.channels import ChannelsPlugin
from litestar.channels.backends.redis import RedisChannelsPubSubBackend
from litestar.response import ServerSentEventMessage
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.jobs.dtos import Event, JobDTO
from tone_shootout.jobs.errors import JobNotFoundError
from tone_shootout.jobs.models import JobEvent
from tone_shootout.jobs.repositories import JobRepository
from tone_shootout.jobs.status import FINISHED

LOOK_AGAIN_S = 3.0
"""A watcher that hears nothing for this long asks the database."""
STILL_HERE_S = 15.0
"""Seconds of silence after which a server-sent stream says that it lives."""

SessionMaker = Callable[[], AbstractAsyncContextManager[AsyncSession]]

_log = structlog.get_logger(__name__)
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Event).decode


def channel_of(job_id: UUID) -> str:
    """Return the name of a job's channel."""
    return f"shootout:job:{job_id}"


class LastingPubSub(RedisChannelsPubSubBackend):
    """Litestar's backend, which goes on after the broker was away.

    The stock backend's stream ends with the first lost connection, and nobody is told.
    """

    async def subscribe(self, channels: Iterable[str]) -> None:
        """Subscribe, now or as soon as the broker is back."""
        names = list(channels)
        try:
            await super().subscribe(names)
        except (RedisError, OSError) as error:
            _log.warning("broker away", error=str(error))
            self._pub_sub.channels.update(dict.fromkeys(name.encode() for name in names))
            self._has_subscribed.set()

    async def unsubscribe(self, channels: Iterable[str]) -> None:
        """Unsubscribe; a broker that is away has forgotten us anyhow."""
        names = list(channels)
        try:
            await super().unsubscribe(names)
        except (RedisError, OSError):
            for name in names:
                self._pub_sub.channels.pop(name.encode(), None)

    async def stream_events(self) -> AsyncGenerator[tuple[str, Any], None]:
        """Yield what comes, for ever."""
        while True:
            try:
                async for event in super().stream_events():
                    yield event
            except (RedisError, OSError) as error:
                _log.warning("broker away", error=str(error))
                await asyncio.sleep(0.5)


class Publisher:
    """Sends copies of new events to those who watch. A broker that is away delays them; it loses nothing."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def publish(self, events: Iterable[JobEvent]) -> None:
        """Send events that have been committed."""
        for event in events:
            try:
                await self._redis.publish(channel_of(event.job_id), _encode(Event.of(event)))
            except (RedisError, OSError) as error:
                _log.warning("not published", job=str(event.job_id), seq=event.seq, error=str(error))


class Watch:
    """Lets clients follow a job."""

    def __init__(self, channels: ChannelsPlugin, sessions: SessionMaker) -> None:
        self._channels = channels
        self._sessions = sessions

    async def follow(self, owner_id: UUID, job_id: UUID, *, after: int | None = None) -> AsyncGenerator[Event, None]:
        """Yield a snapshot, then every event behind `after` (behind the snapshot by default), ending with `done`.

        Raises:
            JobNotFoundError: the owner has no such job.
        """
        async with self._channels.start_subscription(channel_of(job_id)) as subscriber:
            snapshot, last, finished = await self._snapshot(owner_id, job_id, after)
            yield snapshot
            if finished and last >= snapshot.data["last_seq"]:
                return
            live = subscriber.iter_events()
            next_live: asyncio.Task[bytes] | None = None
            try:
                while True:
                    event = None
                    for event in await self._missed(job_id, last):
                        last = event.seq
                        yield event
                    if event is not None and event.type == "done":  # one with events behind it was retried
                        return
                    while True:
                        next_live = next_live or asyncio.ensure_future(anext(live))
                        ready, _ = await asyncio.wait({next_live}, timeout=LOOK_AGAIN_S)
                        if not ready:
                            break
                        event = _decode(next_live.result())
                        next_live = None
                        if event.seq > last + 1:
                            break
                        if event.seq == last + 1:
                            last = event.seq
                            yield event
                            if event.type == "done":
                                return
            finally:
                if next_live is not None:
                    next_live.cancel()

    async def _snapshot(self, owner_id: UUID, job_id: UUID, after: int | None) -> tuple[Event, int, bool]:
        async with self._sessions() as session:
            job = await JobRepository(session).get(owner_id, job_id)
        if job is None:
            raise JobNotFoundError(job_id)
        finished = job.status in FINISHED
        # Who comes after the end still hears `done`, the last line of the log.
        start = (job.event_seq - 1 if finished else job.event_seq) if after is None else min(after, job.event_seq)
        data = {"job": msgspec.to_builtins(JobDTO.of(job)), "last_seq": job.event_seq}
        return Event(seq=start, type="snapshot", job_id=job_id, at=datetime.now(UTC), data=data), start, finished

    async def _missed(self, job_id: UUID, last: int) -> list[Event]:
        missed: list[Event] = []
        async with self._sessions() as session:
            while True:
                rows = await JobRepository(session).events(job_id, after=missed[-1].seq if missed else last)
                if not rows:
                    return missed
                missed += [Event.of(row) for row in rows]


async def as_sse(events: AsyncGenerator[Event, None]) -> AsyncGenerator[ServerSentEventMessage, None]:
    """Turn events into server-sent ones, with a comment now and then that keeps proxies from closing the connection."""
    async with aclosing(events):
        coming = asyncio.ensure_future(anext(events))
        try:
            while True:
                ready, _ = await asyncio.wait({coming}, timeout=STILL_HERE_S)
                if not ready:
                    yield ServerSentEventMessage(comment="still here")
                    continue
                try:
                    event = coming.result()
                except StopAsyncIteration:
                    return
                yield ServerSentEventMessage(data=_encode(event).decode(), event=event.type, id=event.seq)
                coming = asyncio.ensure_future(anext(events))
        finally:
            coming.cancel()
            await asyncio.wait({coming})
