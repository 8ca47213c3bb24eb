"""Sessions of listening tests: sounds, answers, the end. The caller commits."""

from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.kit.db.repository import RowLock
from tone_shootout.listening.blind.errors import (
    AlreadyAnsweredError,
    ListeningSessionNotFoundError,
    ListeningTestClosedError,
    StimulusNotFoundError,
    TrialsLeftError,
)
from tone_shootout.listening.blind.models import ListeningSession, ListeningTest
from tone_shootout.listening.blind.repositories import ListeningSessionRepository
from tone_shootout.listening.blind.services import (
    ListeningTestService,
    ListeningTestState,
    is_open,
    kind_of,
    listener_of,
    method_of,
)
from tone_shootout.listening.blind.trials import Answer, Stimulus, check_answer

AHEAD = 2
"""Sounds of this many trials can be fetched: of the one that is heard, and of the next."""


class OpenSession(NamedTuple):
    """A session with its test."""

    session: ListeningSession
    state: ListeningTestState

    @property
    def test(self) -> ListeningTest:
        """The test."""
        return self.state.test

    @property
    def stimuli(self) -> list[Stimulus]:
        """All its sounds, with the key."""
        return [msgspec.convert(each, Stimulus) for each in self.session.stimuli]

    @property
    def reachable(self) -> list[Stimulus]:
        """The sounds that can be fetched now."""
        last = len(self.session.answers) + AHEAD
        return [each for each in self.stimuli if each.trial <= last]


class ListeningSessionService:
    """Sessions of one listener, in one unit of work."""

    def __init__(self, session: AsyncSession, tests: ListeningTestService) -> None:
        self._session = session
        self._sessions = ListeningSessionRepository(session)
        self._tests = tests

    async def get(self, token: str | None, session_id: UUID, *, lock: RowLock | None = None) -> OpenSession:
        """Return a listener's session.

        Raises:
            ListeningSessionNotFoundError: the listener has none with this id.
        """
        found = None
        if token is not None:
            found = await self._sessions.find_of_listener(listener_of(token), session_id, lock=lock)
        if found is None:
            raise ListeningSessionNotFoundError
        return OpenSession(found, await self._tests.get(found.test_id))

    async def stimulus(self, token: str | None, session_id: UUID, stimulus_id: str) -> tuple[ListeningTest, int]:
        """Return the test and the tone of a sound.

        Raises:
            ListeningSessionNotFoundError: the listener has no such session.
            StimulusNotFoundError: the session has no such sound, or its trial has not come yet.
        """
        opened = await self.get(token, session_id)
        await self._session.close()  # returns the connection before the sound is made
        for each in opened.reachable:
            if each.id == stimulus_id:
                return opened.test, each.tone
        raise StimulusNotFoundError

    async def answer(self, token: str | None, session_id: UUID, answer: Answer) -> OpenSession:
        """Store the answer to the next trial. Sending the same answer again changes nothing.

        Raises:
            ListeningSessionNotFoundError: the listener has no such session.
            InvalidAnswerError: the answer does not fit.
            AlreadyAnsweredError: the trial has another answer.
            TrialsLeftError: an earlier trial has no answer.
            ListeningTestClosedError: the test is closed.
        """
        opened = await self.get(token, session_id, lock="no_key_update")
        row, test = opened.session, opened.test
        check_answer(kind_of(test), method_of(test), len(test.positions), answer)
        given = msgspec.to_builtins(answer)
        if answer.trial <= len(row.answers):
            if row.answers[answer.trial - 1] != given:
                raise AlreadyAnsweredError(answer.trial)
            return opened
        if answer.trial != len(row.answers) + 1 or answer.trial > test.trials:
            raise TrialsLeftError(min(len(row.answers) + 1, test.trials))
        if not is_open(test):
            raise ListeningTestClosedError
        row.answers = [*row.answers, given]
        await self._session.flush()
        return opened

    async def finish(self, token: str | None, session_id: UUID) -> OpenSession:
        """End a session. It counts from now on; ending it again changes nothing.

        Raises:
            ListeningSessionNotFoundError: the listener has no such session.
            TrialsLeftError: a trial has no answer.
            ListeningTestClosedError: the test was closed before.
        """
        opened = await self.get(token, session_id, lock="no_key_update")
        row, test = opened.session, opened.test
        if row.finished_at is not None:
            return opened
        if len(row.answers) < test.trials:
            raise TrialsLeftError(len(row.answers) + 1)
        if not is_open(test):
            raise ListeningTestClosedError
        row.finished_at = datetime.now(UTC)
        await self._session.flush()
        return opened
