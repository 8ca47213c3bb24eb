"""How TONE3000 enters the application."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from litestar import Litestar
from litestar.config.app import AppConfig
from litestar.di import Provide
from litestar.plugins import InitPlugin
from redis.asyncio import Redis

from tone_shootout.kit.settings import Tone3000Settings
from tone_shootout.tone3000.client import Tone3000
from tone_shootout.tone3000.download import Downloads
from tone_shootout.tone3000.http_client import HttpClient
from tone_shootout.tone3000.oauth import SignIn


class Tone3000Plugin(InitPlugin):
    """The client as `tone3000`, `tone3000_sign_in` and `tone3000_downloads`, one for the whole process."""

    def __init__(self, settings: Tone3000Settings, redis: Redis) -> None:
        self._calls = HttpClient(settings, redis)

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Add the client."""
        app_config.dependencies.update(
            {
                "tone3000": Provide(lambda: Tone3000(self._calls), sync_to_thread=False),
                "tone3000_sign_in": Provide(lambda: SignIn(self._calls), sync_to_thread=False),
                "tone3000_downloads": Provide(lambda: Downloads(self._calls), sync_to_thread=False),
            }
        )
        app_config.lifespan.append(self._lifespan)
        return app_config

    @asynccontextmanager
    async def _lifespan(self, _app: Litestar) -> AsyncGenerator[None, None]:
        async with self._calls:
            yield
