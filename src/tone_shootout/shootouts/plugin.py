"""How the shootouts domain enters the application."""

from litestar import Router
from litestar.config.app import AppConfig
from litestar.di import NamedDependency, Provide
from litestar.plugins import InitPlugin
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage
from tone_shootout.shootouts.controllers import LibraryController, ShootoutController, UploadController
from tone_shootout.shootouts.library.media_probe import MediaProbe
from tone_shootout.shootouts.library.quota import StorageQuota
from tone_shootout.shootouts.library.uploads import FORM_BYTES, clear_incoming
from tone_shootout.shootouts.services import LibraryService, ShootoutService, rendering_limits
from tone_shootout.shootouts.tones.controllers import ToneController


class ShootoutsPlugin(InitPlugin):
    """Controllers of the library and of shootouts, and their services."""

    def __init__(self, settings: Settings) -> None:
        self._limits = rendering_limits(settings.limits)
        self._media_probe = MediaProbe(self._limits)
        # Not the system's temporary folder: that may be memory, and an upload is large.
        self._incoming = settings.data / "incoming"

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Add what the domain brings."""
        upload_bytes = self._limits.max_upload_bytes + FORM_BYTES
        uploads = Router("/", route_handlers=[UploadController], request_max_body_size=upload_bytes)
        app_config.route_handlers.append(
            Router("/", route_handlers=[uploads, LibraryController, ShootoutController, ToneController])
        )
        app_config.dependencies.update(
            {
                "limits": Provide(lambda: self._limits, sync_to_thread=False),
                "incoming": Provide(lambda: self._incoming, sync_to_thread=False),
                "library": Provide(self._provide_library, sync_to_thread=False),
                "shootout_service": Provide(self._provide_shootouts, sync_to_thread=False),
            }
        )
        app_config.on_startup.append(self._prepare_incoming)
        return app_config

    def _prepare_incoming(self) -> None:
        self._incoming.mkdir(parents=True, exist_ok=True)
        clear_incoming(self._incoming)

    def _provide_library(
        self,
        db_session: NamedDependency[AsyncSession],
        storage: NamedDependency[Storage],
        quota: NamedDependency[StorageQuota],
    ) -> LibraryService:
        return LibraryService(db_session, storage, self._media_probe, quota)

    def _provide_shootouts(self, db_session: NamedDependency[AsyncSession]) -> ShootoutService:
        return ShootoutService(db_session, self._limits)
