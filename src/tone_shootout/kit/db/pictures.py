"""Pictures in tables of their own: each belongs to a row that has its SHA-256, and goes with that row."""

from typing import Protocol, TypeVar
from uuid import UUID

from advanced_alchemy.base import ModelProtocol
from sqlalchemy import ColumnElement, delete, inspect, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Mapper

from tone_shootout.kit.db.repository import Repository


class PictureModel(ModelProtocol, Protocol):
    """A picture: the id of its row, which is the table's primary key, and the content."""

    content: Mapped[bytes]


class Pictured(Protocol):
    """A row that may have a picture."""

    id: Mapped[UUID]
    picture_sha256: Mapped[str | None]


P = TypeVar("P", bound=PictureModel)


class PictureRepository(Repository[P]):
    """Pictures of one kind of row. A request finds and locks the row first."""

    @property
    def _row_id(self) -> ColumnElement[UUID]:
        mapper: Mapper[P] = inspect(self.model_type, raiseerr=True)
        return mapper.primary_key[0]

    async def set(self, row: Pictured, content: bytes, sha256: str) -> None:
        """Insert or replace the picture of a row."""
        statement = insert(self.model_type).values({self._row_id.key: row.id, "content": content})
        await self.session.execute(
            statement.on_conflict_do_update(index_elements=[self._row_id], set_={"content": statement.excluded.content})
        )
        row.picture_sha256 = sha256
        await self.session.flush()

    async def remove(self, row: Pictured) -> bool:
        """Delete the picture of a row, and return whether it had one."""
        if row.picture_sha256 is None:
            return False
        await self.session.execute(delete(self.model_type).where(self._row_id == row.id))
        row.picture_sha256 = None
        await self.session.flush()
        return True

    async def read(self, row: Pictured) -> tuple[bytes, str] | None:
        """Return the picture of a row and its SHA-256; None: it has none."""
        sha256 = row.picture_sha256
        if sha256 is None:
            return None
        content: bytes | None = await self.session.scalar(select(self.model_type.content).where(self._row_id == row.id))
        return None if content is None else (content, sha256)
