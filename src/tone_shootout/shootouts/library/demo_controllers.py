"""REST endpoint of the demo's files."""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from litestar import Controller, post
from litestar.di import NamedDependency

from tone_shootout.accounts.principal import Principal
from tone_shootout.kit.http.maintenance import MAKES_WORK
from tone_shootout.kit.http.problems import problems
from tone_shootout.rendering.media_info import Kind
from tone_shootout.shootouts.library.batch import BatchRead, BatchUploader, ReceivedFile
from tone_shootout.shootouts.library.uploads import UploadForm

if TYPE_CHECKING:
    from tone_shootout.demo import Piece


class DemoController(Controller):
    """The demo's files."""

    path = "/api/v1/library/demo"
    tags = ("library",)

    @post(
        operation_id="add_demo_items",
        opt={MAKES_WORK: True},
        summary="Add the demo's files",
        status_code=200,
        responses=problems(400, 401, 403),
    )
    async def add(
        self,
        principal: NamedDependency[Principal],
        upload_folder: NamedDependency[Path],
        batch_uploader: NamedDependency[BatchUploader],
    ) -> BatchRead:
        """Add the files of `shootout demo` to your library: a riff, three captures and two cab IRs.

        They were made for the project. Files that the library has are not added again.
        """
        with tempfile.TemporaryDirectory(dir=upload_folder) as folder:
            files = await asyncio.to_thread(_write_files, Path(folder))
            return BatchRead.of(await batch_uploader.add(principal.user_id, files))


def _write_files(folder: Path) -> list[ReceivedFile]:
    from tone_shootout.demo import write_material  # here: its synthesizer loads much that no other request needs

    material = write_material(folder)
    pieces: dict[Kind, Sequence[Piece]] = {
        "di_track": material.di_tracks,
        "capture": material.captures,
        "cab_ir": material.cab_irs,
    }
    return [
        ReceivedFile(
            UploadForm(kind=kind, name=piece.name, tags="demo"),
            piece.path,
            piece.path.stat().st_size,
            piece.path.name,
            is_archive=False,
            is_too_large=False,
        )
        for kind, found in pieces.items()
        for piece in found
    ]
