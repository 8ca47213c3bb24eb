"""What a web process holds in memory."""

import asyncio
import subprocess
import sys

import httpx
import psutil
import pytest

from tests.integration.conftest import Person
from tests.support.library_rows import library_items, typical_config
from tests.support.live import environ_of
from tests.support.pgbouncer import free_port
from tests.support.sessions import Sessions
from tests.support.uploads import LIBRARY, SHOOTOUTS
from tone_shootout.kit.settings import Settings

UNUSED = ("/PIL/", "/av/", "/cryptography/", "/llvmlite/", "/matplotlib/", "/numpy/", "/scipy/", "/soxr/")
"""Packages with machine code that workers need, and web processes at most for a few operations."""
MOST_BYTES = 165_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists the files in the memory of a process")
async def test_a_web_process_answers_without_the_libraries_of_the_workers(
    settings: Settings, user: Person, session_maker: Sessions
) -> None:
    async with session_maker.begin() as session:
        session.add_all(library_items(user.id))
    port = free_port()
    command = [sys.executable, "-m", "tone_shootout", "web", "--port", str(port)]
    process = await asyncio.create_subprocess_exec(*command, env=environ_of(settings), stderr=subprocess.DEVNULL)
    try:
        url, headers = f"http://127.0.0.1:{port}", user.client.headers
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
            await _started(client, process)
            items = {item["kind"]: item["id"] for item in (await client.get(LIBRARY)).json()["items"]}
            made = await client.post(SHOOTOUTS, json={"config": typical_config(items)})
            assert made.status_code == 201, made.text
            for path in (made.json()["links"]["self"], SHOOTOUTS, "/api/v1/jobs", "/api/v1/me", "/openapi.json"):
                assert (await client.get(path)).is_success
        found = psutil.Process(process.pid)
        files = {file.path for file in found.memory_maps()}
        assert [name for name in UNUSED if any(name in file for file in files)] == []
        assert found.memory_info().rss < MOST_BYTES
    finally:
        process.terminate()
        await process.wait()


async def _started(client: httpx.AsyncClient, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(60):
        while process.returncode is None:
            try:
                (await client.get("/health/live")).raise_for_status()
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return
    raise RuntimeError("the web process did not start")
