"""A completed job to share."""

from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest

from tests.integration.conftest import Person
from tests.support.listeners import listener
from tests.support.sessions import Sessions
from tests.support.shared_jobs import SharedJob, completed_job
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage


@pytest.fixture
def storage(settings: Settings) -> Storage:
    return Storage.from_settings(settings)


@pytest.fixture
async def api(base_url: str) -> AsyncGenerator[httpx.AsyncClient, None]:
    """A listener's browser, not signed in."""
    async with listener(base_url) as client:
        yield client


@pytest.fixture
async def job(user: Person, session_maker: Sessions, storage: Storage, tmp_path: Path) -> SharedJob:
    """A job of three tones; the last chain has the name of a formula."""
    return await completed_job(user, session_maker, storage, tmp_path, chains=["Plexi", "JCM", "=1+1"])
