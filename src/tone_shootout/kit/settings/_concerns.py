"""The concerns: what can be set, with its default and meaning."""

import base64
import re
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from tone_shootout.kit.settings._errors import PREFIX, SettingsError
from tone_shootout.kit.settings._places import ROOT_PATH, http_url

_KEY_BYTES = 32
_HOST = re.compile(r"(?!.*[^.]{64})[\w.:%-]{1,253}")
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Count = Annotated[int, msgspec.Meta(ge=1, le=1024)]
Processes = Annotated[int, msgspec.Meta(ge=0, le=1024)]
Days = Annotated[int, msgspec.Meta(ge=0, le=36_500)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=1_000_000_000)]


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """The web process."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Port = 8000
    """Port to listen on; 0 lets the system choose one."""
    public_url: str = ""
    """Address under which people reach the service, without a path; empty: the address it listens on."""
    root_path: str = ""
    """Path under which a reverse proxy serves it, for instance `/shootout`; empty: none, or the `X-Forwarded-Prefix` of
    a trusted proxy."""
    allowed_origins: list[str] = field(default_factory=list)
    """Further browser origins (scheme, host, port) whose pages may use the API (CORS), open the live channel and send
    cookies."""
    trusted_proxies: list[str] = field(default_factory=list)
    """Addresses or networks of reverse proxies whose `X-Forwarded-For`, `-Proto` and `-Prefix` are believed, for
    instance `10.0.0.1`; `*`: of everybody."""
    grace_s: Annotated[int, msgspec.Meta(ge=0, le=3600)] = 3
    """Seconds that requests get to finish when the web process is told to stop."""
    docs: bool = True
    """Serve `/docs` and `/openapi.json`."""

    def __post_init__(self) -> None:
        """Refuse what no browser could name as an origin: the service would not know its own pages.

        Raises:
            SettingsError: with the variable's name.
        """
        if not _HOST.fullmatch(self.host):
            raise SettingsError(f"{PREFIX}_SERVER_HOST: expected a name or IP address, as 0.0.0.0 or ::1")
        if self.public_url and not _is_origin(self.public_url):
            raise SettingsError(f"{PREFIX}_SERVER_PUBLIC_URL: expected http(s)://host[:port] without a path")
        if self.root_path and not ROOT_PATH.fullmatch(self.root_path):
            raise SettingsError(f"{PREFIX}_SERVER_ROOT_PATH: expected a path such as /shootout, got {self.root_path!r}")
        for origin in self.allowed_origins:
            if not _is_origin(origin):
                raise SettingsError(f"{PREFIX}_SERVER_ALLOWED_ORIGINS: expected http(s)://host[:port], got {origin!r}")
        for proxy in self.trusted_proxies:
            if proxy != "*" and not _is_network(proxy):
                raise SettingsError(f"{PREFIX}_SERVER_TRUSTED_PROXIES: expected an address or network, got {proxy!r}")


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """PostgreSQL."""

    url: str = field(default="", repr=False)
    """`postgresql://user:password@host:port/name?sslmode=…`; empty: the embedded server."""
    pooler: Literal["none", "session", "transaction"] = "none"
    """Pooling of a pgbouncer or its like at that address. `transaction`: nothing is used there that outlives a
    transaction, and the queue is looked through once a second instead of listened to."""
    statement_timeout_s: Annotated[float, msgspec.Meta(ge=0, le=1_000_000)] = 60.0
    """Longest that a statement may take; 0: any time. Migrations are exempt."""
    pool_size: Count = 5
    """Connections that a process keeps open."""
    pool_overflow: Processes = 10
    """Connections that a process opens beyond that under load."""
    echo: bool = False
    """Log every statement (parameters included: never in production)."""


@dataclass(frozen=True, slots=True)
class RedisSettings:
    """Valkey or Redis: the live channel, and the queue where its address says so."""

    url: str = field(default="", repr=False)
    """`valkey://`, `valkeys://`, `redis://` or `rediss://user:password@host:port/0`, or `unix:///path?db=0`; empty: the
    embedded server."""


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """The queue between the service and its workers."""

    url: str = field(default="", repr=False)
    """`postgresql://…`, `valkey://…` or `redis://…` in the forms above; empty: the database."""
    name: str = "shootout"
    """Name of the queue: installations that share a server need different ones."""


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """Where uploads and results are kept."""

    url: str = ""
    """`file:///folder`, `s3://bucket/prefix`, `gs://…` or `az://…`; empty: `objects` in the data folder."""
    options: dict[str, str] = field(default_factory=dict, repr=False)
    """Further options for the store: `aws_region=eu-central-1,aws_endpoint=https://…`, or a JSON object."""
    free_bytes: int = 200_000_000
    """Room that must be left on the disks of the data folder and of a storage that is a folder: with less, the service
    is not ready and workers take no jobs. 0: any."""


@dataclass(frozen=True, slots=True)
class SecuritySettings:
    """Sessions and cookies."""

    secret: str = field(default="", repr=False)
    """Signs the sessions: at least 32 characters, the same on every web process."""
    encryption_keys: list[str] = field(default_factory=list, repr=False)
    """Encrypt what is stored and must be read again: Fernet keys (32 bytes in URL-safe Base64), separated by commas or
    as a JSON list. The first one encrypts, all of them decrypt."""
    access_minutes: Positive = 15
    """Life of an access token."""
    refresh_days: Annotated[int, msgspec.Meta(ge=1, le=36_500)] = 30
    """Life of a session that is not used."""
    cookie_secure: bool = False
    """Send cookies over HTTPS only. Required in production."""
    sign_up: bool = True
    """Whoever signs in with TONE3000 for the first time becomes a user; false: only who is one already, and has
    connected TONE3000."""

    def __post_init__(self) -> None:
        """Refuse what is no key, before something is stored.

        Raises:
            SettingsError: with the variable's name, and without its value.
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
class LimitSettings:
    """What one user may send and ask for."""

    upload_bytes: int = 200_000_000
    """Largest upload."""
    capture_bytes: int = 16_000_000
    """Largest capture file."""
    di_seconds: float = 600.0
    """Longest DI track."""
    ir_seconds: float = 10.0
    """Longest impulse response."""
    di_tracks: int = 8
    """DI tracks in a shootout."""
    chains: int = 16
    """Chains in a shootout."""
    segments: int = 64
    """Segments in a shootout."""
    cache_bytes: int = 2_000_000_000
    """Rendered sound that is kept for each user, so that nothing is rendered twice; what was used longest ago goes.
    0: none, and a job that is interrupted starts from nothing."""
    body_bytes: int = 1_000_000
    """Largest JSON body."""
    body_grace_s: float = 30.0
    """Seconds in which a body need not have begun; beyond them it has to come at least at the speed below."""
    body_bytes_per_s: Positive = 10_000
    """Slowest that a body may come in, on an average from its beginning."""
    storage_bytes: int = 20_000_000_000
    """What one user may have stored, library and results together; 0: any number of bytes."""
    library_items: int = 5000
    """Items in a user's library; 0: any number."""
    requests_per_minute: int = 1500
    """Requests of one user; 0: any number."""
    address_requests_per_minute: int = 3000
    """Requests from one address, whoever they are of; 0: any number. Health and metrics are never limited. Behind a
    proxy, name it in `SHOOTOUT_SERVER_TRUSTED_PROXIES`: all requests seem to come from it otherwise."""
    streams: int = 1000
    """WebSockets and server-sent events that one user may have open at once in one web process, each some 50 kB of its
    memory; 0: any number."""
    failed_sign_ins: int = 20
    """Sign-ins from one address that may fail within five minutes; then further ones are refused unread. 0: any
    number."""
    running_jobs: int = 4
    """Jobs of one user that run at once; the others wait."""
    queued_jobs: int = 100
    """Jobs of one user that are not finished; a further one is refused until one of them ends."""


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """The worker process."""

    jobs: Count = 1
    """Jobs that a worker carries out at once."""
    short_jobs: Processes = 1
    """Short jobs that it carries out beside them, so that a long one does not hold them up."""
    short_s: float = 20.0
    """Up to so many estimated seconds on one core a job counts as short."""
    patience_s: float = 300.0
    """A long job that has waited for so long is overtaken by its owner's short ones no more."""
    processes: Processes = 0
    """Processes that render for one job; 0: one per core."""
    sweep_s: Seconds = 10.0
    """Seconds between two looks for jobs that the queue has lost."""
    heartbeat_s: Positive = 15
    """A running job that has not been heard of for this long is run again."""
    attempts: Positive = 5
    """Times that a job is begun, each interrupted by a fault, before it counts as failed."""
    backoff_s: float = 2.0
    """Wait before an interrupted job begins again; doubled with every further interruption."""
    backoff_max_s: float = 300.0
    """Longest such wait."""
    timeout_s: Positive = 3600
    """Longest that one attempt may take."""
    grace_s: int = 5
    """Time that a worker gets to let go of its work when it is told to stop."""


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """The live channel: WebSockets and server-sent events."""

    heartbeat_s: Seconds = 15.0
    """Seconds of silence after which a connection shows that it lives; below what proxies on the way bear. A WebSocket
    whose client does not answer for as long again is closed, and so is a client of any other answer that takes nothing
    of it for four times as long."""
    backlog: Positive = 200
    """Newest events of a watched job that a web process keeps in memory; slower readers read the database."""


@dataclass(frozen=True, slots=True)
class Tone3000Settings:
    """TONE3000: signing in with it, and its library."""

    base_url: str = "https://www.tone3000.com"
    """Where TONE3000 is, without a path."""
    client_id: str = ""
    """Publishable key (`t3k_pub_…`) of this installation; empty: TONE3000 can't be used. Never a secret key."""
    redirect_url: str = ""
    """Where TONE3000 sends people back to; empty: `/api/v1/auth/callback` under the public address."""
    search: bool = False
    """Offer the search of the whole library, which TONE3000 reserves for commercial agreements."""
    file_hosts: list[str] = field(default_factory=lambda: ["api.tone3000.com"])
    """Further hosts from which a file may come when TONE3000 sends us on to them; they never see a token."""
    requests_per_minute: Positive = 100
    """Requests of the whole installation; TONE3000 grants so many."""
    searches_per_minute: Positive = 10
    """How many of them may be searches."""
    patience_s: float = 5.0
    """Longest that a request waits for its turn."""
    attempts: Positive = 3
    """Times that something is asked for (never changed) when TONE3000 does not answer."""
    timeout_s: Seconds = 30.0
    """Longest wait for an answer."""
    download_timeout_s: Seconds = 120.0
    """Longest that a file may take."""
    answer_bytes: Positive = 4_000_000
    """Largest answer that is read."""
    download_bytes: Positive = 16_777_216
    """Largest file that is fetched."""

    def __post_init__(self) -> None:
        """Refuse what would give a secret away.

        Raises:
            SettingsError: with the variable's name, and without its value.
        """
        if self.client_id.startswith("t3k_cs_"):
            raise SettingsError(f"{PREFIX}_TONE3000_CLIENT_ID: got a secret key, expected the publishable t3k_pub_…")
        if self.redirect_url and not _is_origin(re.sub(r"(?<=[^/:])/.*", "", self.redirect_url)):
            raise SettingsError(f"{PREFIX}_TONE3000_REDIRECT_URL: expected http(s)://host[:port]/path")
        if not all(_HOST.fullmatch(host) for host in self.file_hosts):
            raise SettingsError(f"{PREFIX}_TONE3000_FILE_HOSTS: expected names of hosts, as api.tone3000.com")
        if not _is_origin(self.base_url):
            raise SettingsError(f"{PREFIX}_TONE3000_BASE_URL: expected scheme and host alone")
        parts = urlsplit(self.base_url)
        if parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise SettingsError(f"{PREFIX}_TONE3000_BASE_URL: expected https://… (http:// on this machine only)")


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """What is sent to users' own addresses."""

    endpoints: int = 10
    """Webhooks that one user may have."""
    allowed_networks: list[str] = field(default_factory=list)
    """Networks that may be reached although they are not public, in CIDR notation, separated by commas, for instance
    `10.0.0.0/8`."""
    timeout_s: Seconds = 10.0
    """Longest that sending one message may take, its answer included."""
    poll_s: Seconds = 1.0
    """Seconds between two looks for messages that are due."""

    def __post_init__(self) -> None:
        """Refuse what is no network.

        Raises:
            SettingsError: with the variable's name.
        """
        try:
            for network in self.allowed_networks:
                ip_network(network)
        except ValueError as error:
            raise SettingsError(f"{PREFIX}_WEBHOOKS_ALLOWED_NETWORKS: {error}") from None


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """How long what is kept that nobody deletes. Library, shootouts and results stay until their owner deletes them."""

    events_days: Days = 30
    """Days that the progress of a finished job is kept; its statuses stay as long as the job."""
    tokens_days: Days = 30
    """Days that the record of an API token is kept after it expired or was revoked."""
    deliveries_days: Days = 30
    """Days that what was sent to webhooks is kept."""
    orphans_hours: Annotated[int, msgspec.Meta(ge=0, le=876_000)] = 24
    """Hours before an object that nothing names is deleted; never less than two attempts at a job may take."""


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Logs."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severe level that is written."""
    format: Literal["console", "json"] = "console"
    """For people or for machines."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All of it."""

    data: Path
    """Folder that holds what must survive."""
    environment: Literal["development", "production"] = "development"
    """In production, unsafe values refuse to start."""
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
        """The object store's address, the data folder's `objects` where none is set."""
        return self.storage.url or (self.data / "objects").absolute().as_uri()

    @property
    def queue_url(self) -> str:
        """The queue's address, the database where none is set."""
        return self.queue.url or self.database.url

    @property
    def tone3000_redirect_url(self) -> str:
        """Where TONE3000 sends people back to after they have signed in."""
        return self.tone3000.redirect_url or f"{self.public_url}/api/v1/auth/callback"

    @property
    def public_url(self) -> str:
        """The address under which people reach the service, without a trailing slash."""
        listens_on = http_url(self.server.host, self.server.port)
        return (self.server.public_url or listens_on).rstrip("/") + self.server.root_path


def _is_origin(url: str) -> bool:
    """Tell whether an address is scheme, host and perhaps port, and nothing else."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    rest = parts.path.strip("/") or parts.query or parts.fragment or parts.username
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not rest


def _is_network(text: str) -> bool:
    """Tell whether it is an IP address or network."""
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True
