"""REST endpoint of uploads of several files."""

from pathlib import Path
from typing import Any

from litestar import Controller, Request, Response, post
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from tone_shootout.accounts.idempotency import IdempotentTransfer
from tone_shootout.accounts.principal import Principal
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.http.maintenance import MAKES_WORK
from tone_shootout.kit.http.problems import problems
from tone_shootout.kit.settings import Settings
from tone_shootout.rendering.media_info import Limits
from tone_shootout.shootouts.library.batch import BatchRead, BatchUploader, receive_batch
from tone_shootout.shootouts.library.quota import StorageQuota


class BatchController(Controller):
    """Uploads of several files."""

    path = "/api/v1/library/batch"
    tags = ("library",)

    @post(
        operation_id="upload_library_items",
        opt={MAKES_WORK: True},
        summary="Upload several files",
        status_code=200,
        responses=problems(400, 401, 403, 408, 409, 413, 415, 422),
    )
    async def upload(
        self,
        request: Request[Any, Any, Any],
        principal: NamedDependency[Principal],
        limits: NamedDependency[Limits],
        settings: NamedDependency[Settings],
        upload_folder: NamedDependency[Path],
        quota: NamedDependency[StorageQuota],
        session_maker: NamedDependency[SkipValidation[SessionMaker]],
        batch_uploader: NamedDependency[BatchUploader],
        idempotent_transfer: NamedDependency[IdempotentTransfer],
    ) -> Response[BatchRead]:
        """Upload DI tracks, captures, cab IRs, and ZIP archives of them.

        Each file is added or reported by itself, in order: a file that fails does not affect the others. Sending the
        same files again is safe, because a file that the library has is not added again.
        """
        async with session_maker() as session:  # returned to the pool before the upload
            if not await idempotent_transfer.is_stored(session):
                bounds = await quota.bounds(session, principal.user_id)
                await quota.available_bytes(session, principal.user_id, bounds)
        async with receive_batch(
            request,
            limits,
            upload_folder,
            max_files=settings.limits.batch_files,
            max_bytes=settings.limits.batch_bytes,
        ) as files:

            async def add() -> Response[BatchRead]:
                return Response(BatchRead.of(await batch_uploader.add(principal.user_id, files)), status_code=200)

            async def identity() -> list[object]:
                return [await file.identity() for file in files]

            return await idempotent_transfer(add, identity)
