"""Queries for shares. Their owners edit them; anybody who knows the address reads them."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement

from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.db.pictures import PictureRepository
from tone_shootout.kit.db.repository import OwnedRepository, RowLock
from tone_shootout.listening.shares.models import Share, SharePicture

_NEWEST: Final = (Share.created_at.desc(), Share.id.desc())


class ShareRepository(OwnedRepository[Share]):
    """Shares, scoped to their owners, except by their address."""

    model_type = Share

    async def find_by_slug(self, slug: str) -> Share | None:
        """Return the share at an address, for any user; None where there is none."""
        return await self.find_one(Share.slug == slug)

    async def find_by_id(self, share_id: UUID) -> Share | None:
        """Return a share by its id, for any user; None where there is none."""
        return await self.find_one(Share.id == share_id)

    async def find_owned_by_slug(self, owner_id: UUID, slug: str, *, lock: RowLock | None = None) -> Share | None:
        """Return the owner's share at an address, None where there is none."""
        return await self.find_one(self.is_owned(owner_id), Share.slug == slug, lock=lock)

    async def find_of_job(self, owner_id: UUID, job_id: UUID) -> Share | None:
        """Return the share of the owner's job, None where there is none."""
        return await self.find_one(self.is_owned(owner_id), Share.job_id == job_id)

    async def list_of_owner(self, owner_id: UUID, *, paging: Paging) -> tuple[Sequence[Share], int]:
        """Return a page of the owner's shares, newest first, and how many there are."""
        return await self.list_owned(owner_id, paging=paging, order_by=_NEWEST)

    async def list_public(self, *, search: str | None, paging: Paging) -> tuple[Sequence[Share], int]:
        """Return a page of the public shares of all owners, newest first, and how many there are."""
        filters: list[ColumnElement[bool]] = [Share.visibility == "public"]
        if search:
            filters.append(Share.title.icontains(search, autoescape=True))
        return await self.list_page(*filters, paging=paging, order_by=_NEWEST)


class SharePictureRepository(PictureRepository[SharePicture]):
    """Pictures of shares."""

    model_type = SharePicture
