"""Everything that an operator can set, read once from the environment.

Each concern is a dataclass; the field `url` of `database` is set by `SHOOTOUT_DATABASE_URL`, and so on: prefix,
concern, field. `load_settings` converts and checks; a value that can't be used stops the program with one line that
names it.
"""

from tone_shootout.kit.settings._broker import broker_url
from tone_shootout.kit.settings._bucket import store_options, store_url
from tone_shootout.kit.settings._concerns import (
    DatabaseSettings,
    LimitSettings,
    LiveSettings,
    LogSettings,
    QueueSettings,
    RedisSettings,
    RetentionSettings,
    SecuritySettings,
    ServerSettings,
    Settings,
    StorageSettings,
    Tone3000Settings,
    WebhookSettings,
    WorkerSettings,
)
from tone_shootout.kit.settings._errors import PREFIX, SettingsError
from tone_shootout.kit.settings._places import ROOT_PATH, http_url, origin_of, reachable_host
from tone_shootout.kit.settings._postgres import PostgresAddress, parse_postgres
from tone_shootout.kit.settings._reading import (
    MINIMUM_SECRET_LENGTH,
    check_queue_url,
    default_data_folder,
    load_settings,
    new_encryption_key,
    new_secret,
    require_servers,
)

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
