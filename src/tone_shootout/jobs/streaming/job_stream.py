"""Stream a job's events to one client, over a WebSocket or as server-sent events."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import structlog
from litestar import WebSocket
from litestar.exceptions import WebSocketDisconnect
from litestar.handlers import send_websocket_stream
from litestar.response import ServerSentEventMessage
from litestar.status_codes import WS_1000_NORMAL_CLOSURE, WS_1012_SERVICE_RESTART
from sqlalchemy.exc import SQLAlchemyError

from tone_shootout.accounts.guards import NOT_SIGNED_IN
from tone_shootout.accounts.principal import Credential
from tone_shootout.accounts.services import filter_valid_credentials
from tone_shootout.jobs.dtos import Event, JobRead
from tone_shootout.jobs.errors import JobNotFoundError
from tone_shootout.jobs.repositories import JobEventRepository, JobRepository
from tone_shootout.jobs.status import FINISHED
from tone_shootout.jobs.streaming.event_hub import RETRY_DELAY_S, EncodedEvent, EventHub, Subscriber
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.http.problems import UnauthorizedError
from tone_shootout.kit.http.websocket import TRY_AGAIN_LATER, Push, push_of

NO_SUCH_JOB: Final = 4404
RECONNECT_MS: Final = 1000
"""Delay before a browser reconnects to a stream, in milliseconds."""
PAGE_SIZE: Final = 200
"""Events that a lagging client reads from the database at once."""

_log = structlog.get_logger(__name__)


class ShuttingDownError(Exception):
    """This process stops before the job has finished."""


class StreamService:
    """Streams of job events for clients.

    Args:
        event_hub: the streams of this process.
        sessions: opens database sessions.
        heartbeat_s: seconds without an event before server-sent events get a comment.
    """

    def __init__(self, event_hub: EventHub, sessions: SessionMaker, *, heartbeat_s: float) -> None:
        self._hub = event_hub
        self._sessions = sessions
        self._heartbeat_s = heartbeat_s

    def check_limit(self, owner_id: UUID) -> None:
        """Check a user's limit of open streams.

        Raises:
            TooManyStreamsError: the limit is reached.
        """
        self._hub.check_limit(owner_id)

    async def is_valid(self, credential: Credential) -> bool:
        """Return whether a credential is still valid, for a connection opened with a ticket."""
        async with self._sessions() as session:
            return bool(await filter_valid_credentials(session, [credential]))

    async def follow(
        self,
        owner_id: UUID,
        job_id: UUID,
        *,
        after: int | None = None,
        push: Push | None = None,
        credential: Credential | None = None,
    ) -> AsyncGenerator[EncodedEvent, None]:
        """Yield a snapshot, then every event after `after` (after the snapshot by default), up to `done`.

        Args:
            owner_id: the job's owner.
            job_id: the job.
            after: sequence number of the last event that the client has.
            push: sends events directly while this generator waits; events that it rejects are yielded.
            credential: opened the connection; the stream ends when it is no longer valid.

        Raises:
            JobNotFoundError: the owner has no such job, or it was deleted meanwhile.
            UnauthorizedError: the owner is disabled, or the credential is no longer valid.
            ShuttingDownError: this process stops; the client can reconnect to another.
        """
        async with aclosing(self._events(owner_id, job_id, after, push=push, credential=credential)) as events:
            async for event in events:
                if event is not None:
                    yield event

    async def _events(
        self,
        owner_id: UUID,
        job_id: UUID,
        after: int | None,
        *,
        push: Push | None = None,
        heartbeat_s: float | None = None,
        credential: Credential | None = None,
    ) -> AsyncGenerator[EncodedEvent | None, None]:
        """Yield as `follow` does, and None after each `heartbeat_s` without an event."""
        with ExitStack() as entered:
            stream = entered.enter_context(self._hub.open_stream(owner_id, job_id))
            subscriber = Subscriber(-1, push)
            entered.enter_context(self._hub.bind_credential(credential, subscriber))
            snapshot, newest, finished = await self._snapshot(owner_id, job_id, after)
            stream.note_seq(newest)
            if stream.is_behind:
                self._hub.request_poll()
            # Read before anything is sent: a client that leaves after the snapshot would cancel the query, for which
            # the driver opens a second connection and gives up the first.
            page = [] if stream.events_after(snapshot.seq) is not None else await self._page(job_id, snapshot.seq)
            yield snapshot
            subscriber.seq = snapshot.seq
            ended = finished and subscriber.seq >= newest
            while not ended:
                if subscriber.signed_out and stream.end_reason != "deleted":
                    raise UnauthorizedError
                events = stream.events_after(subscriber.seq)
                if events is None:
                    events, page = page or await self._page(job_id, subscriber.seq), []
                    if not events:  # older than the retention period
                        subscriber.seq, ended = newest, finished
                        continue
                if events:
                    for event in events:
                        subscriber.seq = event.seq
                        yield event
                    # A `done` with events after it belongs to an attempt that was retried.
                    ended = event.type == "done" and event.seq >= stream.last_seq
                elif stream.end_reason == "deleted":
                    raise JobNotFoundError(job_id)
                elif stream.end_reason == "disabled":
                    raise UnauthorizedError
                elif stream.end_reason == "stopping":
                    raise ShuttingDownError
                elif not await stream.wait(subscriber, heartbeat_s):
                    yield None

    async def send_to_websocket(
        self, socket: WebSocket[Any, Any, Any], credential: Credential, job_id: UUID, *, after: int | None
    ) -> None:
        """Send a job's events to an accepted WebSocket, then close it with the code of the reason."""
        code, reason = WS_1000_NORMAL_CLOSURE, ""

        async def texts() -> AsyncGenerator[str, None]:
            nonlocal code, reason
            try:
                following = self.follow(
                    credential.user_id, job_id, after=after, push=push_of(socket), credential=credential
                )
                async with aclosing(following) as events:
                    async for event in events:
                        yield event.text
            except JobNotFoundError as error:
                code, reason = NO_SUCH_JOB, error.detail
            except UnauthorizedError:
                code, reason = NOT_SIGNED_IN, "The credential is no longer valid. Sign in again."
            except ShuttingDownError:
                code, reason = WS_1012_SERVICE_RESTART, "The server is stopping. Reconnect."
            except (SQLAlchemyError, OSError) as error:
                _log.warning("event_log_unavailable", job_id=str(job_id), error=str(error))
                code, reason = TRY_AGAIN_LATER, "The service is unavailable. Reconnect shortly."

        try:
            async with aclosing(texts()) as stream:
                await send_websocket_stream(
                    socket, stream, close=False, listen_for_disconnect=True, warn_on_data_discard=False
                )
            await socket.close(code=code, reason=reason)
        except* (WebSocketDisconnect, OSError):
            pass  # the client has disconnected

    async def to_sse(
        self, credential: Credential, job_id: UUID, *, after: int | None
    ) -> AsyncGenerator[ServerSentEventMessage, None]:
        """Yield a job's events as server-sent events, with a comment after each heartbeat interval without one.

        Lines end in LF, which simple clients expect; the standard allows CRLF, too.

        The comments keep proxies from closing the connection, and let a client detect a lost connection.
        """
        yield ServerSentEventMessage(data=None, retry=RECONNECT_MS, sep="\n")
        try:
            following = self._events(
                credential.user_id, job_id, after, heartbeat_s=self._heartbeat_s, credential=credential
            )
            async with aclosing(following) as events:
                async for event in events:
                    if event is None:
                        yield ServerSentEventMessage(data=None, comment="heartbeat", sep="\n")
                    else:
                        yield ServerSentEventMessage(data=event.text, event=event.type, id=event.seq, sep="\n")
        except (JobNotFoundError, UnauthorizedError, ShuttingDownError):
            pass  # the client reconnects and gets the reason as a status code
        except (SQLAlchemyError, OSError) as error:
            _log.warning("event_log_unavailable", job_id=str(job_id), error=str(error))

    async def _snapshot(self, owner_id: UUID, job_id: UUID, after: int | None) -> tuple[EncodedEvent, int, bool]:
        """Return a snapshot of the job, the sequence number of its newest event, and whether the job has finished."""
        async with self._sessions() as session:
            job = await JobRepository(session).read(owner_id, job_id)
        if job is None:
            raise JobNotFoundError(job_id)
        newest, finished = job.event_seq, job.status in FINISHED
        # A client that connects after the end still gets `done`, the last event.
        seq = (newest - 1 if finished else newest) if after is None else min(after, newest)
        data = {"job": JobRead.of(job), "last_seq": newest}
        return (
            EncodedEvent.of(Event(seq=seq, type="snapshot", job_id=job_id, at=datetime.now(UTC), data=data)),
            newest,
            finished,
        )

    async def _page(self, job_id: UUID, seq: int) -> list[EncodedEvent]:
        """Return the next events of the log; retry until the database responds."""
        while True:
            try:
                async with self._sessions() as session:
                    return EncodedEvent.of_rows(
                        await JobEventRepository(session).list_after(job_id, seq, limit=PAGE_SIZE)
                    )
            except (SQLAlchemyError, OSError) as error:
                _log.warning("event_log_unavailable", job_id=str(job_id), error=str(error))
                await asyncio.sleep(RETRY_DELAY_S)
