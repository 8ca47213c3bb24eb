"""Queries for listening tests and sessions.

Owners edit tests; anybody with the id takes them; a cookie opens a session.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from uuid_utils.compat import uuid7

from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.db.repository import OwnedRepository, Repository, RowLock
from tone_shootout.listening.blind.models import ListeningSession, ListeningTest


class ListeningTestRepository(OwnedRepository[ListeningTest]):
    """Listening tests, scoped to their owners, except by their id."""

    model_type = ListeningTest

    async def find(self, test_id: UUID) -> ListeningTest | None:
        """Return a test, for any user; None where there is none."""
        return await self.find_one(ListeningTest.id == test_id)

    async def list_of_share(self, share_id: UUID, *, paging: Paging) -> tuple[Sequence[ListeningTest], int]:
        """Return a page of the tests of a share, newest first, and how many there are."""
        return await self.list_page(
            ListeningTest.share_id == share_id, paging=paging, order_by=[ListeningTest.id.desc()]
        )


class ListeningSessionRepository(Repository[ListeningSession]):
    """Sessions. A listener's cookie is part of every condition but those of results."""

    model_type = ListeningSession

    async def find_of_listener(
        self, listener: bytes, session_id: UUID, *, lock: RowLock | None = None
    ) -> ListeningSession | None:
        """Return a listener's session, None where there is none."""
        return await self.find_one(ListeningSession.listener == listener, ListeningSession.id == session_id, lock=lock)

    async def find_in_test(self, listener: bytes, test_id: UUID) -> ListeningSession | None:
        """Return a listener's session of a test, None where there is none."""
        return await self.find_one(ListeningSession.listener == listener, ListeningSession.test_id == test_id)

    async def find_unfinished(self, listener: bytes, test_ids: Collection[UUID]) -> UUID | None:
        """Return which of these tests a listener has begun and not finished, the newest; None: none of them."""
        statement = (
            select(ListeningSession.test_id)
            .where(
                ListeningSession.listener == listener,
                ListeningSession.test_id.in_(set(test_ids)),
                ListeningSession.finished_at.is_(None),
            )
            .order_by(ListeningSession.id.desc())
            .limit(1)
        )
        found: UUID | None = await self.session.scalar(statement)
        return found

    async def start(self, listener: bytes, test_id: UUID, stimuli: list[dict[str, object]], now: datetime) -> bool:
        """Insert a session unless the listener has one of this test; return whether it was inserted."""
        statement = (
            insert(ListeningSession)
            .values(
                id=uuid7(),
                test_id=test_id,
                listener=listener,
                stimuli=stimuli,
                answers=[],
                finished_at=None,
                created_at=now,
                updated_at=now,
            )
            .on_conflict_do_nothing(index_elements=["test_id", "listener"])
            .returning(ListeningSession.id)
        )
        return await self.session.scalar(statement) is not None

    async def counts(self, test_ids: Collection[UUID]) -> dict[UUID, tuple[int, int]]:
        """Return how many sessions were started and finished, by test; tests without sessions are left out."""
        statement = (
            select(ListeningSession.test_id, func.count(), func.count(ListeningSession.finished_at))
            .where(ListeningSession.test_id.in_(set(test_ids)))
            .group_by(ListeningSession.test_id)
        )
        return {test_id: (started, finished) for test_id, started, finished in await self.session.execute(statement)}

    async def list_finished(self, test_id: UUID) -> Sequence[ListeningSession]:
        """Return the finished sessions of a test, in order of finishing."""
        statement = (
            select(ListeningSession)
            .where(ListeningSession.test_id == test_id, ListeningSession.finished_at.is_not(None))
            .order_by(ListeningSession.finished_at, ListeningSession.id)
        )
        return (await self.session.scalars(statement)).all()
