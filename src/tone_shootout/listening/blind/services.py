"""Listening tests: open, take, evaluate. The caller commits."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, cast
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.db.repository import RowLock
from tone_shootout.listening.blind.errors import (
    InvalidListeningTestError,
    ListeningTestClosedError,
    ListeningTestFullError,
    ListeningTestNotFoundError,
    ResultsHiddenError,
)
from tone_shootout.listening.blind.excerpts import DEFAULT_S, Plan
from tone_shootout.listening.blind.models import ListeningSession, ListeningTest
from tone_shootout.listening.blind.repositories import ListeningSessionRepository, ListeningTestRepository
from tone_shootout.listening.blind.scores import Run, Tone
from tone_shootout.listening.blind.trials import (
    MAX_TONES,
    MIN_SLIDERS,
    Answer,
    Kind,
    Method,
    Stimulus,
    draw,
    number_of_trials,
)
from tone_shootout.listening.shares.facts import SharedFacts, SharedSegment
from tone_shootout.listening.shares.models import Share
from tone_shootout.listening.shares.services import SharedFile, ShareService

MAX_SESSIONS: Final = 10_000
"""Most sessions of one test."""
MIN_S: Final = 0.5
"""Shortest excerpt."""


class ListeningTestState(NamedTuple):
    """A test with its share and the numbers of its sessions."""

    test: ListeningTest
    share: Share
    started: int
    finished: int

    @property
    def tones(self) -> tuple[Tone, ...]:
        """Its tones."""
        return tuple(Tone(each.position, each.chain) for each in segments_of(self.test, self.share))

    @property
    def is_open(self) -> bool:
        """Whether it accepts answers."""
        return is_open(self.test)


class ListeningTestService:
    """Tests of shares, in one unit of work."""

    def __init__(self, session: AsyncSession, shares: ShareService) -> None:
        self._session = session
        self._shares = shares
        self._tests = ListeningTestRepository(session)
        self._sessions = ListeningSessionRepository(session)

    async def create(
        self,
        owner_id: UUID,
        slug: str,
        *,
        kind: Kind,
        method: Method,
        positions: Sequence[int],
        trials: int | None,
        start_s: float,
        duration_s: float | None,
        results: str,
        closes_at: datetime | None,
    ) -> ListeningTestState:
        """Open a test on the owner's share.

        Raises:
            ShareNotFoundError: the owner has no share there.
            InvalidListeningTestError: the question can't be asked about these segments.
        """
        share = await self._shares.get_owned(owner_id, slug, lock="key_share")
        segments = _chosen(share, positions)
        used = method if kind == "preference" else None
        _check_number(kind, used, len(segments))
        try:
            count = number_of_trials(kind, used, len(segments), trials)
        except ValueError as error:
            raise InvalidListeningTestError("/trials", str(error)) from None
        available_s = min(each.samples for each in segments) / segments[0].sample_rate_hz - start_s
        if available_s < MIN_S:
            raise InvalidListeningTestError(
                "/start_s", f"Expected a start at least {MIN_S:g} s before the end of the segments."
            )
        test = ListeningTest(
            id=uuid7(),
            owner_id=owner_id,
            share_id=share.id,
            kind=kind,
            method=used,
            positions=[each.position for each in segments],
            trials=count,
            start_s=start_s,
            duration_s=min(duration_s or DEFAULT_S, available_s),
            results=results,
            closes_at=closes_at,
        )
        await self._tests.add(test)
        return ListeningTestState(test, share, 0, 0)

    async def list_of_share(self, slug: str, paging: Paging) -> tuple[list[ListeningTestState], int]:
        """Return a page of the tests of a share, newest first, and how many there are.

        Raises:
            ShareNotFoundError: there is no share.
        """
        share = await self._shares.get(slug)
        rows, total = await self._tests.list_of_share(share.id, paging=paging)
        counts = await self._sessions.counts([row.id for row in rows])
        return [ListeningTestState(row, share, *counts.get(row.id, (0, 0))) for row in rows], total

    async def get(self, test_id: UUID) -> ListeningTestState:
        """Return a test, for any user.

        Raises:
            ListeningTestNotFoundError: there is none.
        """
        test = await self._tests.find(test_id)
        if test is None:
            raise ListeningTestNotFoundError
        return await self._state(test)

    async def get_owned(self, owner_id: UUID, test_id: UUID, *, lock: RowLock | None = None) -> ListeningTestState:
        """Return the owner's test.

        Raises:
            ListeningTestNotFoundError: the owner has none with this id.
        """
        test = await self._tests.get_owned(owner_id, test_id, lock=lock)
        if test is None:
            raise ListeningTestNotFoundError
        return await self._state(test)

    async def change(
        self,
        owner_id: UUID,
        test_id: UUID,
        changes: dict[str, Any],
        *,
        condition: Callable[[ListeningTestState], None] | None = None,
    ) -> ListeningTestState:
        """Change the closing time, or who sees the results. What is asked never changes.

        `condition` raises an error if the locked test must not be changed.

        Raises:
            ListeningTestNotFoundError: the owner has none with this id.
        """
        state = await self.get_owned(owner_id, test_id, lock="no_key_update")
        if condition is not None:
            condition(state)
        for name in ("closes_at", "results"):
            if name in changes:
                setattr(state.test, name, changes[name])
        await self._session.flush()
        return state

    async def delete(
        self, owner_id: UUID, test_id: UUID, *, condition: Callable[[ListeningTestState], None] | None = None
    ) -> None:
        """Delete a test with its sessions. `condition` raises an error if the locked test must not be deleted.

        Raises:
            ListeningTestNotFoundError: the owner has none with this id.
        """
        if condition is not None:
            condition(await self.get_owned(owner_id, test_id, lock="update"))
        if not await self._tests.delete_owned(owner_id, test_id):
            raise ListeningTestNotFoundError

    async def start(self, test_id: UUID, token: str) -> tuple[ListeningTestState, ListeningSession, bool]:
        """Start a listener's session, or return the one that was started before.

        Args:
            test_id: the test.
            token: value of the listener's cookie.

        Returns:
            The test, the session, and whether it is new.

        Raises:
            ListeningTestNotFoundError: there is no such test.
            ListeningTestClosedError: it accepts no new listeners.
            ListeningTestFullError: it has as many sessions as one can have.
        """
        state = await self.get(test_id)
        known = await self._sessions.find_in_test(listener_of(token), test_id)
        if known is not None:
            return state, known, False
        if not state.is_open:
            raise ListeningTestClosedError
        if state.started >= MAX_SESSIONS:
            raise ListeningTestFullError
        test = state.test
        stimuli = draw(kind_of(test), method_of(test), len(test.positions), test.trials)
        rows = [msgspec.to_builtins(each) for each in stimuli]
        is_new = await self._sessions.start(listener_of(token), test_id, rows, datetime.now(UTC))
        started = await self._sessions.find_in_test(listener_of(token), test_id)
        if started is None:
            raise ListeningTestNotFoundError
        return state, started, is_new

    async def find_session(self, test_id: UUID, token: str | None) -> ListeningSession | None:
        """Return a listener's session of a test, None where there is none.

        Args:
            test_id: the test.
            token: value of the listener's cookie.
        """
        return await self._sessions.find_in_test(listener_of(token), test_id) if token else None

    async def find_unfinished(self, states: Sequence[ListeningTestState], token: str | None) -> UUID | None:
        """Return which of these tests, if open, a listener has begun and not finished; None: none of them.

        Args:
            states: the tests.
            token: value of the listener's cookie.
        """
        test_ids = [each.test.id for each in states if each.is_open]
        if token is None or not test_ids:
            return None
        return await self._sessions.find_unfinished(listener_of(token), test_ids)

    async def sources(self, test: ListeningTest) -> tuple[Plan, list[SharedFile]]:
        """Return what a test plays, and the files of its tones.

        Raises:
            ListeningTestNotFoundError: the share is gone.
            SharedFileNotFoundError: a file is gone.
        """
        share = (await self._state(test)).share
        segments = segments_of(test, share)
        rate = segments[0].sample_rate_hz
        plan = Plan(segments, round(test.start_s * rate), round(test.duration_s * rate))
        return plan, [await self._shares.file(share.slug, each.file) for each in segments]

    async def runs(self, test_id: UUID) -> list[Run]:
        """Return all finished sessions of a test, in order of finishing."""
        return [run_of(row) for row in await self._sessions.list_finished(test_id)]

    async def require_visible_results(self, state: ListeningTestState, viewer: UUID | None, token: str | None) -> None:
        """Check that somebody may see the results.

        Args:
            state: the test.
            viewer: the signed-in user.
            token: value of the listener's cookie.

        Raises:
            ResultsHiddenError: the owner shows them later, or to nobody else.
        """
        test = state.test
        if viewer == test.owner_id:
            return
        if test.results == "owner":
            raise ResultsHiddenError("The owner of this test keeps its results private.")
        if not state.is_open:
            return
        if test.results == "after_close":
            raise ResultsHiddenError("The results are shown when the test has closed.")
        session = await self.find_session(test.id, token)
        if session is None or session.finished_at is None:
            raise ResultsHiddenError("The results are shown to those who have finished the test.")

    async def _state(self, test: ListeningTest) -> ListeningTestState:
        share = await self._shares.get_by_id(test.share_id)
        counts = await self._sessions.counts([test.id])
        return ListeningTestState(test, share, *counts.get(test.id, (0, 0)))


def listener_of(token: str) -> bytes:
    """Return what is stored of a listener's cookie."""
    return hashlib.sha256(token.encode()).digest()


def is_open(test: ListeningTest) -> bool:
    """Return whether a test accepts answers."""
    return test.closes_at is None or datetime.now(UTC) < test.closes_at


def kind_of(test: ListeningTest) -> Kind:
    """Return the kind of a test."""
    return cast("Kind", test.kind)


def method_of(test: ListeningTest) -> Method | None:
    """Return how a preference is stated, None for other kinds."""
    return cast("Method | None", test.method)


def run_of(session: ListeningSession) -> Run:
    """Return sounds and answers of a session."""
    return Run(
        [msgspec.convert(each, Stimulus) for each in session.stimuli],
        [msgspec.convert(each, Answer) for each in session.answers],
    )


def segments_of(test: ListeningTest, share: Share) -> tuple[SharedSegment, ...]:
    """Return the segments of a test, in the order of its tones."""
    known = {each.position: each for each in msgspec.convert(share.facts, SharedFacts).segments}
    return tuple(known[position] for position in test.positions)


def _chosen(share: Share, positions: Sequence[int]) -> tuple[SharedSegment, ...]:
    known = {each.position: each for each in msgspec.convert(share.facts, SharedFacts).segments}
    if len(set(positions)) != len(positions):
        raise InvalidListeningTestError("/segments", "Expected each segment once.")
    unknown = [position for position in positions if position not in known]
    if unknown:
        raise InvalidListeningTestError(
            "/segments", f"The share has no segment {unknown[0]}. It has 1 to {len(known)}."
        )
    segments = tuple(known[position] for position in positions)
    if len({each.di_track for each in segments}) > 1:
        raise InvalidListeningTestError(
            "/segments", "Expected segments of one DI track: others differ in what is played."
        )
    if len({(each.sample_rate_hz, each.samples) for each in segments}) > 1:
        raise InvalidListeningTestError("/segments", "Expected segments of one length and sample rate.")
    return segments


def _check_number(kind: Kind, method: Method | None, tones: int) -> None:
    """Check the number of segments.

    Raises:
        InvalidListeningTestError: it does not fit the kind.
    """
    least, most = (2, 2) if kind == "abx" else (MIN_SLIDERS if method == "sliders" else 2, MAX_TONES)
    if not least <= tones <= most:
        expected = f"{least}" if least == most else f"{least} to {most}"
        raise InvalidListeningTestError("/segments", f"Expected {expected} segments, got {tones}.")
