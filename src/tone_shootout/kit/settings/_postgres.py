"""PostgreSQL URLs, as hosting providers give them, converted to the arguments of asyncpg and psycopg.

Parameters have the meaning of libpq ([1]). Unknown parameters are rejected, so that no security option is ignored
silently.

[1] https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
"""

import getpass
import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tone_shootout.kit.settings._errors import SettingsError

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
FORM = "postgresql://user:password@host:port/name?sslmode=…"
PORT = 5432
_SCHEMES = ("postgres", "postgresql", "postgresql+asyncpg", "postgresql+psycopg", "postgresql+psycopg2")
_SOCKET_FOLDERS = ("/run/postgresql", "/var/run/postgresql", "/tmp")  # noqa: S108 - where servers put their sockets
_AUTHORITY_FILES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
_TLS_VERSIONS = {f"TLSv1{minor}": getattr(ssl.TLSVersion, f"TLSv1{minor.replace('.', '_')}") for minor in (".2", ".3")}
_BOOLEANS = {"true": True, "1": True, "on": True, "yes": True, "false": False, "0": False, "off": False, "no": False}
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "sslmode": SSL_MODES,
    "ssl": (*_BOOLEANS, *SSL_MODES),
    "channel_binding": ("disable", "prefer", "require"),
    "gssencmode": ("disable", "prefer"),
    "target_session_attrs": ("any", "read-write", "primary"),
    "client_encoding": ("utf8", "utf-8", "UTF8", "UTF-8", "auto"),
    "pgbouncer": tuple(_BOOLEANS),
    "ssl_min_protocol_version": tuple(_TLS_VERSIONS),
    "ssl_max_protocol_version": tuple(_TLS_VERSIONS),
}
_FREE = (
    *("host", "port", "user", "password", "dbname", "passfile", "application_name", "fallback_application_name"),
    *("connect_timeout", "options", "sslrootcert", "sslcert", "sslkey", "sslpassword"),
)
_KNOWN = frozenset((*_CHOICES, *_FREE))
_ELSEWHERE = {
    "connection_limit": "SHOOTOUT_DATABASE_POOL_SIZE",
    "pool_size": "SHOOTOUT_DATABASE_POOL_SIZE",
    "statement_timeout": "SHOOTOUT_DATABASE_STATEMENT_TIMEOUT_S",
    "statement_cache_size": "SHOOTOUT_DATABASE_POOLER=transaction",
    "prepared_statement_cache_size": "SHOOTOUT_DATABASE_POOLER=transaction",
    "prepareThreshold": "SHOOTOUT_DATABASE_POOLER=transaction",
}


@dataclass(frozen=True, slots=True, repr=False)
class PostgresAddress:
    """Parsed URL of a database.

    Attributes:
        variable: environment variable of the URL, for errors.
        hosts: host name, IP address or socket folder, and port of each server; tried in order.
        user: user name.
        password: password; None if the URL has none.
        database: name of the database.
        parameters: other parameters, unchanged.
        pooled: whether the URL declares a pooler in transaction mode (`pgbouncer=true`).
    """

    variable: str
    hosts: tuple[tuple[str, int], ...]
    user: str
    password: str | None
    database: str
    parameters: Mapping[str, str]
    pooled: bool = False

    def asyncpg(self) -> dict[str, Any]:
        """Return the keyword arguments of `asyncpg.connect`.

        Raises:
            SettingsError: a certificate can't be read, or the driver does not support a parameter.
        """
        parameters = self.parameters
        server = {name: parameters[name] for name in ("application_name", "options") if name in parameters}
        arguments: dict[str, Any] = {
            "host": [host for host, _ in self.hosts],
            "port": [port for _, port in self.hosts],
            "user": self.user,
            "password": self.password,
            "database": self.database,
            "passfile": parameters.get("passfile"),
            "ssl": self._asyncpg_tls(),
            "server_settings": server or None,
            "target_session_attrs": parameters.get("target_session_attrs"),
        }
        if self._timeout_s:
            arguments["timeout"] = float(self._timeout_s)
        return {name: value for name, value in arguments.items() if value is not None}

    def psycopg(self) -> dict[str, Any]:
        """Return the keyword arguments of `psycopg.connect`.

        Raises:
            SettingsError: a certificate can't be found.
        """
        own = {"application_name", "connect_timeout", "options", "passfile", "target_session_attrs", "gssencmode"}
        tls = {"channel_binding", "sslcert", "sslkey", "sslpassword"}
        versions = {"ssl_min_protocol_version", "ssl_max_protocol_version"}
        arguments: dict[str, Any] = {
            name: value for name, value in self.parameters.items() if name in own | tls | versions
        }
        arguments |= {
            "host": ",".join(host for host, _ in self.hosts),
            "port": ",".join(str(port) for _, port in self.hosts),
            "user": self.user,
            "dbname": self.database,
            "sslmode": self._mode,
        }
        if self.password is not None:
            arguments["password"] = self.password
        authorities = self._authorities()
        if authorities:
            arguments["sslrootcert"] = authorities
        return arguments

    @property
    def _mode(self) -> str:
        """The SSL mode; like in libpq, the default is `verify-full` with `sslrootcert=system`, else `prefer`."""
        default = "verify-full" if self.parameters.get("sslrootcert") == "system" else None
        return self.parameters.get("sslmode") or default or os.environ.get("PGSSLMODE") or "prefer"

    @property
    def _timeout_s(self) -> int:
        return max(0, int(self.parameters.get("connect_timeout", "0")))

    def _asyncpg_tls(self) -> ssl.SSLContext | str | bool:
        mode = self._mode
        bound = self.parameters.get("channel_binding") == "require"
        if all(host.startswith("/") for host, _ in self.hosts):
            if bound:
                raise SettingsError(f"{self.variable}: channel_binding=require requires TLS, which a socket lacks")
            return False
        if bound and mode != "disable":
            # asyncpg does not support channel binding. Full verification of the certificate also prevents interception.
            mode = "verify-full"
        elif mode in ("disable", "allow", "prefer"):
            return mode
        authorities = self._authorities()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = mode == "verify-full"
        context.verify_mode = ssl.CERT_REQUIRED if authorities else ssl.CERT_NONE
        try:
            if authorities:
                context.load_verify_locations(cafile=authorities)
            self._load_client_certificate(context)
        except OSError as error:  # SSLError is one
            named = next((n for n in ("sslcert", "sslkey", "sslrootcert") if n in self.parameters), "sslrootcert")
            raise SettingsError(f"{self.variable}: {named} can't be used: {error}") from None
        low, high = (self.parameters.get(f"ssl_{end}_protocol_version") for end in ("min", "max"))
        if low:
            context.minimum_version = _TLS_VERSIONS[low]
        if high:
            context.maximum_version = _TLS_VERSIONS[high]
        return context

    def _load_client_certificate(self, context: ssl.SSLContext) -> None:
        """Load the client certificate, if the URL names one."""
        certificate = self.parameters.get("sslcert")
        if certificate:
            password = self.parameters.get("sslpassword", "")
            context.load_cert_chain(certificate, self.parameters.get("sslkey"), password=lambda: password)

    def _authorities(self) -> str | None:
        """Return the file of trusted certificate authorities, None if the certificate is not verified."""
        named, mode = self.parameters.get("sslrootcert"), self._mode
        bound = self.parameters.get("channel_binding") == "require" and mode != "disable"
        if mode in ("disable", "allow", "prefer") and not bound:
            return None
        if named == "system":
            return self._system_authorities()
        if named:
            if not os.access(named, os.R_OK):
                raise SettingsError(f"{self.variable}: sslrootcert={named} can't be read")
            return named
        usual = os.environ.get("PGSSLROOTCERT") or _home_file("root.crt")
        if usual and Path(usual).is_file():
            return usual
        if mode == "require" and not bound:
            return None
        if bound:
            return self._system_authorities()
        raise SettingsError(
            f"{self.variable}: sslmode={mode} requires sslrootcert=FILE, or sslrootcert=system for public authorities"
        )

    def _system_authorities(self) -> str:
        paths = ssl.get_default_verify_paths()
        for path in (os.environ.get("SSL_CERT_FILE"), paths.cafile, *_AUTHORITY_FILES):
            if path and Path(path).is_file():
                return path
        raise SettingsError(f"{self.variable}: no certificate authorities of the system found, set sslrootcert=FILE")


def parse_postgres(url: str, variable: str = "SHOOTOUT_DATABASE_URL") -> PostgresAddress:
    """Parse a PostgreSQL URL.

    Args:
        url: `postgresql://user:password@host:port/name?parameter=value`; several hosts are separated by commas.
        variable: environment variable of the URL, for errors.

    Raises:
        SettingsError: the URL is invalid; the message is one line with the variable and without the password.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.lower() not in _SCHEMES:
        got = f", got {scheme}://…" if separator and re.fullmatch(r"[\w+.-]{1,30}", scheme) else ""
        raise SettingsError(f"{variable}: expected {FORM}{got}")
    if "#" in rest:
        raise SettingsError(f"{variable}: write # as %23")
    rest, _, query = rest.partition("?")
    authority, _, database = rest.partition("/")
    if "/" in database:
        raise SettingsError(f"{variable}: expected {FORM}: write / in a password or name as %2F")
    account, _, hostlist = authority.rpartition("@")
    user, has_password, password = account.partition(":")
    found = _parameters(query, variable)
    ports = found.pop("port", "")
    hosts = found.pop("host", "") or _decoded(hostlist, variable)
    user = found.pop("user", "") or _decoded(user, variable) or _own_name(variable)
    given = found.pop("password", None)
    database = found.pop("dbname", "") or _decoded(database, variable) or os.environ.get("PGDATABASE") or user
    pooled = _BOOLEANS[found.pop("pgbouncer", "false")]
    return PostgresAddress(
        variable=variable,
        hosts=_hosts(hosts, ports, variable),
        user=user,
        password=given if given is not None else (_decoded(password, variable) if has_password else None),
        database=database,
        parameters=_consistent(found, variable),
        pooled=pooled,
    )


def _parameters(query: str, variable: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in query.split("&") if query else []:
        name, equals, text = part.partition("=")
        name, value = _decoded(name, variable), _decoded(text, variable)
        if name not in _KNOWN:
            if name in _ELSEWHERE:
                raise SettingsError(f"{variable}: remove {name}, it is set by {_ELSEWHERE[name]}")
            # Another name may be part of a password.
            shown = f"unknown parameter {name!r}" if re.fullmatch(r"\w{1,40}", name) else "unknown parameter"
            raise SettingsError(f"{variable}: {shown}, expected one of {', '.join(sorted(_KNOWN))}")
        if not equals or name in found:
            raise SettingsError(f"{variable}: expected {name}=VALUE once")
        allowed = _CHOICES.get(name)
        if allowed and value not in allowed:
            raise SettingsError(f"{variable}: {name} is {value!r}, expected one of {', '.join(allowed)}")
        if name == "connect_timeout" and not re.fullmatch(r"-?\d{1,6}", value):
            raise SettingsError(f"{variable}: connect_timeout is {value!r}, expected an integer number of seconds")
        found[name] = value
    return found


def _consistent(found: dict[str, str], variable: str) -> dict[str, str]:
    """Return the parameters with synonyms replaced, after a check for contradictions.

    Raises:
        SettingsError: parameters contradict each other.
    """
    found = dict(found)
    found.pop("client_encoding", None)  # both drivers use UTF-8
    fallback = found.pop("fallback_application_name", None)
    if fallback is not None:
        found.setdefault("application_name", fallback)
    switch = found.pop("ssl", None)
    if switch is not None:
        implied = {True: "require", False: "disable"}[_BOOLEANS[switch]] if switch in _BOOLEANS else switch
        explicit = found.setdefault("sslmode", implied)
        if explicit != implied and not (implied == "require" and explicit.startswith("verify")):
            raise SettingsError(f"{variable}: ssl={switch} contradicts sslmode={explicit}: remove ssl")
    mode, authorities = found.get("sslmode"), found.get("sslrootcert")
    if authorities == "system" and mode not in (None, "verify-full"):
        raise SettingsError(f"{variable}: sslrootcert=system requires sslmode=verify-full, got sslmode={mode}")
    if authorities and authorities != "system" and mode in (None, "allow", "prefer"):
        raise SettingsError(f"{variable}: sslrootcert requires sslmode=verify-full, verify-ca or require")
    if found.get("channel_binding") == "require" and mode == "disable":
        raise SettingsError(f"{variable}: channel_binding=require contradicts sslmode=disable")
    if "sslkey" in found and "sslcert" not in found:
        raise SettingsError(f"{variable}: sslkey requires sslcert")
    if "sslcert" in found and mode in (None, "allow", "prefer"):
        raise SettingsError(f"{variable}: sslcert requires sslmode=require, verify-ca or verify-full")
    for name in ("sslcert", "sslkey"):
        if name in found and not os.access(found[name], os.R_OK):
            raise SettingsError(f"{variable}: {name}={found[name]} can't be read")
    return found


def _hosts(listed: str, ports: str, variable: str) -> tuple[tuple[str, int], ...]:
    names: list[str] = []
    numbers: list[str] = []
    for host in listed.split(",") if listed else []:
        name, number = _host_and_port(host, variable)
        names.append(name)
        numbers.append(number)
    if not names:
        names, numbers = [os.environ.get("PGHOST", "")], [""]
    if ports:
        numbers = ports.split(",")
        numbers = numbers * len(names) if len(numbers) == 1 else numbers
    if len(numbers) != len(names):
        raise SettingsError(
            f"{variable}: expected as many ports as hosts, got {len(names)} hosts, {len(numbers)} ports"
        )
    found = [_port(number, variable) for number in numbers]
    return tuple((name or _default_host(port), port) for name, port in zip(names, found, strict=True))


def _host_and_port(text: str, variable: str) -> tuple[str, str]:
    folder = re.fullmatch(r"(/.*?)(?::(\d{1,5}))?", text)  # socket folder; those of Google Cloud SQL contain colons
    if folder:
        return folder[1], folder[2] or ""
    bracketed = re.fullmatch(r"\[([0-9A-Fa-f:.%\w]+)\](?::(\d*))?", text)
    if bracketed:
        return bracketed[1], bracketed[2] or ""
    if text.count(":") > 1 and re.fullmatch(r"[0-9A-Fa-f:.]+", text):
        return text, ""
    name, _, number = text.partition(":")
    if not re.fullmatch(r"[\w.-]*", name):
        raise SettingsError(f"{variable}: the host is invalid: write @ : / ? # [ ] in a user or password as %XX")
    return name, number


def _port(number: str, variable: str) -> int:
    number = number or os.environ.get("PGPORT") or str(PORT)
    if not re.fullmatch(r"\d{1,5}", number) or not 0 < int(number) < 1 << 16:
        raise SettingsError(f"{variable}: expected a port from 1 to 65535")
    return int(number)


def _default_host(port: int) -> str:
    sockets = (folder for folder in _SOCKET_FOLDERS if Path(folder, f".s.PGSQL.{port}").exists())
    return next(sockets, "localhost")


def _own_name(variable: str) -> str:
    try:
        return os.environ.get("PGUSER") or getpass.getuser()
    except (OSError, KeyError):
        raise SettingsError(f"{variable}: expected a user, because the user id {os.getuid()} has no name") from None


def _home_file(name: str) -> str | None:
    try:
        return str(Path.home() / ".postgresql" / name)
    except (RuntimeError, KeyError):
        return None


def _decoded(text: str, variable: str) -> str:
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        raise SettingsError(f"{variable}: write % as %25: a percent sign requires two hexadecimal digits after it")
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise SettingsError(f"{variable}: expected percent-encoded UTF-8") from None
    if "\0" in decoded:
        raise SettingsError(f"{variable}: %00 is not allowed")
    return decoded
