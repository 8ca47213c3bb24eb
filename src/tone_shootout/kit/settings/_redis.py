"""URLs of Valkey and Redis, as hosting providers give them, converted to the form that redis-py accepts."""

import os
import re
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from tone_shootout.kit.settings._errors import SettingsError

FORM = "valkey://, valkeys://, redis:// or rediss://user:password@host:port/0, or unix:///path?db=0"
_SCHEMES = {"redis": "redis", "rediss": "rediss", "valkey": "redis", "valkeys": "rediss", "unix": "unix"}
_SCHEMES |= {"redis+socket": "unix", "redis+unix": "unix", "valkey+unix": "unix"}
_VERIFICATION = {"none": "none", "optional": "optional", "required": "required"}
_VERIFICATION |= {f"CERT_{name.upper()}": name for name in ("none", "optional", "required")}
_TLS = frozenset({"ssl_cert_reqs", "ssl_check_hostname", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile"})
_SECONDS = frozenset({"socket_timeout", "socket_connect_timeout", "health_check_interval"})
_KNOWN = frozenset({"db", "username", "password", "client_name", *_TLS, *_SECONDS})
_BOOLEANS = {"true": "true", "1": "true", "yes": "true", "false": "false", "0": "false", "no": "false"}


def broker_url(url: str, variable: str = "SHOOTOUT_REDIS_URL") -> str:
    """Validate a URL of Valkey or Redis and convert it to the form that redis-py accepts.

    Args:
        url: URL in the settings.
        variable: environment variable of the URL, for errors.

    Raises:
        SettingsError: the URL is invalid; the message is one line with the variable and without the password.
    """
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if separator and ("sentinel" in scheme or "cluster" in scheme or "," in rest.rpartition("@")[2].split("?")[0]):
        raise SettingsError(f"{variable}: Sentinel and Cluster are not supported, set the URL of the primary: {FORM}")
    if not separator or scheme not in _SCHEMES:
        got = f", got {scheme}://…" if separator and re.fullmatch(r"[\w+.-]{1,30}", scheme) else ""
        raise SettingsError(f"{variable}: expected {FORM}{got}")
    if "#" in rest:
        raise SettingsError(f"{variable}: write # as %23")
    scheme = _SCHEMES[scheme]
    rest, _, query = rest.partition("?")
    parameters = _parameters(query, variable)
    location = _socket(rest, variable) if scheme == "unix" else _host(scheme, rest, parameters, variable)
    if scheme != "rediss" and _TLS & set(parameters):
        raise SettingsError(f"{variable}: {min(_TLS & set(parameters))} requires rediss:// or valkeys://")
    if parameters.get("ssl_cert_reqs") == "none":
        parameters.setdefault("ssl_check_hostname", "false")
    return f"{scheme}://{location}{'?' if parameters else ''}{urlencode(parameters)}"


def _socket(rest: str, variable: str) -> str:
    account, has_account, path = rest.rpartition("@")
    if not unquote(path).startswith("/"):
        raise SettingsError(f"{variable}: expected unix:///path of the socket")
    return f"{account}{has_account}{path}"


def _host(scheme: str, rest: str, parameters: dict[str, str], variable: str) -> str:
    authority, _, database = rest.partition("/")
    try:
        parts = urlsplit(f"{scheme}://{authority}")
        port = parts.port
    except ValueError:
        port = 0
    host = authority.rpartition("@")[2]
    if port == 0 or not re.fullmatch(r"(\[[0-9A-Fa-f:.%]+\]|[\w.-]+)(:\d*)?", host):
        raise SettingsError(
            f"{variable}: host or port is invalid: expected {FORM}; write @ : / ? # in a password as %XX"
        )
    database = database.strip("/")
    if database and not re.fullmatch(r"\d{1,5}", database):
        raise SettingsError(f"{variable}: expected a database number after the host, as in redis://host:port/0")
    if database and "db" in parameters:
        raise SettingsError(f"{variable}: expected the database number once, got two")
    return f"{authority}/{database}" if database else authority


def _parameters(query: str, variable: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in _KNOWN:
            # Another name may be part of a password.
            shown = f"unknown parameter {name!r}" if re.fullmatch(r"\w{1,40}", name) else "unknown parameter"
            raise SettingsError(f"{variable}: {shown}, expected one of {', '.join(sorted(_KNOWN))}")
        found[name] = _validate(name, value, variable)
    return found


def _validate(name: str, value: str, variable: str) -> str:
    """Return the value of a parameter, normalized."""
    expected = None
    if name == "db" and not re.fullmatch(r"\d{1,5}", value):
        expected = "a number"
    elif name in _SECONDS and not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", value):
        expected = "seconds"
    elif name == "ssl_cert_reqs":
        value = _VERIFICATION.get(value, "")
        expected = None if value else "none, optional or required"
    elif name == "ssl_check_hostname":
        value = _BOOLEANS.get(value.lower(), "")
        expected = None if value else "true or false"
    elif name in _TLS and not os.access(value, os.R_OK):
        expected = "a readable file"
    if expected:
        raise SettingsError(f"{variable}: expected {expected} as {name}")
    return value
