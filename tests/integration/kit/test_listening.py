"""Connections that nobody makes use of are cut, and no others."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

import pytest
import uvicorn

from tone_shootout.kit.http.web_server import HttpProtocol

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Impatient(HttpProtocol):
    head_s = 0.2


async def _slow(_scope: Any, _receive: Any, send: Any) -> None:
    await asyncio.sleep(2 * Impatient.head_s)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
async def port() -> AsyncGenerator[int, None]:
    config = uvicorn.Config(_slow, port=0, http=Impatient, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - it has no event for that
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await serving


@pytest.mark.parametrize(
    ("requests", "begin"), [(0, b""), (0, GET[:-2]), (1, GET[:-2])], ids=["silent", "trickling", "trickling later"]
)
async def test_who_does_not_say_what_they_want_is_cut(port: int, requests: int, begin: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(requests):
        writer.write(GET)
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
    writer.write(begin)
    async with asyncio.timeout(30):
        reading = asyncio.create_task(reader.read())
        while not reading.done():
            if begin:
                writer.write(b"x")
            await asyncio.wait({reading}, timeout=0.1)
        with suppress(ConnectionError):
            assert await reading == b""
    writer.close()


async def test_who_waits_for_an_answer_or_makes_a_pause_is_not(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(2):
        writer.write(GET)
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        await asyncio.sleep(2 * Impatient.head_s)
    writer.close()
