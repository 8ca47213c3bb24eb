"""REST endpoint of uploads of several files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litestar import Controller, Request, post
from litestar.di import NamedDependency
from litestar.openapi.spec import OpenAPIFormat, OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import SkipValidation

from tone_shootout.accounts.principal import Principal
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.http.problems import problems
from tone_shootout.kit.settings import Settings
from tone_shootout.rendering.media_info import Limits
from tone_shootout.shootouts.library.batch import BatchRead, BatchUploader, receive_batch
from tone_shootout.shootouts.library.quota import StorageQuota
from tone_shootout.shootouts.library.tags import MAX_TAG, MAX_TAGS


@dataclass
class BatchOperation(Operation):
    """OpenAPI operation of an upload of several files."""

    def __post_init__(self) -> None:
        """Add the form's schema."""
        text = OpenAPIType.STRING

        def files(description: str) -> Schema:
            file = Schema(type=text, format=OpenAPIFormat.BINARY)
            return Schema(type=OpenAPIType.ARRAY, items=file, description=description)

        fields = {
            "name": Schema(
                type=text,
                min_length=1,
                max_length=80,
                description="Name in the library of the next file. Default: its file name.",
                examples=["Riff in E"],
            ),
            "notes": Schema(type=text, max_length=2000, description="Your notes on all files that follow."),
            "tags": Schema(
                type=text,
                description=f"Tags of all files that follow, separated by commas: at most {MAX_TAGS} of at most "
                f"{MAX_TAG} characters.",
                examples=["clean, edge of breakup"],
            ),
            "di_track": files("DI tracks, a part of the form for each."),
            "capture": files("Captures, a part of the form for each."),
            "cab_ir": files("Cab IRs, a part of the form for each."),
            "archive": files("ZIP archives of captures and sound files, a part of the form for each."),
        }
        form = Schema(type=OpenAPIType.OBJECT, properties=fields)  # type: ignore[arg-type]  # a dictionary is invariant
        self.request_body = RequestBody(required=True, content={"multipart/form-data": OpenAPIMediaType(schema=form)})


class BatchController(Controller):
    """Uploads of several files."""

    path = "/api/v1/library/batch"
    tags = ("library",)

    @post(
        operation_id="upload_library_items",
        summary="Upload several files",
        operation_class=BatchOperation,
        status_code=200,
        responses=problems(400, 401, 403, 408, 413, 415),
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
    ) -> BatchRead:
        """Upload DI tracks, captures, cab IRs, and ZIP archives of them.

        Each file is added or reported by itself, in order: a file that fails does not affect the others. Sending the
        same files again is safe, because a file that the library has is not added again.
        """
        async with session_maker() as session:  # returned to the pool before the upload
            await quota.available_bytes(session, principal.user_id)
        async with receive_batch(
            request,
            limits,
            upload_folder,
            max_files=settings.limits.batch_files,
            max_bytes=settings.limits.batch_bytes,
        ) as files:
            return BatchRead.of(await batch_uploader.add(principal.user_id, files))
