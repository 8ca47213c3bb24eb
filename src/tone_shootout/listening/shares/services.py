"""Shares: publish, change, withdraw, and read what is public. The caller commits."""

import secrets
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from tone_shootout.jobs.errors import ArtifactNotFoundError
from tone_shootout.jobs.listening_page import load_page
from tone_shootout.jobs.services import JobService
from tone_shootout.jobs.status import JobStatus
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.db.repository import RowLock
from tone_shootout.kit.http.pictures import Picture, PictureNotFoundError
from tone_shootout.kit.storage import Storage
from tone_shootout.listening.shares.errors import (
    AlreadySharedError,
    NotShareableError,
    SharedFileNotFoundError,
    ShareNotFoundError,
)
from tone_shootout.listening.shares.facts import SharedFacts, is_public
from tone_shootout.listening.shares.models import Share
from tone_shootout.listening.shares.public_page import public_page
from tone_shootout.listening.shares.repositories import SharePictureRepository, ShareRepository
from tone_shootout.rendering.listening_page.page import Page
from tone_shootout.rendering.output.manifest import decode_manifest

MANIFEST = "manifest.json"


class SharedFile(NamedTuple):
    """A file of a job that its share shows."""

    path: str
    size: int
    sha256: str
    media_type: str
    storage_key: str


class ShareService:
    """Shares in one unit of work."""

    def __init__(self, session: AsyncSession, jobs: JobService, storage: Storage) -> None:
        self._session = session
        self._shares = ShareRepository(session)
        self._pictures = SharePictureRepository(session)
        self._jobs = jobs
        self._storage = storage

    async def create(
        self, owner_id: UUID, job_id: UUID, *, visibility: str, title: str | None = None, notes: str = ""
    ) -> Share:
        """Share a completed job; the default title is the job's.

        Raises:
            JobNotFoundError: the owner has no such job.
            NotShareableError: it has not completed.
            AlreadySharedError: it has a share.
        """
        job = await self._jobs.get(owner_id, job_id)
        if job.status != JobStatus.COMPLETED:
            raise NotShareableError(f"The job is {job.status}. Only a completed job can be shared.")
        if (known := await self._shares.find_of_job(owner_id, job_id)) is not None:
            raise AlreadySharedError(known.slug)
        share = Share(
            id=uuid7(),
            owner_id=owner_id,
            job_id=job_id,
            slug=secrets.token_urlsafe(12),
            visibility=visibility,
            title=title or job.title,
            notes=notes,
            facts=msgspec.to_builtins(await self._facts(owner_id, job_id)),
            picture_sha256=None,
        )
        try:
            async with self._session.begin_nested():
                await self._shares.add(share)
        except IntegrityError:
            known = await self._shares.find_of_job(owner_id, job_id)
            if known is None:
                raise
            raise AlreadySharedError(known.slug) from None  # another request was faster: a form sent twice
        return share

    async def list(self, owner_id: UUID, paging: Paging) -> tuple[Sequence[Share], int]:
        """Return a page of the owner's shares, newest first, and how many there are."""
        return await self._shares.list_of_owner(owner_id, paging=paging)

    async def list_public(self, paging: Paging, *, search: str | None) -> tuple[Sequence[Share], int]:
        """Return a page of the public shares of all users, newest first, and how many there are."""
        return await self._shares.list_public(search=search, paging=paging)

    async def get(self, slug: str) -> Share:
        """Return the share at an address, for any user.

        Raises:
            ShareNotFoundError: there is none.
        """
        share = await self._shares.find_by_slug(slug)
        if share is None:
            raise ShareNotFoundError
        return share

    async def get_by_id(self, share_id: UUID) -> Share:
        """Return a share by its id, for what refers to it.

        Raises:
            ShareNotFoundError: there is none.
        """
        share = await self._shares.find_by_id(share_id)
        if share is None:
            raise ShareNotFoundError
        return share

    async def get_owned(self, owner_id: UUID, slug: str, *, lock: RowLock | None = None) -> Share:
        """Return the owner's share at an address.

        Raises:
            ShareNotFoundError: the owner has none there.
        """
        share = await self._shares.find_owned_by_slug(owner_id, slug, lock=lock)
        if share is None:
            raise ShareNotFoundError
        return share

    async def change(
        self,
        owner_id: UUID,
        slug: str,
        changes: dict[str, Any],
        *,
        condition: Callable[[Share], None] | None = None,
    ) -> Share:
        """Change visibility, title or notes. `condition` raises an error if the locked share must not be changed.

        Raises:
            ShareNotFoundError: the owner has no share there.
        """
        share = await self.get_owned(owner_id, slug, lock="no_key_update")
        if condition is not None:
            condition(share)
        for name in ("visibility", "title", "notes"):
            if name in changes:
                setattr(share, name, changes[name])
        await self._session.flush()
        return share

    async def withdraw(self, owner_id: UUID, slug: str, *, condition: Callable[[Share], None] | None = None) -> None:
        """Delete a share with its picture and listening tests. The job stays.

        Raises:
            ShareNotFoundError: the owner has no share there.
        """
        share = await self.get_owned(owner_id, slug, lock="update")
        if condition is not None:
            condition(share)
        await self._shares.delete_owned(owner_id, share.id)

    async def files(self, share: Share) -> Sequence[SharedFile]:
        """Return the public files of a share, sorted by path."""
        found = await self._jobs.artifacts(share.owner_id, share.job_id)
        return [
            SharedFile(row.path, row.size, row.sha256, row.media_type, row.storage_key)
            for row in found
            if is_public(row.path)
        ]

    async def page(self, share: Share) -> Page:
        """Return the data of a share's listening page.

        Raises:
            NoResultsError: the job has no manifest.
            StorageFaultError: an object is missing or damaged.
        """
        artifacts = await self._jobs.artifacts(share.owner_id, share.job_id)
        return public_page(await load_page(self._storage, artifacts), share.title)

    async def find_of_job(self, owner_id: UUID, job_id: UUID) -> Share | None:
        """Return the share of the owner's job, None where there is none."""
        return await self._shares.find_of_job(owner_id, job_id)

    async def file(self, slug: str, path: str) -> SharedFile:
        """Return a public file of the share at an address.

        Raises:
            ShareNotFoundError: there is no share.
            SharedFileNotFoundError: it shows no such file.
        """
        share = await self.get(slug)
        if not is_public(path):
            raise SharedFileNotFoundError
        try:
            found = await self._jobs.artifact(share.owner_id, share.job_id, path)
        except ArtifactNotFoundError:
            raise SharedFileNotFoundError from None
        return SharedFile(found.path, found.size, found.sha256, found.media_type, found.storage_key)

    async def set_picture(self, owner_id: UUID, slug: str, picture: Picture) -> Share:
        """Set or replace the picture of the owner's share.

        Raises:
            ShareNotFoundError: the owner has no share there.
        """
        share = await self.get_owned(owner_id, slug, lock="no_key_update")
        await self._pictures.set(share, picture.content, picture.sha256)
        return share

    async def remove_picture(self, owner_id: UUID, slug: str) -> None:
        """Delete the picture of the owner's share.

        Raises:
            ShareNotFoundError: the owner has no share there.
            PictureNotFoundError: it has no picture.
        """
        share = await self.get_owned(owner_id, slug, lock="no_key_update")
        if not await self._pictures.remove(share):
            raise PictureNotFoundError("share")

    async def picture(self, slug: str) -> Picture:
        """Return the picture of the share at an address.

        Raises:
            ShareNotFoundError: there is no share.
            PictureNotFoundError: it has no picture.
        """
        share = await self.get(slug)
        if (found := await self._pictures.read(share)) is None:
            raise PictureNotFoundError("share")
        return Picture(*found)

    async def _facts(self, owner_id: UUID, job_id: UUID) -> SharedFacts:
        """Return what is public of the job's manifest."""
        try:
            artifact = await self._jobs.artifact(owner_id, job_id, MANIFEST)
            manifest = decode_manifest(await self._storage.read(artifact.storage_key))
        except (ArtifactNotFoundError, msgspec.DecodeError):
            raise NotShareableError(
                "The results of this job are of a version that can't be shared. Run the shootout again."
            ) from None
        return SharedFacts.of(manifest)
