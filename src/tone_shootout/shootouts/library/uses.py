"""REST endpoint of what uses a library item."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from litestar import Controller, get
from litestar.di import NamedDependency
from msgspec import Meta, Struct

from tone_shootout.accounts.principal import Principal
from tone_shootout.kit.db.pagination import Page, Paging
from tone_shootout.kit.http.problems import problems
from tone_shootout.shootouts.library.controllers import ItemId
from tone_shootout.shootouts.library.services import LibraryService
from tone_shootout.shootouts.models import Shootout


class ItemUseLinks(Struct, kw_only=True):
    """Links of a use of a library item."""

    shootout: Annotated[str, Meta(description="The shootout.")]


class ItemUseRead(Struct, kw_only=True):
    """A shootout that uses a library item."""

    shootout_id: Annotated[UUID, Meta(description="Id of the shootout.")]
    title: Annotated[str, Meta(description="Title of the shootout.", examples=["Two crunches"])]
    created_at: Annotated[datetime, Meta(description="When the shootout was created.")]
    links: Annotated[ItemUseLinks, Meta(description="Links.")]

    @classmethod
    def of(cls, shootout: Shootout) -> Self:
        """Return the representation of a use."""
        links = ItemUseLinks(shootout=f"/api/v1/shootouts/{shootout.id}")
        return cls(shootout_id=shootout.id, title=shootout.title, created_at=shootout.created_at, links=links)


class ItemUseController(Controller):
    """What uses library items."""

    path = "/api/v1/library"
    tags = ("library",)

    @get(
        "/{item_id:uuid}/usage",
        operation_id="list_item_uses",
        summary="List uses of an item",
        responses=problems(400, 401, 404),
    )
    async def list_uses(
        self,
        item_id: ItemId,
        principal: NamedDependency[Principal],
        library: NamedDependency[LibraryService],
        paging: NamedDependency[Paging],
    ) -> Page[ItemUseRead]:
        """List the shootouts that use an item, the newest first. An item in use can't be deleted.

        Unfinished jobs that use it prevent its deletion too, and are not listed.
        """
        rows, total = await library.list_uses(principal.user_id, item_id, paging)
        return paging.page([ItemUseRead.of(shootout) for shootout in rows], total)
