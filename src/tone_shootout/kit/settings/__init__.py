"""Settings of the service, read once from environment variables.

Each group is a dataclass. A variable's name is prefix, group and field: `SHOOTOUT_DATABASE_URL` sets the field `url` of
`database`. `load_settings` converts and validates; an invalid value stops the program with one line that names it.
"""

from tone_shootout.kit.settings._errors import PREFIX, SettingsError
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
from tone_shootout.kit.settings._loader import (
    MINIMUM_SECRET_LENGTH,
    check_queue_url,
    default_data_folder,
    load_settings,
    new_encryption_key,
    new_secret,
    require_servers,
)
from tone_shootout.kit.settings._object_store import store_options, store_url
from tone_shootout.kit.settings._postgres import PostgresAddress, parse_postgres
from tone_shootout.kit.settings._redis import broker_url
from tone_shootout.kit.settings._settings import Settings
from tone_shootout.kit.settings._urls import ROOT_PATH, http_url, origin_of, reachable_host

__all__ = [
    "MINIMUM_SECRET_LENGTH",
    "PREFIX",
    "ROOT_PATH",
    "DatabaseSettings",
    "LimitSettings",
    "LiveSettings",
    "LogSettings",
    "PostgresAddress",
    "QueueSettings",
    "RedisSettings",
    "RetentionSettings",
    "SecuritySettings",
    "ServerSettings",
    "Settings",
    "SettingsError",
    "StorageSettings",
    "Tone3000Settings",
    "WebhookSettings",
    "WorkerSettings",
    "broker_url",
    "check_queue_url",
    "default_data_folder",
    "http_url",
    "load_settings",
    "new_encryption_key",
    "new_secret",
    "origin_of",
    "parse_postgres",
    "reachable_host",
    "require_servers",
    "store_options",
    "store_url",
]
