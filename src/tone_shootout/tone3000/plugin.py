"""Litestar plugin of the TONE3000 client."""

from litestar.config.app import AppConfig
from litestar.di import Provide
from litestar.plugins import InitPlugin

from tone_shootout.tone3000.client import Tone3000
from tone_shootout.tone3000.download import Downloads
from tone_shootout.tone3000.http_client import HttpClient
from tone_shootout.tone3000.oauth import OAuthClient


class Tone3000Plugin(InitPlugin):
    """Provides the dependencies `tone3000`, `tone3000_oauth` and `tone3000_downloads`.

    Args:
        http_client: HTTP client shared by the process; the caller closes it.
    """

    def __init__(self, http_client: HttpClient) -> None:
        self._http_client = http_client

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Add the dependencies."""
        app_config.dependencies.update(
            {
                "tone3000": Provide(lambda: Tone3000(self._http_client), sync_to_thread=False),
                "tone3000_oauth": Provide(lambda: OAuthClient(self._http_client), sync_to_thread=False),
                "tone3000_downloads": Provide(lambda: Downloads(self._http_client), sync_to_thread=False),
            }
        )
        return app_config
