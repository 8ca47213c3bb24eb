"""A proxy that cuts connections."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


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
        there, back = await asyncio.open_connection(target.hostname, target.port)
        back.write(request)
        pumping = asyncio.gather(pump(reader, back), pump(there, writer))
        if b"/ws" in request:
            made.append(len(made))
            if len(made) <= cuts:
                await asyncio.sleep(every_s)
                writer.transport.abort()
                back.transport.abort()
        await pumping

    server = await asyncio.start_server(lead, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", made


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
                there, back = await asyncio.open_connection(target.hostname, target.port)
                back.write(request.replace("\r\n", "\r\nConnection: close\r\n", 1).encode())
                sent = 0
                while data := await there.read(65536):
                    writer.write(data)
                    await writer.drain()
                    sent += len(data)
                    if is_segment and len(ranges) == 1 and sent > after:
                        break
                back.close()
                writer.close()
                return

    server = await asyncio.start_server(lead, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def cutting_first(url: str, path: str) -> AsyncGenerator[tuple[str, list[str]], None]:
    """A proxy that cuts the first connection with a request for `path` once its response has begun; notes all such."""
    target = urlsplit(url)
    requested: list[str] = []

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(target.hostname, target.port)
        must_cut = False

        async def up() -> None:
            nonlocal must_cut
            while data := await reader.read(65536):
                line = data.split(b"\r\n", 1)[0].decode("latin-1")
                if path in line:
                    must_cut = not requested
                    requested.append(line)
                back.write(data)
                await back.drain()
            back.close()

        async def down() -> None:
            while data := await there.read(65536):
                writer.write(data)
                await writer.drain()
                if must_cut:
                    writer.close()  # after what was written
                    back.transport.abort()
            writer.close()

        with suppress(ConnectionError):
            await asyncio.gather(up(), down())

    server = await asyncio.start_server(lead, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", requested
