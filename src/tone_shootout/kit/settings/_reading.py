"""Reading the settings from the environment, and refusing those that are not safe."""

import base64
import math
import os
import secrets
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from tone_shootout.kit.settings._concerns import PREFIX, Settings, SettingsError

MINIMUM_SECRET_LENGTH = 32


def default_data_folder() -> Path:
    """Return the platform's folder for this user's data."""
    import platformdirs

    return Path(platformdirs.user_data_dir("tone-shootout", appauthor=False))


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `environ` (the process's environment by default).

    Raises:
        SettingsError: a variable that can't be converted, an unknown `SHOOTOUT_` variable of a known concern, or, in
            production, an unsafe value.
    """
    environ = os.environ if environ is None else environ
    groups: dict[str, Any] = {}
    for group in fields(Settings):
        if not (isinstance(group.default_factory, type)):
            continue
        groups[group.name] = _load_group(group.default_factory, f"{PREFIX}_{group.name.upper()}_", environ)
    environment = environ.get(f"{PREFIX}_ENVIRONMENT", "development")
    if environment not in ("development", "production"):
        raise SettingsError(f"{PREFIX}_ENVIRONMENT: expected development or production, got {environment!r}")
    settings = Settings(
        data=Path(environ.get(f"{PREFIX}_DATA") or default_data_folder()).absolute(),
        environment="production" if environment == "production" else "development",
        **groups,
    )
    if settings.environment == "production":
        _refuse_unsafe(settings)
    return settings


def require_servers(settings: Settings) -> None:
    """Refuse to go on without a database and a broker.

    Raises:
        SettingsError: an address is missing.
    """
    for name, value in (("DATABASE", settings.database.url), ("REDIS", settings.redis.url)):
        if not value:
            raise SettingsError(f"{PREFIX}_{name}_URL: not set (`shootout serve` brings servers of its own)")


def new_secret() -> str:
    """Return a fresh signing secret."""
    return secrets.token_urlsafe(48)


def new_encryption_key() -> str:
    """Return a fresh key for the key ring."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _load_group(kind: type[Any], prefix: str, environ: Mapping[str, str]) -> Any:
    known = {f"{prefix}{f.name.upper()}": f for f in fields(kind)}
    unknown = sorted(name for name in environ if name.startswith(prefix) and name not in known)
    if unknown:
        raise SettingsError(f"{unknown[0]}: no such setting; expected one of {', '.join(sorted(known))}")
    values: dict[str, Any] = {}
    for name, f in known.items():
        text = environ.get(name)
        if text is None:
            continue
        try:
            structured = str(f.type).startswith(("list", "dict"))
            value = msgspec.json.decode(text) if structured else text
            values[f.name] = msgspec.convert(value, f.type, strict=False)
            if isinstance(values[f.name], int | float) and not 0 <= values[f.name] < math.inf:
                raise msgspec.ValidationError(f"expected a number from 0, got {text}")
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            raise SettingsError(f"{name}: {error}") from None
    return kind(**values)


def _refuse_unsafe(settings: Settings) -> None:
    if len(settings.security.secret) < MINIMUM_SECRET_LENGTH:
        raise SettingsError(f"{PREFIX}_SECURITY_SECRET: production needs at least {MINIMUM_SECRET_LENGTH} characters")
    if len(set(settings.security.secret)) < MINIMUM_SECRET_LENGTH // 4:
        raise SettingsError(f"{PREFIX}_SECURITY_SECRET: production needs a random value, this one repeats itself")
    if not settings.security.encryption_keys:
        raise SettingsError(f"{PREFIX}_SECURITY_ENCRYPTION_KEYS: production needs at least one")
    if not settings.security.cookie_secure:
        raise SettingsError(f"{PREFIX}_SECURITY_COOKIE_SECURE: production needs it to be true")
    if urlsplit(settings.server.public_url).scheme != "https":
        raise SettingsError(f"{PREFIX}_SERVER_PUBLIC_URL: production needs an https:// address")
    if urlsplit(settings.tone3000.base_url).scheme != "https":
        raise SettingsError(f"{PREFIX}_TONE3000_BASE_URL: production needs an https:// address")
    if settings.database.echo:
        raise SettingsError(f"{PREFIX}_DATABASE_ECHO: would write personal data into the logs, refused in production")
