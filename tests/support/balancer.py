"""A load balancer inside the test process, whose services come and go while it runs."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

_CHUNK = 65536


class Balancer:
    """Hands each new connection to the next of its services.

    Attributes:
        ports: ports of the services on this machine; one that is taken out keeps the connections that it has.
        port: the balancer's own.
    """

    def __init__(self) -> None:
        self.ports: list[int] = []
        self.port = 0
        self._turn = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        """Accept connections as long as the context lasts."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._turn += 1
        writers = [writer]
        try:
            port = self.ports[self._turn % len(self.ports)]
            upstream, to_upstream = await asyncio.open_connection("127.0.0.1", port)
            writers.append(to_upstream)
            await asyncio.gather(_forward(reader, to_upstream), _forward(upstream, writer))
        except (OSError, asyncio.CancelledError):
            pass  # one of them has closed the connection, or the test has ended
        finally:
            self._tasks.discard(task)
            for each in writers:
                each.close()
                with suppress(OSError):
                    await each.wait_closed()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    writer.close()
