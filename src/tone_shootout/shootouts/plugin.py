"""The plugin of the shootouts domain: routes and services."""

from collections.abc import Sequence

from litestar import Controller, Router
from litestar.config.app import AppConfig
from litestar.di import NamedDependency, Provide
from litestar.params import SkipValidation
from litestar.plugins import InitPlugin
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.http.pictures import PictureEncoder
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage
from tone_shootout.shootouts.config_errors import STATE, ConfigChecker
from tone_shootout.shootouts.controllers import ShootoutController
from tone_shootout.shootouts.library.batch import BatchUploader
from tone_shootout.shootouts.library.batch_controllers import BatchController
from tone_shootout.shootouts.library.controllers import LibraryController, UploadController
from tone_shootout.shootouts.library.demo_controllers import DemoController
from tone_shootout.shootouts.library.filters import provide_item_filter
from tone_shootout.shootouts.library.media_probe import MediaProbe
from tone_shootout.shootouts.library.picture_controllers import PictureController
from tone_shootout.shootouts.library.quota import StorageQuota
from tone_shootout.shootouts.library.services import LibraryService
from tone_shootout.shootouts.library.uploads import FORM_BYTES, delete_stale_uploads
from tone_shootout.shootouts.library.uses import ItemUseController
from tone_shootout.shootouts.services import ShootoutService, rendering_limits
from tone_shootout.shootouts.tones.controllers import ToneController


class ShootoutsPlugin(InitPlugin):
    """Adds the controllers of the library, tones and shootouts, and their services.

    Args:
        settings: of the installation.
        session_maker: opens database sessions.
        controllers: further controllers on the paths of these. Litestar merges controllers with the same path only
            within one router.
    """

    def __init__(
        self, settings: Settings, session_maker: SessionMaker, controllers: Sequence[type[Controller]] = ()
    ) -> None:
        self._controllers = controllers
        self._settings = settings.limits
        self._session_maker = session_maker
        self._limits = rendering_limits(settings.limits)
        self._media_probe = MediaProbe(self._limits)
        self._pictures = PictureEncoder()
        # Not the system's temporary folder, which may be in memory: uploads are large.
        self._upload_folder = settings.data / "incoming"

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Add routes and dependencies."""
        upload_bytes = self._limits.max_upload_bytes + FORM_BYTES
        uploads = Router("/", route_handlers=[UploadController], request_max_body_size=upload_bytes)
        batch_bytes = self._settings.batch_bytes + FORM_BYTES
        batches = Router("/", route_handlers=[BatchController], request_max_body_size=batch_bytes)
        app_config.route_handlers.append(
            Router(
                "/",
                route_handlers=[
                    uploads,
                    batches,
                    DemoController,
                    LibraryController,
                    ItemUseController,
                    PictureController,
                    ShootoutController,
                    ToneController,
                    *self._controllers,
                ],
            )
        )
        app_config.dependencies.update(
            {
                "limits": Provide(lambda: self._limits, sync_to_thread=False),
                "picture_encoder": Provide(lambda: self._pictures, sync_to_thread=False),
                "upload_folder": Provide(lambda: self._upload_folder, sync_to_thread=False),
                "item_filter": Provide(provide_item_filter, sync_to_thread=False),
                "library": Provide(self._provide_library, sync_to_thread=False),
                "batch_uploader": Provide(self._provide_batch_uploader, sync_to_thread=False),
                "shootout_service": Provide(self._provide_shootouts, sync_to_thread=False),
            }
        )
        app_config.state[STATE] = ConfigChecker(self._session_maker, self._limits)
        app_config.on_startup.append(self._prepare_upload_folder)
        return app_config

    def _prepare_upload_folder(self) -> None:
        self._upload_folder.mkdir(parents=True, exist_ok=True)
        delete_stale_uploads(self._upload_folder)

    def _provide_library(
        self,
        db_session: NamedDependency[AsyncSession],
        storage: NamedDependency[Storage],
        quota: NamedDependency[StorageQuota],
    ) -> LibraryService:
        return LibraryService(db_session, storage, self._media_probe, quota)

    def _provide_batch_uploader(
        self,
        session_maker: NamedDependency[SkipValidation[SessionMaker]],
        storage: NamedDependency[Storage],
        quota: NamedDependency[StorageQuota],
    ) -> BatchUploader:
        return BatchUploader(
            session_maker,
            storage,
            self._media_probe,
            quota,
            limits=self._limits,
            upload_folder=self._upload_folder,
            max_files=self._settings.batch_files,
            max_bytes=self._settings.batch_bytes,
        )

    def _provide_shootouts(self, db_session: NamedDependency[AsyncSession]) -> ShootoutService:
        return ShootoutService(db_session, self._limits)
