"""Following a job: its log for one client, from where it is, over a WebSocket or as server-sent events."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
import structlog
from litestar import WebSocket
from litestar.exceptions import WebSocketDisconnect
from litestar.handlers import send_websocket_stream
from litestar.response import ServerSentEventMessage
from litestar.status_codes import WS_1000_NORMAL_CLOSURE, WS_1012_SERVICE_RESTART
from sqlalchemy.exc import SQLAlchemyError

from tone_shootout.accounts.guards import NOT_SIGNED_IN
from tone_shootout.accounts.principal import Credential
from tone_shootout.accounts.services import valid_credentials
from tone_shootout.jobs.dtos import Event, JobRead
from tone_shootout.jobs.errors import JobNotFoundError
from tone_shootout.jobs.repositories import JobEventRepository, JobRepository
from tone_shootout.jobs.status import FINISHED
from tone_shootout.jobs.streaming.event_hub import TRY_AGAIN_S, EncodedEvent, EventHub, Subscriber
from tone_shootout.jobs.streaming.pubsub import SessionMaker
from tone_shootout.kit.http.problems import UnauthorizedError
from tone_shootout.kit.http.websocket import TRY_AGAIN_LATER, Push, push_of

NO_SUCH_JOB: Final = 4404
COME_BACK_MS: Final = 1000
"""Pause that a browser makes before it asks for a stream again that was cut."""
PAGE: Final = 200
"""Lines that a slow or late watcher reads at once."""

_log = structlog.get_logger(__name__)


class StoppingError(Exception):
    """This process stops before the job has."""


class Watch:
    """Lets clients follow a job."""

    def __init__(self, event_hub: EventHub, sessions: SessionMaker, *, silence_s: float) -> None:
        self._tails = event_hub
        self._sessions = sessions
        self._silence_s = silence_s

    def admit(self, owner_id: UUID) -> None:
        """Let somebody pass who wants to follow a job.

        Raises:
            TooManyStreamsError: they follow as many as one may.
        """
        self._tails.admit(owner_id)

    async def is_valid(self, credential: Credential) -> bool:
        """Tell whether a credential is still valid, for a connection that does not bring it."""
        async with self._sessions() as session:
            return bool(await valid_credentials(session, [credential]))

    async def follow(
        self,
        owner_id: UUID,
        job_id: UUID,
        *,
        after: int | None = None,
        push: Push | None = None,
        credential: Credential | None = None,
    ) -> AsyncGenerator[EncodedEvent, None]:
        """Yield a snapshot, then every event behind `after` (behind the snapshot by default), ending with `done`.

        Args:
            owner_id: whose job it is.
            job_id: which one.
            after: number of the last event that is not wanted.
            push: takes what comes while a line is waited for; what it does not take is yielded.
            credential: what the connection was opened with, which ends it when it is no longer valid.

        Raises:
            JobNotFoundError: the owner has no such job, or it is deleted meanwhile.
            UnauthorizedError: the owner is disabled, or the credential is no longer valid.
            StoppingError: this process stops; another has the rest.
        """
        async with aclosing(self._lines(owner_id, job_id, after, push=push, credential=credential)) as lines:
            async for line in lines:
                if line is not None:
                    yield line

    async def _lines(
        self,
        owner_id: UUID,
        job_id: UUID,
        after: int | None,
        *,
        push: Push | None = None,
        silence_s: float | None = None,
        credential: Credential | None = None,
    ) -> AsyncGenerator[EncodedEvent | None, None]:
        """Follow a job, and yield None whenever nothing has come for `silence_s`."""
        with ExitStack() as entered:
            tail = entered.enter_context(self._tails.of(owner_id, job_id))
            place = Subscriber(-1, push)
            entered.enter_context(self._tails.signed_in(credential, place))
            snapshot, newest, finished = await self._snapshot(owner_id, job_id, after)
            tail.tell(newest)
            if tail.is_behind:
                self._tails.look()
            yield snapshot
            place.seq = snapshot.seq
            ended = finished and place.seq >= newest
            while not ended:
                if place.signed_out and tail.ended != "deleted":
                    raise UnauthorizedError
                lines = tail.behind(place.seq)
                if lines is None:
                    lines = await self._page(job_id, place.seq)
                    if not lines:  # so old that they are not kept any more
                        place.seq, ended = newest, finished
                        continue
                if lines:
                    for line in lines:
                        place.seq = line.seq
                        yield line
                    ended = line.type == "done" and line.seq >= tail.last  # one with events behind it was retried
                elif tail.ended == "deleted":
                    raise JobNotFoundError(job_id)
                elif tail.ended == "disabled":
                    raise UnauthorizedError
                elif tail.ended == "stopping":
                    raise StoppingError
                elif not await tail.news(place, silence_s):
                    yield None

    async def to_socket(
        self, socket: WebSocket[Any, Any, Any], credential: Credential, job_id: UUID, *, after: int | None
    ) -> None:
        """Send a job's events to a WebSocket that was accepted, and close it with a code that says how they ended."""
        code, reason = WS_1000_NORMAL_CLOSURE, ""

        async def texts() -> AsyncGenerator[str, None]:
            nonlocal code, reason
            try:
                following = self.follow(
                    credential.user_id, job_id, after=after, push=push_of(socket), credential=credential
                )
                async with aclosing(following) as lines:
                    async for line in lines:
                        yield line.text
            except JobNotFoundError as error:
                code, reason = NO_SUCH_JOB, error.detail
            except UnauthorizedError:
                code, reason = NOT_SIGNED_IN, "The credential is no longer valid. Sign in again."
            except StoppingError:
                code, reason = WS_1012_SERVICE_RESTART, "Come back."
            except (SQLAlchemyError, OSError) as error:
                _log.warning("can't look into the log", error=str(error))
                code, reason = TRY_AGAIN_LATER, "Come back in a moment."

        try:
            async with aclosing(texts()) as stream:
                await send_websocket_stream(
                    socket, stream, close=False, listen_for_disconnect=True, warn_on_data_discard=False
                )
            await socket.close(code=code, reason=reason)
        except* (WebSocketDisconnect, OSError):
            pass  # the client has gone, which it may at any time

    async def as_sse(
        self, credential: Credential, job_id: UUID, *, after: int | None
    ) -> AsyncGenerator[ServerSentEventMessage, None]:
        """Yield a job's events as server-sent ones, with a comment in every silence.

        The comments keep proxies from closing the connection, and let a client notice that it was cut.
        """
        yield ServerSentEventMessage(data=None, retry=COME_BACK_MS)
        try:
            following = self._lines(credential.user_id, job_id, after, silence_s=self._silence_s, credential=credential)
            async with aclosing(following) as lines:
                async for line in lines:
                    if line is None:
                        yield ServerSentEventMessage(data=None, comment="still here")
                    else:
                        yield ServerSentEventMessage(data=line.text, event=line.type, id=line.seq)
        except (JobNotFoundError, UnauthorizedError, StoppingError):
            pass  # the client comes back, and is told what there is to tell
        except (SQLAlchemyError, OSError) as error:
            _log.warning("can't look into the log", error=str(error))

    async def _snapshot(self, owner_id: UUID, job_id: UUID, after: int | None) -> tuple[EncodedEvent, int, bool]:
        """Return the job as it is now, the number of its newest event, and whether it has ended."""
        async with self._sessions() as session:
            job = await JobRepository(session).get_owned(owner_id, job_id)
        if job is None:
            raise JobNotFoundError(job_id)
        newest, finished = job.event_seq, job.status in FINISHED
        # Who comes after the end still hears `done`, the last line of the log.
        seq = (newest - 1 if finished else newest) if after is None else min(after, newest)
        data = {"job": msgspec.to_builtins(JobRead.of(job)), "last_seq": newest}
        return (
            EncodedEvent.of(Event(seq=seq, type="snapshot", job_id=job_id, at=datetime.now(UTC), data=data)),
            newest,
            finished,
        )

    async def _page(self, job_id: UUID, seq: int) -> list[EncodedEvent]:
        """Return the next lines of the log, when the database answers."""
        while True:
            try:
                async with self._sessions() as session:
                    return EncodedEvent.of_rows(await JobEventRepository(session).list_after(job_id, seq, limit=PAGE))
            except (SQLAlchemyError, OSError) as error:
                _log.warning("can't look into the log", error=str(error))
                await asyncio.sleep(TRY_AGAIN_S)
