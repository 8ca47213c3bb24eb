"""A load balancer inside the test process, whose services come and go while it runs."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from tests.support.relay import Relay, Streams


class Balancer(Relay):
    """Hands each new connection to the next of its services.

    Attributes:
        ports: ports of the services on this machine; one that is taken out keeps the connections that it has.
        port: the balancer's own.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ports: list[int] = []
        self.port = 0
        self._turn = 0

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        """Accept connections as long as the context lasts."""
        server = await asyncio.start_server(self.accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with self.accepting(server):
            yield

    async def connect(self) -> Streams:
        """Connect with the next service."""
        self._turn += 1
        return await asyncio.open_connection("127.0.0.1", self.ports[self._turn % len(self.ports)])
