"""Listeners of a listening test, as a browser without an account: a cookie and requests."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.integration.conftest import Person

Choose = Callable[[int, dict[str, str]], dict[str, Any]]
"""Returns the fields of an answer for a trial and the paths of its sounds by label."""


async def open_test(person: Person, share: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Open a listening test on a share."""
    answer = await person.client.post(share["links"]["tests"], json=fields)
    assert answer.status_code == 201, answer.text
    test: dict[str, Any] = answer.json()
    assert answer.headers["location"] == test["links"]["self"]
    return test


@asynccontextmanager
async def listener(base_url: str) -> AsyncGenerator[httpx.AsyncClient, None]:
    """Yield a browser without cookies."""
    headers = {"Origin": base_url}  # browsers send it with cookies
    async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=120) as client:
        yield client


async def begin(client: httpx.AsyncClient, test: dict[str, Any]) -> dict[str, Any]:
    """Start a session."""
    answer = await client.post(test["links"]["sessions"])
    assert answer.status_code == 201, answer.text
    session: dict[str, Any] = answer.json()
    assert answer.headers["location"] == session["links"]["self"]
    return session


def heard(session: dict[str, Any]) -> dict[str, str]:
    """Return the paths of the sounds of the trial to answer, by label."""
    trial = session["answered"] + 1
    return {each["label"]: each["content"] for each in session["stimuli"] if each["trial"] in (0, trial)}


async def take(client: httpx.AsyncClient, test: dict[str, Any], choose: Choose) -> dict[str, Any]:
    """Take a whole test without fetching sounds; the own result."""
    session = await begin(client, test)
    while session["answered"] < session["trials"]:
        trial = session["answered"] + 1
        given = {"trial": trial, **choose(trial, heard(session))}
        answer = await client.post(session["links"]["answers"], json=given)
        assert answer.status_code == 200, answer.text
        session = answer.json()
    answer = await client.post(session["links"]["finish"])
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result
