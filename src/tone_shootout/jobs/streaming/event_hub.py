"""The ends of the logs that are watched, each once in memory however many watch it.

A watcher holds no queue, only the number of the last event that it has sent. It takes what comes next from the job's
tail; who is too slow for the tail's bounded length reads the log. So a watcher that never reads costs nothing.

Who waits on a WebSocket is not even woken for the next line: the tail writes it straight into the connection, encoded
once for all of them, as long as the connection takes it at once.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import msgspec
import structlog
from redis.asyncio import Redis
from sqlalchemy.exc import SQLAlchemyError

from tone_shootout.accounts.principal import Credential
from tone_shootout.accounts.services import valid_credentials
from tone_shootout.jobs.dtos import Event
from tone_shootout.jobs.errors import TooManyStreamsError
from tone_shootout.jobs.models import JobEvent
from tone_shootout.jobs.repositories import JobEventRepository, JobRepository
from tone_shootout.jobs.status import EventType
from tone_shootout.jobs.streaming.pubsub import SessionMaker, listen
from tone_shootout.kit.http.websocket import Push, text_frame

LOOK_AGAIN_S = 3.0
"""Seconds between two looks into the database, for what the broker has lost."""
TRY_AGAIN_S = 0.5
"""Pause after a look that failed."""

Ended = Literal["deleted", "disabled", "stopping"]
"""Why a job's log is not followed any more. A single watcher may also be signed out (`Place.signed_out`)."""

_log = structlog.get_logger(__name__)
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Event).decode


class EncodedEvent(msgspec.Struct, frozen=True):
    """An event, encoded once for all who get it."""

    seq: int
    type: EventType
    text: str

    @classmethod
    def of(cls, event: Event) -> "EncodedEvent":
        """Encode an event."""
        return cls(event.seq, event.type, _encode(event).decode())

    @classmethod
    def of_rows(cls, rows: Iterable[JobEvent]) -> "list[EncodedEvent]":
        """Encode lines of the log."""
        return [cls.of(Event.of(row)) for row in rows]


@dataclass(eq=False, slots=True)
class Subscriber:
    """How far a watcher is in a log."""

    seq: int
    """Number of the last line that it has sent."""
    push: Push | None = None
    """Sends a line without waking the watcher, if there is such a way."""
    signed_out: bool = False
    """Whether the credential that it was opened with is no longer valid."""
    woken: "asyncio.Future[None] | None" = None
    """While it waits: done as soon as there is something to do."""

    def wake(self) -> None:
        """Let the watcher go on."""
        if self.woken is not None and not self.woken.done():
            self.woken.set_result(None)


class JobStream:
    """The newest lines of one job's log, without a gap."""

    def __init__(self, kept: int) -> None:
        self.last = -1
        """Number of the newest line; -1 until somebody has looked."""
        self.known = -1
        """Highest number that anybody has told of."""
        self.watchers = 0
        self.ended: Ended | None = None
        """Why nothing comes any more."""
        self._lines: deque[EncodedEvent] = deque(maxlen=kept)
        self._waiting: set[Subscriber] = set()

    @property
    def is_behind(self) -> bool:
        """Whether the log has lines that are missing here."""
        return self.last < self.known

    def tell(self, seq: int) -> None:
        """Take note of how far the log goes. The first who knows decides where the tail begins."""
        self.known = max(self.known, seq)
        if self.last < 0:
            self.last = seq

    def add(self, line: EncodedEvent, *, from_log: bool = False) -> None:
        """Add the next line, if it is that; one that leaves a gap is only taken note of, unless it is the log's."""
        self.known = max(self.known, line.seq)
        if from_log and line.seq > self.last + 1:
            self._lines.clear()
            self.last = line.seq - 1
        if self.last >= 0 and line.seq == self.last + 1:
            self.last = line.seq
            self._lines.append(line)
            self._hand_out(line)

    def behind(self, seq: int) -> list[EncodedEvent] | None:
        """Return the lines behind `seq`; None when the tail does not reach back that far."""
        missing = self.last - seq
        if missing > len(self._lines):
            return None
        return [self._lines[index] for index in range(-missing, 0)]

    async def news(self, place: Subscriber, patience_s: float | None) -> bool:
        """Wait for a line that can't be pushed, or for the end; tell whether one of them came in time."""
        place.woken = woken = asyncio.get_running_loop().create_future()
        self._waiting.add(place)
        try:
            async with asyncio.timeout(patience_s):
                await woken
        except TimeoutError:
            return False
        finally:
            self._waiting.discard(place)
        return True

    def end(self, why: Ended) -> None:
        """Tell those who wait that nothing comes any more."""
        self.ended = why
        for place in self._waiting:
            place.wake()

    def _hand_out(self, line: EncodedEvent) -> None:
        """Push a line to those who wait for just that one, and wake the others: after `done` there is more to do."""
        frame = text_frame(line.text)
        for place in self._waiting:
            pushed = place.push and place.seq == line.seq - 1 and line.type != "done" and not place.signed_out
            if pushed and place.push and place.push(frame):
                place.seq = line.seq
            else:
                place.wake()


class EventHub:
    """All tails of a process, with the one who listens to the broker for them and the one who reads the database."""

    def __init__(self, sessions: SessionMaker, *, kept: int, streams: int) -> None:
        self._sessions = sessions
        self._kept = kept
        self._most = streams
        self._streams: Counter[UUID] = Counter()
        self._tails: dict[UUID, JobStream] = {}
        self._signed_in: dict[Credential, set[Subscriber]] = {}
        self._look = asyncio.Event()
        self._stopped = False

    def admit(self, owner_id: UUID) -> None:
        """Let somebody pass who wants to watch.

        Raises:
            TooManyStreamsError: they watch as often as one may.
        """
        if self._most and self._streams[owner_id] >= self._most:
            raise TooManyStreamsError(self._most)

    @contextmanager
    def of(self, owner_id: UUID, job_id: UUID) -> Iterator[JobStream]:
        """Give a job's tail to a watcher. It is there as long as anybody watches."""
        tail = self._tails.setdefault(job_id, JobStream(self._kept))
        tail.watchers += 1
        self._streams[owner_id] += 1
        if self._stopped:
            tail.end("stopping")
        try:
            yield tail
        finally:
            tail.watchers -= 1
            if not tail.watchers:
                del self._tails[job_id]
            self._streams[owner_id] -= 1
            if not self._streams[owner_id]:
                del self._streams[owner_id]

    @contextmanager
    def signed_in(self, credential: Credential | None, place: Subscriber) -> Iterator[None]:
        """Hold a watcher to the credential that its connection was opened with: both end together.

        Args:
            credential: which one; None: none, for who watches within this process.
            place: the watcher.
        """
        if credential is None:
            yield
            return
        places = self._signed_in.setdefault(credential, set())
        places.add(place)
        try:
            yield
        finally:
            places.discard(place)
            if not places:
                del self._signed_in[credential]

    def look(self) -> None:
        """Have the database looked into now."""
        self._look.set()

    def stop(self) -> None:
        """Send everybody away, as the process stops. They come back to the next one."""
        self._stopped = True
        for tail in self._tails.values():
            tail.end("stopping")

    @asynccontextmanager
    async def running(self, redis: Redis) -> AsyncGenerator[None, None]:
        """Listen and look as long as the context lasts."""
        tasks = {asyncio.create_task(self._listen(redis)), asyncio.create_task(self._keep_looking())}
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _listen(self, redis: Redis) -> None:
        while True:
            try:
                async for message in listen(redis):
                    if message is None or not self._hear(message):
                        self.look()
            except Exception:  # noqa: BLE001 - whoever stopped listening would leave every watcher seconds behind
                _log.exception("can't listen")
                await asyncio.sleep(LOOK_AGAIN_S)

    def _hear(self, message: bytes) -> bool:
        """Hand a copy of an event to the tail that it belongs to; tell whether there is now nothing missing there."""
        try:
            event = _decode(message)
        except msgspec.MsgspecError as error:  # whoever shares the broker may be of another version
            _log.warning("not understood", error=str(error))
            return False
        tail = self._tails.get(event.job_id)
        if tail is None:
            return True
        tail.add(EncodedEvent.of(event))
        return not tail.is_behind

    async def _keep_looking(self) -> None:
        while True:
            try:
                async with asyncio.timeout(LOOK_AGAIN_S):
                    await self._look.wait()
            except TimeoutError:
                pass
            self._look.clear()
            try:
                await self._catch_up()
            except (SQLAlchemyError, OSError) as error:
                _log.warning("can't look into the log", error=str(error))
                self.look()
                await asyncio.sleep(TRY_AGAIN_S)
            except Exception:  # noqa: BLE001 - whoever stopped looking would leave every watcher behind
                _log.exception("can't look into the log")
                await asyncio.sleep(LOOK_AGAIN_S)

    def _sign_out(self, credentials: Iterable[Credential]) -> None:
        """Send those away whose credential is no longer valid."""
        for credential in credentials:
            for place in self._signed_in.get(credential, ()):
                place.signed_out = True
                place.wake()

    async def _catch_up(self) -> None:
        watched, credentials = dict(self._tails), frozenset(self._signed_in)
        if not watched:
            return
        async with self._sessions() as session:
            events = JobEventRepository(session)
            newest = await JobRepository(session).newest_events(watched)
            for job_id, tail in watched.items():
                seq, is_active = newest.get(job_id, (None, True))
                if seq is None:
                    tail.end("deleted")
                elif not is_active:
                    tail.end("disabled")
                elif tail.last >= 0:
                    tail.tell(seq)
                    while tail.is_behind:
                        lines = EncodedEvent.of_rows(await events.list_after(job_id, tail.last))
                        for line in lines:
                            tail.add(line, from_log=True)
                        if not lines:
                            break
            self._sign_out(credentials - await valid_credentials(session, credentials))
