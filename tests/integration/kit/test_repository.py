"""The base of repositories: the owner's scope is built in, and a list is one statement."""

import asyncio
import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.conftest import Person
from tests.support.sessions import Sessions
from tone_shootout.kit.db import locks
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.db.repository import OwnedRepository
from tone_shootout.shootouts.library.models import LibraryItem

NEWEST = (LibraryItem.created_at.desc(), LibraryItem.id.desc())


class Items(OwnedRepository[LibraryItem]):
    model_type = LibraryItem


def item(owner_id: UUID, name: str) -> LibraryItem:
    sha256 = hashlib.sha256(name.encode()).hexdigest()
    return LibraryItem(
        owner_id=owner_id, kind="di_track", name=name, notes="", filename="a.wav", sha256=sha256, size=1,
        media_type="audio/wav", facts={},
    )  # fmt: skip


@contextmanager
def statements(engine: AsyncEngine) -> Generator[list[str], None, None]:
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", note)


@pytest.fixture
async def names(session_maker: Sessions, user: Person, other_user: Person) -> dict[str, UUID]:
    async with session_maker.begin() as session:
        rows = [item(user.id, name) for name in "abc"] + [item(other_user.id, "theirs")]
        session.add_all(rows)
        await session.flush()
        return {row.name: row.id for row in rows}


async def test_what_is_not_the_owners_is_not_found(
    session_maker: Sessions, user: Person, names: dict[str, UUID]
) -> None:
    async with session_maker() as session:
        items = Items(session)
        assert (await items.get_owned(user.id, names["a"])).name == "a"  # type: ignore[union-attr]
        assert await items.get_owned(user.id, names["theirs"]) is None
        assert await items.get_owned(user.id, uuid4()) is None
        assert await items.count_owned(user.id) == 3
        assert not await items.exists_owned(user.id, LibraryItem.name == "theirs")
        assert await items.exists_owned(user.id, LibraryItem.name == "b")


@pytest.mark.parametrize(("limit", "offset", "expected"), [(2, 0, "cb"), (2, 2, "a"), (2, 4, "")])
async def test_a_page_has_the_total_wherever_it_lies(
    session_maker: Sessions, user: Person, names: dict[str, UUID], limit: int, offset: int, expected: str
) -> None:
    async with session_maker() as session:
        rows, total = await Items(session).list_owned(user.id, paging=Paging(limit, offset), order_by=NEWEST)
    assert ("".join(row.name for row in rows), total) == (expected, 3)


async def test_a_page_is_read_in_one_statement(
    session_maker: Sessions, engine: AsyncEngine, user: Person, names: dict[str, UUID]
) -> None:
    async with session_maker() as session:
        await session.execute(text("SELECT 1"))
        with statements(engine) as seen:
            await Items(session).list_owned(user.id, paging=Paging(2, 0), order_by=NEWEST)
    assert len(seen) == 1


async def test_a_row_that_was_added_is_not_read_again(
    session_maker: Sessions, engine: AsyncEngine, user: Person
) -> None:
    async with session_maker() as session:
        with statements(engine) as seen:
            await Items(session).add(item(user.id, "a"))
        await session.rollback()
    assert [statement.split()[0] for statement in seen if "library_item" in statement] == ["INSERT"]


@pytest.mark.parametrize(
    "lock", [locks.Lock.SWEEP, locks.owned(UUID(int=1), "quota"), locks.shared("tone3000", "ada")], ids=str
)
async def test_a_lock_is_held_until_the_transaction_ends(session_maker: Sessions, lock: locks.Lock | str) -> None:
    async with session_maker() as first, session_maker() as second:
        await locks.acquire(first, lock)
        assert not await locks.try_acquire(second, lock)
        waiting = asyncio.create_task(locks.acquire(second, lock))
        await first.commit()
        await waiting


def test_a_lock_that_is_not_listed_is_refused() -> None:
    with pytest.raises(ValueError, match="not a lock of an owner: cache, content"):
        locks.owned(UUID(int=1), "quotas")
    with pytest.raises(ValueError, match="not a shared lock"):
        locks.shared("users")
