"""The data of a finished job's listening page."""

from collections.abc import Iterable

import msgspec

from tone_shootout.jobs.errors import NoResultsError
from tone_shootout.jobs.models import JobArtifact
from tone_shootout.kit.outages import StorageFaultError
from tone_shootout.kit.storage import MissingObjectError, Storage
from tone_shootout.rendering.listening_page.document import DATA_NAME
from tone_shootout.rendering.listening_page.page import Page, decode_page, make_page
from tone_shootout.rendering.output.manifest import decode_manifest
from tone_shootout.rendering.output.result_folder import MANIFEST_NAME


async def load_page(storage: Storage, artifacts: Iterable[JobArtifact]) -> Page:
    """Return the data of a job's listening page as its worker wrote it, or else as its manifest gives it.

    Args:
        storage: the object storage.
        artifacts: all artifacts of the job.

    Raises:
        NoResultsError: the job has no manifest.
        StorageFaultError: an object is missing or damaged.
        StorageError: the storage is unavailable.
    """
    stored = {artifact.path: artifact.storage_key for artifact in artifacts}
    for name, decode in ((DATA_NAME, decode_page), (MANIFEST_NAME, _page_of_manifest)):
        key = stored.get(name)
        if key is None:
            continue
        try:
            return decode(await storage.read(key))
        except MissingObjectError:
            raise StorageFaultError(key, is_missing=True) from None
        except msgspec.DecodeError:
            raise StorageFaultError(key, is_missing=False) from None
    raise NoResultsError


def _page_of_manifest(data: bytes) -> Page:
    return make_page(decode_manifest(data))
