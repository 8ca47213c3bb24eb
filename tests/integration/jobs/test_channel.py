"""What a process hears of the broker, whatever becomes of the connection."""

import asyncio
from contextlib import aclosing
from pathlib import Path
from urllib.parse import urlsplit

from redis.asyncio import Redis

from tone_shootout.jobs.streaming.pubsub import PREFIX, listen
from tone_shootout.kit.settings import Settings


async def test_a_connection_that_was_forgotten_on_the_way_is_noticed_and_made_anew(
    settings: Settings, redis: Redis, tmp_path: Path
) -> None:
    made: list[asyncio.Event] = []

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(urlsplit(settings.redis.url).path)
        forgotten = asyncio.Event()
        made.append(forgotten)

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                if not forgotten.is_set():
                    sink.write(data)
            sink.close()

        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    way = tmp_path / "way.sock"
    async with await asyncio.start_unix_server(lead, way):
        behind: Redis = Redis.from_url(f"unix://{way}")
        async with aclosing(listen(behind, silence_s=0.2)) as heard, asyncio.timeout(60):
            assert await anext(heard) is None
            waiting = asyncio.ensure_future(anext(heard))
            await asyncio.wait({waiting}, timeout=1)  # silent, but there: it answers when it is asked
            assert not waiting.done()
            assert len(made) == 1
            made[0].set()
            assert await waiting is None
            assert len(made) == 2
            await redis.publish(f"{PREFIX}x", b"after")
            assert await anext(heard) == b"after"
        await behind.aclose()
