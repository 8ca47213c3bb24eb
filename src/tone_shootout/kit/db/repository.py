"""The base of all repositories: Advanced Alchemy's, with the owner's scope built in."""

from collections.abc import Callable, Collection, Sequence
from functools import cache
from typing import Any, ClassVar, Literal, TypeVar
from uuid import UUID

from advanced_alchemy.base import ModelProtocol
from advanced_alchemy.filters import LimitOffset, StatementFilter
from advanced_alchemy.repository import SQLAlchemyAsyncRepository
from sqlalchemy import (
    JSON,
    ColumnElement,
    Select,
    Text,
    UnaryExpression,
    bindparam,
    cast,
    delete,
    exists,
    func,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session
from sqlalchemy.orm import InstrumentedAttribute

from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.db.reads import Query, fetch

M = TypeVar("M", bound=ModelProtocol)
Filter = StatementFilter | ColumnElement[bool]
Order = UnaryExpression[Any]

RowLock = Literal["update", "no_key_update", "key_share"]
"""How a row is locked until the transaction ends, in PostgreSQL's words.

`update` blocks every other lock of the row. `no_key_update` blocks other changes, but not `key_share`, which a foreign
key takes. `key_share` blocks only deletion.
"""

_LOCKS: dict[RowLock, bool | dict[str, Any]] = {
    "update": True,
    "no_key_update": {"key_share": True},
    "key_share": {"read": True, "key_share": True},
}


@cache
def _select(model: type[M]) -> Select[tuple[M]]:
    return select(model)


class Repository(SQLAlchemyAsyncRepository[M]):
    """Advanced Alchemy's repository with the settings of this project.

    Rows are not read again after a write: all their columns are known, or come back by RETURNING. Errors stay
    SQLAlchemy's own, so that one place (`kit.http.problems`) maps them whatever raised them.
    """

    def __init__(
        self,
        session: AsyncSession | async_scoped_session[AsyncSession],
        *,
        statement: Select[tuple[M]] | None = None,
        **options: Any,
    ) -> None:
        options |= {"auto_refresh": False, "wrap_exceptions": False}
        if statement is None:
            statement = _select(self.model_type)
        super().__init__(session=session, statement=statement, **options)

    async def find_one(self, *filters: ColumnElement[bool], lock: RowLock | None = None) -> M | None:
        """Return the one row that passes `filters`, None where there is none; locked, its values are the newest."""
        return await self.get_one_or_none(
            *filters,
            with_for_update=None if lock is None else _LOCKS[lock],
            execution_options=None if lock is None else {"populate_existing": True},
        )

    async def list_page(self, *filters: Filter, paging: Paging, order_by: Collection[Order]) -> tuple[Sequence[M], int]:
        """Return a page of the rows that pass `filters`, and how many pass.

        One statement; a second one counts when the page lies behind the last row.
        """
        rows, total = await self.get_many_and_count(
            *filters, LimitOffset(paging.limit, paging.offset), order_by=list(order_by)
        )
        if not rows and paging.offset:
            total = await self.count(*filters)
        return rows, total

    def _id_column(self) -> InstrumentedAttribute[UUID]:
        column: InstrumentedAttribute[UUID] = getattr(self.model_type, str(self.id_attribute))
        return column


class OwnedRepository(Repository[M]):
    """A repository of rows that belong to users.

    Every method starts from the owner's rows, so rows of other users are not found. A subclass names the owner's column
    in `owner_column` where it is not `owner_id`.
    """

    owner_column: ClassVar[str] = "owner_id"
    read_columns: ClassVar[tuple[str, ...]] = ()
    """Attributes of the model that `read_owned` and `read_page` return, in order, with JSON as text."""
    _queries: ClassVar[dict[tuple[type, str], Query]] = {}

    @classmethod
    def is_owned(cls, owner_id: UUID) -> ColumnElement[bool]:
        """Return the condition that a row belongs to a user."""
        column: InstrumentedAttribute[UUID] = getattr(cls.model_type, cls.owner_column)
        return column == owner_id

    @classmethod
    def select_owned(cls, owner_id: UUID) -> Select[tuple[M]]:
        """Return a statement that selects the owner's rows, for queries that the methods below do not cover."""
        return select(cls.model_type).where(cls.is_owned(owner_id))

    async def get_owned(self, owner_id: UUID, item_id: UUID, *, lock: RowLock | None = None) -> M | None:
        """Return the owner's row with this id, None where there is none; locked, its values are the newest."""
        return await self.find_one(self.is_owned(owner_id), self._id_column() == item_id, lock=lock)

    async def list_owned(
        self, owner_id: UUID, *filters: Filter, paging: Paging, order_by: Collection[Order]
    ) -> tuple[Sequence[M], int]:
        """Return a page of the owner's rows that pass `filters`, and how many pass."""
        return await self.list_page(self.is_owned(owner_id), *filters, paging=paging, order_by=order_by)

    async def read_owned(self, owner_id: UUID, item_id: UUID) -> Sequence[Any] | None:
        """Return columns of the owner's row with this id, None where there is none; for requests that only read."""
        query = self._query("", lambda: self._select_columns().where(self._id_column() == bindparam("item_id")))
        rows = await fetch(self.session, query, owner_id=owner_id, item_id=item_id)
        return rows[0] if rows else None

    async def read_page(
        self, owner_id: UUID, *filters: ColumnElement[bool], paging: Paging, order_by: str, orders: dict[str, Order]
    ) -> tuple[list[Sequence[Any]], int]:
        """Return columns of a page of the owner's rows that pass `filters`, and how many pass.

        One statement; without filters it is compiled once for each order.

        Args:
            owner_id: the owner.
            filters: conditions.
            paging: the page.
            order_by: a key of `orders`; the newest id comes first among equals.
            orders: orders by name.
        """

        def statement() -> Select[Any]:
            page = self._select_columns().add_columns(func.count().over()).where(*filters)
            page = page.order_by(orders[order_by], self._id_column().desc())
            return page.limit(bindparam("limit")).offset(bindparam("offset"))

        values = {"owner_id": owner_id, "limit": paging.limit, "offset": paging.offset}
        # The number of parameters of IN depends on its values, for which the compiler asks all others.
        query = Query(statement().params(values)) if filters else self._query(order_by, statement)
        rows = await fetch(self.session, query, **values)
        if not rows:
            return [], await self.count_owned(owner_id, *filters) if paging.offset else 0
        return [row[:-1] for row in rows], rows[0][-1]

    def _select_columns(self) -> Select[Any]:
        owner: InstrumentedAttribute[UUID] = getattr(self.model_type, self.owner_column)
        attributes = [getattr(self.model_type, name) for name in self.read_columns]
        # The driver would decode JSON into dictionaries, which are converted to structs then.
        columns = [cast(each, Text).label(each.key) if isinstance(each.type, JSON) else each for each in attributes]
        return select(*columns).where(owner == bindparam("owner_id"))

    def _query(self, name: str, statement: Callable[[], Select[Any]]) -> Query:
        key = (type(self), name)
        if (found := self._queries.get(key)) is None:
            found = self._queries[key] = Query(statement())
        return found

    async def count_owned(self, owner_id: UUID, *filters: Filter) -> int:
        """Count the owner's rows that pass `filters`."""
        return await self.count(self.is_owned(owner_id), *filters)

    async def exists_owned(self, owner_id: UUID, *filters: ColumnElement[bool]) -> bool:
        """Return whether one of the owner's rows passes `filters`, without counting those that do."""
        return bool(await self.session.scalar(select(exists().where(self.is_owned(owner_id), *filters))))

    async def delete_owned(self, owner_id: UUID, item_id: UUID) -> bool:
        """Delete the owner's row with this id; return whether it existed."""
        statement = delete(self.model_type).where(self.is_owned(owner_id), self._id_column() == item_id)
        return await self.session.scalar(statement.returning(self._id_column())) is not None
