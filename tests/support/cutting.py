"""A proxy that cuts connections."""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

Lead = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def _listening(lead: Lead) -> AsyncGenerator[str, None]:
    """The URL of a server that calls `lead` with each connection, and ends all of them at the end."""
    leading: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        leading.add(task)
        try:
            await lead(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()  # the test is over
        finally:
            leading.discard(task)
            writer.close()  # after what was written

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in (left := list(leading)):
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


@asynccontextmanager
async def _connected(
    host: str | None, port: int | None
) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter], None]:
    """A connection with the service, closed at the end."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        yield reader, writer
    finally:
        writer.close()


@asynccontextmanager
async def cutting(url: str, cuts: int, every_s: float) -> AsyncGenerator[tuple[str, list[int]], None]:
    """A proxy of `url` that cuts connections to the live channel the given number of times."""
    target = urlsplit(url)
    made: list[int] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        async with _connected(target.hostname, target.port) as (there, back):
            back.write(request)
            pumping = asyncio.gather(pump(reader, back), pump(there, writer))
            if b"/ws" in request:
                made.append(len(made))
                if len(made) <= cuts:
                    await asyncio.sleep(every_s)
                    writer.transport.abort()
                    back.transport.abort()
            await pumping

    async with _listening(lead) as proxy:
        yield proxy, made


@asynccontextmanager
async def truncating(url: str, after: int, ranges: list[str]) -> AsyncGenerator[str, None]:
    """A proxy that cuts the first response with a segment after so many bytes, and notes the ranges requested."""
    target = urlsplit(url)

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                request = (await reader.readuntil(b"\r\n\r\n")).decode()
                is_segment = "/segments/" in request
                if is_segment:
                    ranges.append("".join(re.findall(r"(?im)^range: (.*?)\r$", request)))
                async with _connected(target.hostname, target.port) as (there, back):
                    back.write(request.replace("\r\n", "\r\nConnection: close\r\n", 1).encode())
                    sent = 0
                    while data := await there.read(65536):
                        writer.write(data)
                        await writer.drain()
                        sent += len(data)
                        if is_segment and len(ranges) == 1 and sent > after:
                            break
                return

    async with _listening(lead) as proxy:
        yield proxy


@asynccontextmanager
async def cutting_first(url: str, path: str) -> AsyncGenerator[tuple[str, list[str]], None]:
    """A proxy that cuts the first connection with a request for `path` once its response has begun; notes all such."""
    target = urlsplit(url)
    requested: list[str] = []

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        must_cut = False

        async def up(back: asyncio.StreamWriter) -> None:
            nonlocal must_cut
            while data := await reader.read(65536):
                line = data.split(b"\r\n", 1)[0].decode("latin-1")
                if path in line:
                    must_cut = not requested
                    requested.append(line)
                back.write(data)
                await back.drain()
            back.close()

        async def down(there: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
            while data := await there.read(65536):
                writer.write(data)
                await writer.drain()
                if must_cut:
                    writer.close()  # after what was written
                    back.transport.abort()
            writer.close()

        async with _connected(target.hostname, target.port) as (there, back):
            with suppress(ConnectionError):
                await asyncio.gather(up(back), down(there, back))

    async with _listening(lead) as proxy:
        yield proxy, requested
