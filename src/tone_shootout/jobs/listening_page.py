"""The data of a finished job's listening page."""

import asyncio
from collections.abc import Sequence

from tone_shootout.jobs.models import JobArtifact
from tone_shootout.jobs.stored_results import load_manifest, read_result
from tone_shootout.kit.storage import Storage
from tone_shootout.rendering.listening_page.document import DATA_NAME
from tone_shootout.rendering.listening_page.page import Page, decode_page, make_page


async def load_page(storage: Storage, artifacts: Sequence[JobArtifact]) -> Page:
    """Return the data of a job's listening page as its worker wrote it, or else as its manifest gives it.

    Args:
        storage: the object storage.
        artifacts: all artifacts of the job.

    Raises:
        NoResultsError: the job has no manifest.
        StorageFaultError: an object is missing or damaged.
        StorageError: the storage is unavailable.
    """
    page = await read_result(storage, artifacts, DATA_NAME, decode_page)
    return page or await asyncio.to_thread(make_page, await load_manifest(storage, artifacts))
