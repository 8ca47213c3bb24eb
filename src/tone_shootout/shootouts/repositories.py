"""Queries for shootouts."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, Text, Uuid, bindparam, cast, delete, func, insert, select
from sqlalchemy.dialects.postgresql import JSONB
from uuid_utils.compat import uuid7

from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.db.reads import Query, execute
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

    async def add_row(
        self,
        owner_id: UUID,
        *,
        title: str,
        schema_version: int,
        visibility: str,
        config: str,
        labels: str,
        item_ids: Collection[UUID],
    ) -> ShootoutRow:
        """Add a shootout and record the items that it uses, in one statement.

        Args:
            owner_id: the owner.
            title: title of the config.
            schema_version: version of the config's format.
            visibility: `private` or `public`.
            config: the config as JSON.
            labels: the metadata as JSON.
            item_ids: items that the config names; at least one.
        """
        made = ShootoutRow(uuid7(), title, visibility, config, labels, *(datetime.now(UTC),) * 2)
        await execute(
            self.session,
            _ADD,
            **made._asdict(),
            owner_id=owner_id,
            schema_version=schema_version,
            item_ids=sorted(item_ids),
        )
        return made

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


_NEW = (
    insert(Shootout)
    .values(
        {
            Shootout.owner_id: bindparam("owner_id"),
            Shootout.schema_version: bindparam("schema_version"),
            Shootout.config: cast(bindparam("config", type_=Text), JSONB),
            Shootout.labels: cast(bindparam("labels", type_=Text), JSONB),
            **{
                getattr(Shootout, name): bindparam(name)
                for name in ("id", "title", "visibility", "created_at", "updated_at")
            },
        }
    )
    .returning(Shootout.id)
    .cte("made")
)
_ADD = Query(
    insert(ShootoutAsset)
    .from_select(
        ["shootout_id", "library_item_id"],
        select(_NEW.c.id, func.unnest(bindparam("item_ids", type_=ARRAY(Uuid)))),
    )
    .returning(ShootoutAsset.library_item_id)
)
