"""A proxy that hands connections to several services in turn, as a load balancer does; a process of its own.

`python -m tests.bench.proxy PORT…` prints its own port and runs until it is ended.
"""

import asyncio
import itertools
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress

_CHUNK = 65536


@contextmanager
def balanced(ports: Sequence[int]) -> Generator[int, None, None]:
    """Run a proxy before these ports of this machine; yield its port."""
    command = [sys.executable, "-m", "tests.bench.proxy", *map(str, ports)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    writer.close()


async def _serve(ports: Sequence[int]) -> None:
    turns = itertools.cycle(ports)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, to_upstream = await asyncio.open_connection("127.0.0.1", next(turns))
        await asyncio.gather(_pump(reader, to_upstream), _pump(upstream, writer))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve([int(port) for port in sys.argv[1:]]))
