"""The base of all repositories: Advanced Alchemy's, with the owner's scope built in."""

from collections.abc import Collection, Sequence
from typing import Any, ClassVar, Literal, TypeVar
from uuid import UUID

from advanced_alchemy.base import ModelProtocol
from advanced_alchemy.filters import LimitOffset, StatementFilter
from advanced_alchemy.repository import SQLAlchemyAsyncRepository
from sqlalchemy import ColumnElement, Select, UnaryExpression, exists, select
from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session
from sqlalchemy.orm import InstrumentedAttribute

from tone_shootout.kit.db.pagination import Paging

M = TypeVar("M", bound=ModelProtocol)
Filter = StatementFilter | ColumnElement[bool]
Order = UnaryExpression[Any]

RowLock = Literal["update", "key_share"]
"""How a row is locked until the transaction ends: `update` keeps others from using, changing or deleting it,
`key_share` only from deleting it."""

_LOCKS: dict[RowLock, bool | dict[str, Any]] = {"update": True, "key_share": {"read": True, "key_share": True}}


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
        super().__init__(session=session, statement=statement, **options)

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


class OwnedRepository(Repository[M]):
    """A repository of rows that belong to users.

    What is not the owner's is not found: every method here starts from the owner's rows. A subclass whose owner stands
    in another column names it in `owner_column`.
    """

    owner_column: ClassVar[str] = "owner_id"

    @classmethod
    def is_owned(cls, owner_id: UUID) -> ColumnElement[bool]:
        """Return the condition that a row belongs to a user."""
        column: InstrumentedAttribute[UUID] = getattr(cls.model_type, cls.owner_column)
        return column == owner_id

    @classmethod
    def select_owned(cls, owner_id: UUID) -> Select[tuple[M]]:
        """Return a statement that selects the owner's rows, for what is not one of the methods below."""
        return select(cls.model_type).where(cls.is_owned(owner_id))

    async def get_owned(self, owner_id: UUID, item_id: UUID, *, lock: RowLock | None = None) -> M | None:
        """Return the owner's row with this id, None where there is none; locked, its values are the newest."""
        return await self.get_one_or_none(
            self.is_owned(owner_id),
            getattr(self.model_type, str(self.id_attribute)) == item_id,
            with_for_update=None if lock is None else _LOCKS[lock],
            execution_options=None if lock is None else {"populate_existing": True},
        )

    async def list_owned(
        self, owner_id: UUID, *filters: Filter, paging: Paging, order_by: Collection[Order]
    ) -> tuple[Sequence[M], int]:
        """Return a page of the owner's rows that pass `filters`, and how many pass."""
        return await self.list_page(self.is_owned(owner_id), *filters, paging=paging, order_by=order_by)

    async def count_owned(self, owner_id: UUID, *filters: Filter) -> int:
        """Count the owner's rows that pass `filters`."""
        return await self.count(self.is_owned(owner_id), *filters)

    async def exists_owned(self, owner_id: UUID, *filters: ColumnElement[bool]) -> bool:
        """Return whether one of the owner's rows passes `filters`, without counting those that do."""
        return bool(await self.session.scalar(select(exists().where(self.is_owned(owner_id), *filters))))
