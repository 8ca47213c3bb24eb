"""Queries for shootouts."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete, func, insert, select

from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.db.repository import OwnedRepository
from tone_shootout.shootouts.models import Shootout, ShootoutAsset

ORDERS = {
    "created_at": Shootout.created_at.asc(),
    "-created_at": Shootout.created_at.desc(),
    "updated_at": Shootout.updated_at.asc(),
    "-updated_at": Shootout.updated_at.desc(),
    "title": func.lower(Shootout.title).asc(),
    "-title": func.lower(Shootout.title).desc(),
}
"""Values of `order_by` in lists of shootouts."""


class ShootoutRow(NamedTuple):
    """What a response shows of a shootout, read without an entity; `config` and `labels` are JSON."""

    id: UUID
    title: str
    visibility: str
    config: str
    labels: str
    created_at: datetime
    updated_at: datetime


class ShootoutRepository(OwnedRepository[Shootout]):
    """Shootouts and the items that they use, scoped to their owners."""

    model_type = Shootout
    read_columns = ShootoutRow._fields

    async def read(self, owner_id: UUID, shootout_id: UUID) -> ShootoutRow | None:
        """Return one of the owner's shootouts, None if there is none."""
        row = await self.read_owned(owner_id, shootout_id)
        return None if row is None else ShootoutRow._make(row)

    async def list_matching(
        self, owner_id: UUID, *, paging: Paging, order_by: str, q: str | None
    ) -> tuple[list[ShootoutRow], int]:
        """Return a page of the owner's shootouts, and how many match.

        Args:
            owner_id: the owner.
            paging: the page.
            order_by: a key of `ORDERS`.
            q: only shootouts with this text in their titles, in upper or lower case.
        """
        filters = [] if q is None else [Shootout.title.icontains(q, autoescape=True)]
        rows, total = await self.read_page(owner_id, *filters, paging=paging, order_by=order_by, orders=ORDERS)
        return [ShootoutRow._make(row) for row in rows], total

    async def list_public(self, *, paging: Paging, order_by: str) -> tuple[Sequence[Shootout], int]:
        """Return a page of the public shootouts of all owners, and how many there are."""
        return await self.list_page(
            Shootout.visibility == "public", paging=paging, order_by=[ORDERS[order_by], Shootout.id.desc()]
        )

    async def list_using(self, owner_id: UUID, item_id: UUID, *, paging: Paging) -> tuple[Sequence[Shootout], int]:
        """Return a page of the owner's shootouts that use an item, the newest first, and how many there are."""
        uses = select(ShootoutAsset).where(
            ShootoutAsset.shootout_id == Shootout.id, ShootoutAsset.library_item_id == item_id
        )
        return await self.list_owned(
            owner_id, uses.exists(), paging=paging, order_by=[ORDERS["-created_at"], Shootout.id.desc()]
        )

    async def add_assets(self, shootout: Shootout, item_ids: Collection[UUID]) -> None:
        """Record the items that a new shootout uses; at least one."""
        await self.session.execute(
            insert(ShootoutAsset),
            [{"shootout_id": shootout.id, "library_item_id": item_id} for item_id in sorted(item_ids)],
        )

    async def replace_assets(self, shootout: Shootout, item_ids: Collection[UUID]) -> None:
        """Record the items that a shootout uses now; at least one."""
        await self.session.execute(delete(ShootoutAsset).where(ShootoutAsset.shootout_id == shootout.id))
        await self.add_assets(shootout, item_ids)
