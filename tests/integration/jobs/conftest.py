"""A worker, and what a test needs to have something for it to do."""

import json
from collections.abc import AsyncIterator, Generator
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.integration.conftest import Person
from tests.support.live import working
from tests.support.uploads import SHOOTOUTS, config
from tone_shootout.kit.settings import Settings


@pytest.fixture(scope="module")
def worker(settings: Settings) -> Generator[None, None, None]:
    """A worker process, for as long as a module's tests take."""
    with working(settings):
        yield


EVERYTHING = {"page": True, "plots": True, "video": True}
"""`output` of a config whose job goes through all phases."""


async def make_shootout(client: httpx.AsyncClient, **changes: Any) -> str:
    """A shootout of two segments; its id."""
    made = await client.post(SHOOTOUTS, json={"config": {**await config(client), **changes}})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def submit(client: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    """A job of a new shootout."""
    answer = await client.post(f"{SHOOTOUTS}/{await make_shootout(client, **changes)}/jobs")
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    assert answer.headers["location"] == job["links"]["self"]
    return job


async def follow(base_url: str, headers: dict[str, str], job_id: str, query: str = "") -> AsyncIterator[dict[str, Any]]:
    """A job's events over the WebSocket, until the service closes it."""
    address = f"{base_url.replace('http', 'ws', 1)}/api/v1/jobs/{job_id}/ws{query}"
    async with connect(address, additional_headers=headers) as socket:
        async for message in socket:
            yield json.loads(message)
        assert socket.close_code == 1000


def events(base_url: str, person: Person, job_id: str, query: str = "") -> AsyncIterator[dict[str, Any]]:
    """A job's events, as a person gets them."""
    return follow(base_url, {"Authorization": f"Bearer {person.token}"}, job_id, query)


async def finish(base_url: str, person: Person, job_id: str) -> list[dict[str, Any]]:
    """All events of a job from now to its end."""
    return [event async for event in events(base_url, person, job_id)]
