"""Fan-out of job events within a web process: one in-memory stream per job, shared by all its subscribers.

A subscriber has no queue, only the sequence number of the last event it sent. It takes the next events from the job's
stream; a subscriber that lags behind the stream's bounded backlog reads the database. So a client that never reads
costs nothing.

A WebSocket subscriber that is up to date is not even woken: the stream writes the frame, encoded once for all of them,
straight into the connection as long as its buffer accepts it.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, Generator, Iterable
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Literal
from uuid import UUID

import msgspec
import structlog
from redis.asyncio import Redis
from sqlalchemy.exc import SQLAlchemyError

from tone_shootout.accounts.principal import Credential
from tone_shootout.accounts.services import filter_valid_credentials
from tone_shootout.jobs.dtos import Event
from tone_shootout.jobs.errors import TooManyStreamsError
from tone_shootout.jobs.models import EventRow
from tone_shootout.jobs.repositories import JobEventRepository, JobRepository
from tone_shootout.jobs.status import EventType
from tone_shootout.jobs.streaming.pubsub import subscribe_to_events
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.http.websocket import Push, text_frame
from tone_shootout.kit.periodic import running_periodically

POLL_INTERVAL_S = 3.0
"""Seconds between polls of the database, for events whose message was lost."""
RETRY_DELAY_S = 0.5
"""Delay after a failed query."""

EndReason = Literal["deleted", "disabled", "stopping"]
"""Why a stream ended for all subscribers: job deleted, owner disabled, process stopping."""

_log = structlog.get_logger(__name__)
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Event).decode


class EncodedEvent(msgspec.Struct, frozen=True):
    """An event, encoded once for all subscribers."""

    seq: int
    type: EventType
    text: str

    @classmethod
    def of(cls, event: Event) -> "EncodedEvent":
        """Encode an event."""
        return cls(event.seq, event.type, _encode(event).decode())

    @classmethod
    def of_rows(cls, rows: Iterable[EventRow]) -> "list[EncodedEvent]":
        """Encode rows of the event log."""
        return [cls.of(Event.of(row)) for row in rows]


@dataclass(eq=False, slots=True)
class Subscriber:
    """A client's position in a stream."""

    seq: int
    """Sequence number of the last event sent."""
    push: Push | None = None
    """Writes a frame without waking the subscriber, where the server supports it."""
    signed_out: bool = False
    """Whether the credential that opened the connection is no longer valid."""
    woken: "asyncio.Future[None] | None" = None
    """Pending while the subscriber waits."""

    def wake(self) -> None:
        """Wake the subscriber if it waits."""
        if self.woken is not None and not self.woken.done():
            self.woken.set_result(None)


class JobStream:
    """The newest events of one job, without gaps.

    Args:
        backlog: number of events to keep.
    """

    def __init__(self, backlog: int) -> None:
        self.last_seq = -1
        """Sequence number of the newest event; -1 until a subscriber has read the job."""
        self.known_seq = -1
        """Highest sequence number seen, in messages or in the database."""
        self.subscribers = 0
        self.end_reason: EndReason | None = None
        self._events: deque[EncodedEvent] = deque(maxlen=backlog)
        self._waiting: set[Subscriber] = set()

    @property
    def is_behind(self) -> bool:
        """Whether the log has events that are missing here."""
        return self.last_seq < self.known_seq

    def note_seq(self, seq: int) -> None:
        """Record how far the log goes. The first call sets where the stream begins."""
        self.known_seq = max(self.known_seq, seq)
        if self.last_seq < 0:
            self.last_seq = seq

    def add(self, event: EncodedEvent, *, from_log: bool = False) -> None:
        """Add the next event; after a gap, only record its number.

        Args:
            event: the event.
            from_log: whether it was read from the log, in order: a gap then is real, and the stream restarts behind it.
        """
        self.known_seq = max(self.known_seq, event.seq)
        if from_log and event.seq > self.last_seq + 1:
            self._events.clear()
            self.last_seq = event.seq - 1
        if self.last_seq >= 0 and event.seq == self.last_seq + 1:
            self.last_seq = event.seq
            self._events.append(event)
            self._distribute(event)

    def events_after(self, seq: int) -> list[EncodedEvent] | None:
        """Return the events after `seq`, None if the backlog does not reach back that far."""
        missing = self.last_seq - seq
        if missing > len(self._events):
            return None
        return [self._events[index] for index in range(-missing, 0)]

    async def wait(self, subscriber: Subscriber, timeout_s: float | None) -> bool:
        """Wait for an event that could not be pushed, or for the end; return False after the timeout."""
        subscriber.woken = woken = asyncio.get_running_loop().create_future()
        self._waiting.add(subscriber)
        try:
            async with asyncio.timeout(timeout_s):
                await woken
        except TimeoutError:
            return False
        finally:
            self._waiting.discard(subscriber)
        return True

    def end(self, reason: EndReason) -> None:
        """End the stream and wake all subscribers."""
        self.end_reason = reason
        for subscriber in self._waiting:
            subscriber.wake()

    def _distribute(self, event: EncodedEvent) -> None:
        """Push an event to waiting subscribers that need just this one; wake the others, and all of them for `done`."""
        frame = text_frame(event.text)
        for waiting in self._waiting:
            can_push = waiting.seq == event.seq - 1 and event.type != "done" and not waiting.signed_out
            if can_push and waiting.push and waiting.push(frame):
                waiting.seq = event.seq
            else:
                waiting.wake()


class EventHub:
    """All job streams of a process, with one pub/sub subscription and one database poll loop for them.

    Args:
        sessions: opens database sessions.
        backlog: events to keep per stream.
        stream_limit: open streams per user; 0: no limit.
    """

    def __init__(self, sessions: SessionMaker, *, backlog: int, stream_limit: int) -> None:
        self._sessions = sessions
        self._backlog = backlog
        self._stream_limit = stream_limit
        self._open_streams: Counter[UUID] = Counter()
        self._streams: dict[UUID, JobStream] = {}
        self._by_credential: dict[Credential, set[Subscriber]] = {}
        self._poll_requested = asyncio.Event()
        self._stopped = False

    def check_limit(self, owner_id: UUID) -> None:
        """Check a user's limit of open streams.

        Raises:
            TooManyStreamsError: the limit is reached.
        """
        if self._stream_limit and self._open_streams[owner_id] >= self._stream_limit:
            raise TooManyStreamsError(self._stream_limit)

    @property
    def open_streams(self) -> int:
        """Number of open streams of all users."""
        return self._open_streams.total()

    @contextmanager
    def open_stream(self, owner_id: UUID, job_id: UUID) -> Generator[JobStream]:
        """Open a job's stream, shared with its other subscribers; the last one to leave removes it."""
        stream = self._streams.setdefault(job_id, JobStream(self._backlog))
        stream.subscribers += 1
        self._open_streams[owner_id] += 1
        if self._stopped:
            stream.end("stopping")
        try:
            yield stream
        finally:
            stream.subscribers -= 1
            if not stream.subscribers:
                del self._streams[job_id]
            self._open_streams[owner_id] -= 1
            if not self._open_streams[owner_id]:
                del self._open_streams[owner_id]

    @contextmanager
    def bind_credential(self, credential: Credential | None, subscriber: Subscriber) -> Generator[None]:
        """Sign a subscriber out when its credential is no longer valid, as long as the context lasts.

        Args:
            credential: opened the connection; None for a subscriber within this process.
            subscriber: the subscriber.
        """
        if credential is None:
            yield
            return
        subscribers = self._by_credential.setdefault(credential, set())
        subscribers.add(subscriber)
        try:
            yield
        finally:
            subscribers.discard(subscriber)
            if not subscribers:
                del self._by_credential[credential]

    def request_poll(self) -> None:
        """Poll the database now."""
        self._poll_requested.set()

    def stop(self) -> None:
        """End all streams because the process stops. Clients reconnect to another process."""
        self._stopped = True
        for stream in self._streams.values():
            stream.end("stopping")

    @asynccontextmanager
    async def running(self, redis: Redis) -> AsyncGenerator[None, None]:
        """Receive events and poll the database as long as the context lasts."""
        async with (
            running_periodically(
                self._poll,
                interval_s=POLL_INTERVAL_S,
                wake=self._poll_requested,
                retry_s=RETRY_DELAY_S,
                on_error=_report_failed_poll,
            ),
            running_periodically(
                partial(self._receive_all, redis),
                interval_s=POLL_INTERVAL_S,
                on_error=_report_failed_subscription,
                stop_s=0,  # it has no end of its own
            ),
        ):
            yield

    async def _receive_all(self, redis: Redis) -> None:
        """Receive published events, without end."""
        async for message in subscribe_to_events(redis):
            if message is None or not self._receive(message):
                self.request_poll()

    def _receive(self, message: bytes) -> bool:
        """Add a published event to its stream; return whether the stream is complete."""
        try:
            event = _decode(message)
        except msgspec.MsgspecError as error:  # processes of another version may share the broker
            _log.warning("event_malformed", error=str(error))
            return False
        stream = self._streams.get(event.job_id)
        if stream is None:
            return True
        stream.add(EncodedEvent.of(event))
        return not stream.is_behind

    def _sign_out(self, credentials: Iterable[Credential]) -> None:
        """Sign out the subscribers of credentials that are no longer valid."""
        for credential in credentials:
            for subscriber in self._by_credential.get(credential, ()):
                subscriber.signed_out = True
                subscriber.wake()

    async def _poll(self) -> None:
        streams, credentials = dict(self._streams), frozenset(self._by_credential)
        if not streams:
            return
        async with self._sessions() as session:
            log = JobEventRepository(session)
            newest = await JobRepository(session).newest_events(streams)
            for job_id, stream in streams.items():
                seq, is_active = newest.get(job_id, (None, True))
                if seq is None:
                    stream.end("deleted")
                elif not is_active:
                    stream.end("disabled")
                elif stream.last_seq >= 0:
                    stream.note_seq(seq)
                    while stream.is_behind:
                        events = EncodedEvent.of_rows(await log.list_after(job_id, stream.last_seq))
                        for event in events:
                            stream.add(event, from_log=True)
                        if not events:
                            break
            self._sign_out(credentials - await filter_valid_credentials(session, credentials))


def _report_failed_poll(error: Exception, failures: int) -> None:
    if isinstance(error, SQLAlchemyError | OSError):
        _log.warning("event_poll_failed", error=str(error))
    elif failures == 1:
        _log.error("event_poll_failed", exc_info=error)


def _report_failed_subscription(error: Exception, _failures: int) -> None:
    _log.error("event_subscription_failed", exc_info=error)
