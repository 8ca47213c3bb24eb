"""A rendered result with a listening page, and a browser."""

from collections.abc import AsyncGenerator

import httpx
import pytest

from tests.integration.conftest import Person
from tests.support.finished_jobs import files_in
from tests.support.listening import render_result
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage

Files = dict[str, bytes]


@pytest.fixture(scope="package")
def results(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Files of a result by path."""
    folder = tmp_path_factory.mktemp("listening")
    render_result(folder)
    return files_in(folder / "out")


@pytest.fixture
def storage(settings: Settings) -> Storage:
    return Storage.from_settings(settings)


@pytest.fixture
async def browser(base_url: str, user: Person) -> AsyncGenerator[httpx.AsyncClient, None]:
    """A browser in which the user is signed in by cookie."""
    async with httpx.AsyncClient(base_url=base_url, timeout=60, headers={"Accept": "text/html"}) as client:
        assert (await client.post("/api/v1/auth/session", json={"token": user.token})).is_success
        yield client
