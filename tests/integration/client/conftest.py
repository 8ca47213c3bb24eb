"""Both clients as one, and a spec with its files."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import Person
from tests.support.uploads import capture, di, ir
from tone_shootout.client import AsyncClient, Client

Do = Callable[..., Coroutine[Any, Any, Any]]
SPEC = """
title = "Two crunches"
output = { plots = false, video = false }
[[di_tracks]]
name = "Riff"
file = "riff.wav"
[[chains]]
name = "Low"
blocks = [{ type = "capture", file = "amp.nam" }, { type = "cab_ir", file = "cab.wav" }]
[[chains]]
name = "High"
blocks = [{ type = "capture", file = "amp.nam", input_gain_db = 6.0 }, { type = "cab_ir", file = "cab.wav" }]
"""


async def _asynchronous(url: str, token: str | None, method: str, /, *arguments: Any, **options: Any) -> Any:
    async with AsyncClient(url, token) as client:
        called = getattr(client, method)(*arguments, **options)
        return [each async for each in called] if isinstance(called, AsyncIterator) else await called


def _synchronous(url: str, token: str | None, method: str, /, *arguments: Any, **options: Any) -> Any:
    with Client(url, token) as client:
        called = getattr(client, method)(*arguments, **options)
        return list(called) if isinstance(called, Iterator) else called


@pytest.fixture(params=["sync", "async"])
def do(request: pytest.FixtureRequest, base_url: str, user: Person) -> Do:
    """Calls a method of a client, synchronous or asynchronous, as the user."""

    async def run(method: str, /, *arguments: Any, **options: Any) -> Any:
        url, token = options.pop("url", base_url), options.pop("token", user.token)
        if request.param == "async":
            return await _asynchronous(url, token, method, *arguments, **options)
        return await asyncio.to_thread(_synchronous, url, token, method, *arguments, **options)

    return run


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    for name, content in (("riff.wav", di()), ("amp.nam", capture()), ("cab.wav", ir())):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "two.toml").write_text(SPEC)
    return tmp_path / "two.toml"
