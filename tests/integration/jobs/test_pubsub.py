"""The event subscription of a process, when its connection fails."""

import asyncio
from contextlib import aclosing
from pathlib import Path
from urllib.parse import urlsplit

from redis.asyncio import Redis

from tone_shootout.jobs.streaming.pubsub import PREFIX, subscribe_to_events
from tone_shootout.kit.settings import Settings


async def test_a_silently_dropped_connection_is_detected_and_replaced(
    settings: Settings, redis: Redis, tmp_path: Path
) -> None:
    made: list[asyncio.Event] = []

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(urlsplit(settings.redis.url).path)
        dropped = asyncio.Event()
        made.append(dropped)

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                if not dropped.is_set():
                    sink.write(data)
            sink.close()

        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    proxy = tmp_path / "proxy.sock"
    async with await asyncio.start_unix_server(lead, proxy):
        behind: Redis = Redis.from_url(f"unix://{proxy}")
        async with aclosing(subscribe_to_events(behind, heartbeat_s=0.2)) as messages, asyncio.timeout(60):
            assert await anext(messages) is None
            waiting = asyncio.ensure_future(anext(messages))
            await asyncio.wait({waiting}, timeout=1)  # no messages, but pings are answered
            assert not waiting.done()
            assert len(made) == 1
            made[0].set()
            assert await waiting is None
            assert len(made) == 2
            await redis.publish(f"{PREFIX}x", b"after")
            assert await anext(messages) == b"after"
        await behind.aclose()
