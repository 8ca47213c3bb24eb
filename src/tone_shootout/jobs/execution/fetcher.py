"""The first phase of a job: fetching its input files to the worker's folder."""

import asyncio
from pathlib import Path

import msgspec
import structlog

from tone_shootout.jobs.execution.attempt import Attempt
from tone_shootout.jobs.execution.inputs import Asset, Inputs
from tone_shootout.jobs.repositories import JobPictureRepository, JobRepository
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.documents import to_document
from tone_shootout.kit.http.problems import ProblemError
from tone_shootout.kit.outages import StorageFaultError
from tone_shootout.kit.storage import MissingObjectError, Storage
from tone_shootout.shootouts.assets import WantedModel
from tone_shootout.shootouts.tones.importer import Importer
from tone_shootout.tone3000.errors import BadAnswerError, BusyError, GrantError, UnreachableError

_log = structlog.get_logger(__name__)


class JobError(Exception):
    """The job has failed, and another attempt would fail too.

    Args:
        code: stable error code.
        detail: what failed, for people.
        segment: position of the segment that failed.
        pointer: JSON pointer into the shootout, to `/config/…`.
    """

    def __init__(self, code: str, detail: str, *, segment: int | None = None, pointer: str | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.segment = segment
        self.pointer = pointer


class UpstreamUnavailableError(OSError):
    """TONE3000 is temporarily unavailable, or refuses access: the job is retried."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Fetcher:
    """Fetches a job's files from the library, after importing missing ones from TONE3000.

    Args:
        sessions: opens sessions of the database.
        storage: the object storage.
        importer: imports models from TONE3000 into the library.
    """

    def __init__(self, sessions: SessionMaker, storage: Storage, importer: Importer) -> None:
        self._sessions = sessions
        self._storage = storage
        self._importer = importer

    async def fetch(self, attempt: Attempt, inputs: Inputs, folder: Path) -> tuple[Inputs, dict[str, Path]]:
        """Fetch all files; return the inputs with everything imported, and the path of each file.

        Raises:
            JobError: a model can't be imported.
            StorageFaultError: a file is missing from the storage or damaged.
            UpstreamUnavailableError: TONE3000 does not respond.
        """
        attempt.phase("fetch")
        if inputs.wanted:
            inputs = await self._import_wanted(attempt, inputs, folder)
        sources: dict[str, Path] = {}
        for number, (name, asset) in enumerate(inputs.assets.items()):
            path = folder / f"input-{number}"
            key = asset.storage_key
            try:
                digest = await self._storage.fetch(key, path)
            except MissingObjectError:
                _log.error("object_missing", key=key, job_id=str(attempt.job.id))
                raise StorageFaultError(key, is_missing=True) from None
            if digest != asset.sha256:
                _log.error("object_damaged", key=key, job_id=str(attempt.job.id))
                raise StorageFaultError(key, is_missing=False)
            sources[name] = path
        return inputs, sources

    async def fetch_pictures(self, attempt: Attempt, inputs: Inputs, folder: Path) -> dict[str, Path]:
        """Write the pictures of the gear to a folder; return the path of each by the spec's `file`."""
        if not inputs.pictures:
            return {}
        async with self._sessions() as session:
            contents = await JobPictureRepository(session).read_all(attempt.job.id)
        paths = {}
        for sha256, content in contents.items():
            paths[sha256] = folder / f"picture-{sha256}.jpg"
            await asyncio.to_thread(paths[sha256].write_bytes, content)
        return {file: paths[sha256] for file, sha256 in inputs.pictures.items() if sha256 in paths}

    async def _import_wanted(self, attempt: Attempt, inputs: Inputs, folder: Path) -> Inputs:
        """Import the wanted models and save them in the job's inputs, so that the next attempt has them."""
        job = attempt.job
        imported = {wanted.file: await self._import(attempt, wanted, folder) for wanted in inputs.wanted}
        complete = msgspec.structs.replace(inputs, assets=inputs.assets | imported, wanted=())
        async with self._sessions() as session:
            await JobRepository(session).save_inputs(job.id, job.attempt, to_document(complete))
            await session.commit()
        return complete

    async def _import(self, attempt: Attempt, wanted: WantedModel, folder: Path) -> Asset:
        try:
            return Asset.of(await self._importer.import_model(attempt.job.owner_id, wanted, folder))
        except (BusyError, UnreachableError, BadAnswerError, GrantError) as error:
            raise UpstreamUnavailableError(error.code, error.detail) from None
        except ProblemError as error:
            failed = f"Model {wanted.model_id} of tone {wanted.tone_id} could not be fetched from TONE3000"
            raise JobError(error.code, f"{failed}: {error.detail}") from None
