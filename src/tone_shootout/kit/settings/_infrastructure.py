"""Settings of the web process, the servers it uses, security and logs."""

import base64
from dataclasses import dataclass, field
from typing import Annotated, Literal

import msgspec

from tone_shootout.kit.settings._errors import PREFIX, SettingsError
from tone_shootout.kit.settings._types import Count, Port, Positive, Processes
from tone_shootout.kit.settings._urls import HOST, ROOT_PATH, is_network, is_origin

_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Web process."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Port = 8000
    """Port to listen on; 0: a free port."""
    public_url: str = ""
    """Public URL of the service, without a path; empty: the address it listens on."""
    root_path: str = ""
    """Path prefix behind a reverse proxy, for instance `/shootout`; empty: the `X-Forwarded-Prefix` of a trusted proxy,
    if any."""
    allowed_origins: list[str] = field(default_factory=list)
    """Additional browser origins (scheme, host, port) allowed to use the API (CORS), open the live channel and send
    cookies."""
    trusted_proxies: list[str] = field(default_factory=list)
    """Addresses or networks of reverse proxies whose `X-Forwarded-For`, `-Proto` and `-Prefix` are trusted, for
    instance `10.0.0.1`; `*`: all."""
    grace_s: Annotated[int, msgspec.Meta(ge=0, le=3600)] = 3
    """Seconds that open requests have to finish after a stop signal."""
    docs: bool = True
    """Serve `/docs` and `/openapi.json`."""

    def __post_init__(self) -> None:
        """Reject addresses that no browser sends as an origin, and malformed hosts, paths and proxies.

        Raises:
            SettingsError: names the variable.
        """
        if not HOST.fullmatch(self.host):
            raise SettingsError(f"{PREFIX}_SERVER_HOST: expected a name or IP address, as 0.0.0.0 or ::1")
        if self.public_url and not is_origin(self.public_url):
            raise SettingsError(f"{PREFIX}_SERVER_PUBLIC_URL: expected http(s)://host[:port] without a path")
        if self.root_path and not ROOT_PATH.fullmatch(self.root_path):
            raise SettingsError(f"{PREFIX}_SERVER_ROOT_PATH: expected a path such as /shootout, got {self.root_path!r}")
        for origin in self.allowed_origins:
            if not is_origin(origin):
                raise SettingsError(f"{PREFIX}_SERVER_ALLOWED_ORIGINS: expected http(s)://host[:port], got {origin!r}")
        for proxy in self.trusted_proxies:
            if proxy != "*" and not is_network(proxy):
                raise SettingsError(f"{PREFIX}_SERVER_TRUSTED_PROXIES: expected an address or network, got {proxy!r}")


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """PostgreSQL."""

    url: str = field(default="", repr=False)
    """`postgresql://user:password@host:port/name?sslmode=…`; empty: the embedded server."""
    pooler: Literal["none", "session", "transaction"] = "none"
    """Pooling mode of a connection pooler (pgbouncer, for instance) at that address. `transaction`: no prepared
    statements and no LISTEN; workers poll the queue once a second."""
    statement_timeout_s: Annotated[float, msgspec.Meta(ge=0, le=1_000_000)] = 60.0
    """Longest duration of a statement; 0: no limit. Migrations are exempt."""
    pool_size: Count = 15
    """Connections per process. They are opened when they are needed, and stay open."""
    pool_overflow: Processes = 0
    """Additional connections per process under load. Each is closed after its use, and opening one takes longer than
    most requests."""
    echo: bool = False
    """Log every statement with its parameters; rejected in production."""


@dataclass(frozen=True, slots=True)
class RedisSettings:
    """Valkey or Redis: the live channel, and the queue if its URL says so."""

    url: str = field(default="", repr=False)
    """`valkey://`, `valkeys://`, `redis://` or `rediss://user:password@host:port/0`, or `unix:///path?db=0`; empty: the
    embedded server."""


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """Queue between web processes and workers."""

    url: str = field(default="", repr=False)
    """`postgresql://…`, `valkey://…` or `redis://…` as above; empty: the database."""
    name: str = "shootout"
    """Name of the queue; installations that share a server need different names."""


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """Storage of uploads and results."""

    url: str = ""
    """`file:///folder`, `s3://bucket/prefix`, `gs://…` or `az://…`; empty: `objects` in the data folder."""
    options: dict[str, str] = field(default_factory=dict, repr=False)
    """Options of the store: `aws_region=eu-central-1,aws_endpoint=https://…`, or a JSON object."""
    free_bytes: int = 200_000_000
    """Free space required on the disks of the data folder and of a storage folder. With less, the service reports not
    ready and workers take no jobs. 0: no check."""


@dataclass(frozen=True, slots=True)
class SecuritySettings:
    """Sessions and cookies."""

    secret: str = field(default="", repr=False)
    """Signs sessions: at least 32 characters, the same in all web processes."""
    encryption_keys: list[str] = field(default_factory=list, repr=False)
    """Encrypt stored secrets: Fernet keys (32 bytes in URL-safe Base64), separated by commas or as a JSON list. The
    first key encrypts, all keys decrypt."""
    access_minutes: Positive = 15
    """Lifetime of an access token."""
    refresh_days: Annotated[int, msgspec.Meta(ge=1, le=36_500)] = 30
    """Lifetime of an unused session."""
    cookie_secure: bool = False
    """Send cookies over HTTPS only. Required in production."""
    sign_up: bool = True
    """Create a user at the first sign-in with TONE3000; false: only existing users who have connected TONE3000 can sign
    in with it."""

    def __post_init__(self) -> None:
        """Reject malformed keys at start, before a secret is stored.

        Raises:
            SettingsError: names the variable, without its value.
        """
        for key in self.encryption_keys:
            try:
                is_key = len(base64.urlsafe_b64decode(key.encode())) == _KEY_BYTES
            except ValueError:
                is_key = False
            if not is_key:
                raise SettingsError(
                    f"{PREFIX}_SECURITY_ENCRYPTION_KEYS: expected keys of {_KEY_BYTES} bytes in URL-safe Base64"
                )


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Logs."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Minimum level."""
    format: Literal["console", "json"] = "console"
    """`console` for people, `json` for machines."""
