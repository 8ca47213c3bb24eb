"""The first phase of a job: every file that it needs comes to where it is rendered."""

from pathlib import Path

import msgspec
import structlog

from tone_shootout.jobs.execution.attempt import Attempt
from tone_shootout.jobs.execution.inputs import Asset, Inputs
from tone_shootout.jobs.repositories import JobRepository
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.http.problems import ProblemError
from tone_shootout.kit.outages import StorageFaultError
from tone_shootout.kit.storage import MissingObjectError, Storage
from tone_shootout.shootouts.assets import WantedModel
from tone_shootout.shootouts.tones.importer import Importer
from tone_shootout.tone3000.errors import BadAnswerError, BusyError, GrantError, UnreachableError

_log = structlog.get_logger(__name__)


class JobError(Exception):
    """The job can't be done, and trying again would not help."""

    def __init__(self, code: str, detail: str, *, segment: int | None = None, pointer: str | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.segment = segment
        self.pointer = pointer


class NotNowError(OSError):
    """Somebody else's service does not do its part at the moment: worth another attempt, like every outage."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Fetcher:
    """Brings a job's files from the library, and into the library from TONE3000 what is not there yet."""

    def __init__(self, sessions: SessionMaker, storage: Storage, importer: Importer) -> None:
        self._sessions = sessions
        self._storage = storage
        self._importer = importer

    async def fetch(self, attempt: Attempt, inputs: Inputs, folder: Path) -> tuple[Inputs, dict[str, Path]]:
        """Return the job's inputs, complete now, and where each file is.

        Raises:
            JobError: a file can't be had.
            StorageFaultError: the storage does not hold a file, or something else. A job's files can't be deleted.
            NotNowError: TONE3000 does not answer.
        """
        attempt.phase("fetch")
        if inputs.wanted:
            inputs = await self._complete(attempt, inputs, folder)
        sources: dict[str, Path] = {}
        for number, (name, asset) in enumerate(inputs.assets.items()):
            path = folder / f"input-{number}"
            key = asset.storage_key
            try:
                digest = await self._storage.fetch(key, path)
            except MissingObjectError:
                _log.error("object_missing", key=key, job=str(attempt.job.id))
                raise StorageFaultError(key, is_missing=True) from None
            if digest != asset.sha256:
                _log.error("object_damaged", key=key, job=str(attempt.job.id))
                raise StorageFaultError(key, is_missing=False)
            sources[name] = path
        return inputs, sources

    async def _complete(self, attempt: Attempt, inputs: Inputs, folder: Path) -> Inputs:
        """Import what is wanted, and write down what came, so that the next attempt has it."""
        job = attempt.job
        brought = {wanted.file: await self._bring(attempt, wanted, folder) for wanted in inputs.wanted}
        complete = msgspec.structs.replace(inputs, assets=inputs.assets | brought, wanted=())
        async with self._sessions() as session:
            await JobRepository(session).save_inputs(job.id, job.attempt, msgspec.to_builtins(complete))
            await session.commit()
        return complete

    async def _bring(self, attempt: Attempt, wanted: WantedModel, folder: Path) -> Asset:
        try:
            return Asset.of(await self._importer.import_model(attempt.job.owner_id, wanted, folder))
        except (BusyError, UnreachableError, BadAnswerError, GrantError) as error:
            raise NotNowError(error.code, error.detail) from None
        except ProblemError as error:
            which = f"Model {wanted.model} of tone {wanted.tone} could not be fetched from TONE3000"
            raise JobError(error.code, f"{which}: {error.detail}") from None
