"""Loads the sound of a test out of the storage."""

import asyncio

from tone_shootout.kit.outages import StorageFaultError
from tone_shootout.kit.storage import MissingObjectError, Storage
from tone_shootout.listening.blind.excerpts import Excerpt, decode
from tone_shootout.listening.blind.models import ListeningTest
from tone_shootout.listening.blind.services import ListeningTestService


async def load_excerpt(listening_tests: ListeningTestService, storage: Storage, test: ListeningTest) -> Excerpt:
    """Return the tones of a test, decoded and aligned.

    Raises:
        StorageFaultError: a file is missing or damaged.
        StorageError: the storage is unavailable.
    """
    from tone_shootout.audio.signals import AudioError

    plan, files = await listening_tests.sources(test)
    contents = []
    for file in files:
        try:
            contents.append(await storage.read(file.storage_key))
        except MissingObjectError:
            raise StorageFaultError(file.storage_key, is_missing=True) from None
    try:
        return await asyncio.to_thread(decode, contents, plan)
    except AudioError:
        raise StorageFaultError(files[0].storage_key, is_missing=False) from None
