"""Load the settings from environment variables and reject unsafe values."""

import base64
import difflib
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, get_origin
from urllib.parse import urlsplit

import msgspec

from tone_shootout.kit.settings._errors import PREFIX, SettingsError
from tone_shootout.kit.settings._object_store import store_options, store_url
from tone_shootout.kit.settings._postgres import parse_postgres
from tone_shootout.kit.settings._redis import broker_url
from tone_shootout.kit.settings._settings import Settings

MINIMUM_SECRET_LENGTH = 32
_LARGEST = (1 << 63) - 1
_OTHERS = frozenset(
    f"{PREFIX}_{name}"
    for name in ("BACKUP_KEY", "DATA", "ENGINE", "ENVIRONMENT", "KERNELS", "ORDERS", "SUPERVISED", "TOKEN", "URL")
)
"""Variables with our prefix that belong to no group."""
_SERVICE_LINK = re.compile(r"\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)?)")
"""Variables that Kubernetes sets for each Service; one named shootout-database would get our prefix."""


def default_data_folder() -> Path:
    """Return the platform's data folder of this user.

    Raises:
        SettingsError: the user has no home folder, for instance in a container with an arbitrary user id.
    """
    import platformdirs

    try:
        return Path(platformdirs.user_data_dir("tone-shootout", appauthor=False))
    except (RuntimeError, KeyError):
        raise SettingsError(
            f"{PREFIX}_DATA: not set, and this user has no home folder: name a folder for the data"
        ) from None


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Load the settings from `environ`, the environment of the process by default.

    An empty or blank variable counts as not set. Lists are separated by commas, or JSON.

    Raises:
        SettingsError: a value is invalid, a name is unknown, or, in production, a value is unsafe; one line.
    """
    given = _given(os.environ if environ is None else environ)
    _refuse_unknown(given)
    groups = {name: _load_group(kind, f"{PREFIX}_{name.upper()}_", given) for name, kind in _groups()}
    environment = given.get(f"{PREFIX}_ENVIRONMENT", "development")
    if environment not in ("development", "production"):
        raise SettingsError(f"{PREFIX}_ENVIRONMENT: expected development or production, got {environment!r}")
    settings = Settings(
        data=Path(given.get(f"{PREFIX}_DATA") or default_data_folder()).absolute(),
        environment="production" if environment == "production" else "development",
        **groups,
    )
    _check_addresses(settings)
    if settings.environment == "production":
        _refuse_unsafe(settings)
    return settings


def require_servers(settings: Settings) -> None:
    """Require the URLs of database and Redis.

    Raises:
        SettingsError: one of them is not set.
    """
    for name, value in (("DATABASE", settings.database.url), ("REDIS", settings.redis.url)):
        if not value:
            raise SettingsError(f"{PREFIX}_{name}_URL: not set (`shootout serve` starts servers of its own)")


def new_secret() -> str:
    """Return a new signing secret."""
    return secrets.token_urlsafe(48)


def new_encryption_key() -> str:
    """Return a new key for the key ring."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _groups() -> Iterator[tuple[str, type[Any]]]:
    """Yield the name and class of each group."""
    for group in fields(Settings):
        kind: Any = group.default_factory
        if isinstance(kind, type):
            yield group.name, kind


def _given(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with our prefix that have a value.

    Raises:
        SettingsError: a value is not UTF-8.
    """
    found: dict[str, str] = {}
    for name, text in environ.items():
        if name.startswith(f"{PREFIX}_") and text.strip():
            try:
                text.encode()
            except UnicodeEncodeError:  # Python represents undecodable bytes as surrogates
                raise SettingsError(f"{_plain(name)}: expected UTF-8") from None
            found[name] = text.strip()
    return found


def _refuse_unknown(given: Mapping[str, str]) -> None:
    known = {f"{PREFIX}_{group.upper()}_{f.name.upper()}": group for group, kind in _groups() for f in fields(kind)}
    for name in sorted(given):
        if name in known or name in _OTHERS or _SERVICE_LINK.fullmatch(name):
            continue
        near = difflib.get_close_matches(name, [*known, *_OTHERS], n=1, cutoff=0.8)
        if near:
            raise SettingsError(f"{_plain(name)}: no such setting; did you mean {near[0]}?")
        group = name.removeprefix(f"{PREFIX}_").partition("_")[0].lower()
        siblings = sorted(other for other, owner in known.items() if owner == group)
        if siblings:
            raise SettingsError(f"{_plain(name)}: no such setting; expected one of {', '.join(siblings)}")


def _load_group(kind: type[Any], prefix: str, given: Mapping[str, str]) -> Any:
    values: dict[str, Any] = {}
    for f in fields(kind):
        name = f"{prefix}{f.name.upper()}"
        if name in given:
            values[f.name] = _value(name, given[name], f.type)
    return kind(**values)


def _value(name: str, text: str, kind: Any) -> Any:
    shape = get_origin(kind)
    if shape is None and kind is str and not text.isprintable():
        raise SettingsError(f"{name}: expected one line without control characters")
    try:
        raw = _parse_list(text) if shape is list else _parse_options(text) if shape is dict else text
        value = msgspec.convert(raw, kind, strict=False)
    except (msgspec.ValidationError, msgspec.DecodeError, ValueError) as error:
        raise SettingsError(f"{name}: {_reason(str(error), name, text, shape)}") from None
    if isinstance(value, int | float) and not 0 <= value <= _LARGEST:
        raise SettingsError(f"{name}: expected a number from 0 to {_LARGEST}")
    items = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    if not all(item.isprintable() for item in items):
        raise SettingsError(f"{name}: expected values without control characters")
    return value


def _parse_list(text: str) -> Any:
    """Parse a list, as JSON or separated by commas or white space."""
    return msgspec.json.decode(text) if text.startswith("[") else [item for item in re.split(r"[\s,]+", text) if item]


def _parse_options(text: str) -> Any:
    """Parse options, as a JSON object or as `name=value,name=value`."""
    if text.startswith("{"):
        return msgspec.json.decode(text)
    pairs = [pair.partition("=") for pair in re.split(r"[\s,]+", text) if pair]
    if not all(name and equals for name, equals, _ in pairs):
        raise ValueError("expected name=value")
    return {name: value for name, _, value in pairs}


def _reason(error: str, name: str, text: str, shape: Any) -> str:
    if shape is list:
        return 'expected values separated by commas, or a JSON list: a,b or ["a", "b"]'
    if shape is dict:
        return 'expected name=value,name=value or a JSON object: {"name": "value"}'
    if _SERVICE_LINK.fullmatch(name) and "://" in text:
        return "Kubernetes sets this for a Service of that name; set enableServiceLinks: false in the pod"
    return error


def _check_addresses(settings: Settings) -> None:
    if settings.database.url:
        _check_postgres(settings.database.url, f"{PREFIX}_DATABASE_URL")
    if settings.redis.url:
        broker_url(settings.redis.url)
    if settings.queue.url:
        check_queue_url(settings.queue.url)
    if settings.storage.url:
        store_url(settings.storage.url)
    store_options(settings.storage.url, settings.storage.options)


def check_queue_url(url: str) -> str:
    """Return the backend of a queue URL: `postgres` or `broker`.

    Raises:
        SettingsError: the URL is neither, or invalid.
    """
    if url.startswith("postgres"):
        _check_postgres(url, "SHOOTOUT_QUEUE_URL")
        return "postgres"
    try:
        broker_url(url, "SHOOTOUT_QUEUE_URL")
    except SettingsError as error:
        raise SettingsError(f"{error}; or postgresql://… as for SHOOTOUT_DATABASE_URL") from None
    return "broker"


def _check_postgres(url: str, variable: str) -> None:
    """Validate a URL as both drivers would: reads certificates, opens no connection."""
    address = parse_postgres(url, variable)
    address.asyncpg()
    address.psycopg()


def _plain(name: str) -> str:
    """Return a variable's name in printable characters."""
    return name.encode(errors="backslashreplace").decode() if name.isprintable() else ascii(name)


def _refuse_unsafe(settings: Settings) -> None:
    if len(settings.security.secret) < MINIMUM_SECRET_LENGTH:
        raise SettingsError(f"{PREFIX}_SECURITY_SECRET: production needs at least {MINIMUM_SECRET_LENGTH} characters")
    if len(set(settings.security.secret)) < MINIMUM_SECRET_LENGTH // 4:
        raise SettingsError(f"{PREFIX}_SECURITY_SECRET: production needs a random value")
    if not settings.security.encryption_keys:
        raise SettingsError(f"{PREFIX}_SECURITY_ENCRYPTION_KEYS: production needs at least one key")
    if not settings.security.cookie_secure:
        raise SettingsError(f"{PREFIX}_SECURITY_COOKIE_SECURE: production needs it to be true")
    if urlsplit(settings.server.public_url).scheme != "https":
        raise SettingsError(f"{PREFIX}_SERVER_PUBLIC_URL: production needs an https:// address")
    if urlsplit(settings.tone3000.base_url).scheme != "https":
        raise SettingsError(f"{PREFIX}_TONE3000_BASE_URL: production needs an https:// address")
    if settings.database.echo:
        raise SettingsError(f"{PREFIX}_DATABASE_ECHO: writes personal data to the logs; not allowed in production")
