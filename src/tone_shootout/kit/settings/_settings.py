"""All settings in one object, one field per group."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tone_shootout.kit.settings._infrastructure import (
    DatabaseSettings,
    LogSettings,
    QueueSettings,
    RedisSettings,
    SecuritySettings,
    ServerSettings,
    StorageSettings,
)
from tone_shootout.kit.settings._integrations import Tone3000Settings, WebhookSettings
from tone_shootout.kit.settings._limits import LimitSettings, LiveSettings, RetentionSettings, WorkerSettings
from tone_shootout.kit.settings._urls import http_url


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of the service."""

    data: Path
    """Data folder."""
    environment: Literal["development", "production"] = "development"
    """`production` rejects unsafe values at start."""
    server: ServerSettings = field(default_factory=ServerSettings)
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    redis: RedisSettings = field(default_factory=RedisSettings)
    queue: QueueSettings = field(default_factory=QueueSettings)
    storage: StorageSettings = field(default_factory=StorageSettings)
    security: SecuritySettings = field(default_factory=SecuritySettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    worker: WorkerSettings = field(default_factory=WorkerSettings)
    live: LiveSettings = field(default_factory=LiveSettings)
    tone3000: Tone3000Settings = field(default_factory=Tone3000Settings)
    webhooks: WebhookSettings = field(default_factory=WebhookSettings)
    retention: RetentionSettings = field(default_factory=RetentionSettings)
    log: LogSettings = field(default_factory=LogSettings)

    @property
    def storage_url(self) -> str:
        """URL of the object store; `objects` in the data folder by default."""
        return self.storage.url or (self.data / "objects").absolute().as_uri()

    @property
    def queue_url(self) -> str:
        """URL of the queue; the database by default."""
        return self.queue.url or self.database.url

    @property
    def tone3000_redirect_url(self) -> str:
        """OAuth redirect URL at this service."""
        return self.tone3000.redirect_url or f"{self.public_url}/api/v1/auth/callback"

    @property
    def public_url(self) -> str:
        """Public URL of the service, without a trailing slash."""
        listens_on = http_url(self.server.host, self.server.port)
        return (self.server.public_url or listens_on).rstrip("/") + self.server.root_path
