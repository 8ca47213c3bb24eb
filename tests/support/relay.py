"""A proxy inside the test process that hands connections on."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

_CHUNK = 65536

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Relay(ABC):
    """Connects each client with an upstream until one of them, or the test, ends."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    @abstractmethod
    async def connect(self) -> Streams:
        """Connect with the upstream of the next client."""

    async def answer(self, upstream: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        """Hand on what the upstream sends."""
        await forward(upstream, client)

    @asynccontextmanager
    async def accepting(self, server: asyncio.Server) -> AsyncGenerator[None, None]:
        """Accept connections as long as the context lasts, by a server whose callback is `accept`."""
        try:
            yield
        finally:
            server.close()
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        writers = [writer]
        try:
            upstream, to_upstream = await self.connect()
            writers.append(to_upstream)
            await asyncio.gather(forward(reader, to_upstream), self.answer(upstream, writer))
        except (OSError, asyncio.CancelledError):
            pass  # one of them has closed the connection, or the test has ended
        finally:
            self._tasks.discard(task)
            for each in writers:
                each.close()
                with suppress(OSError):
                    await each.wait_closed()


async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hand on what a reader gets, and close the writer at its end."""
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    writer.close()
