"""URLs: origins, path prefixes, and the address of a listening socket."""

import re
from ipaddress import ip_network
from urllib.parse import urlsplit

ROOT_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")
"""A path prefix without a trailing slash and without characters that need encoding."""
HOST = re.compile(r"(?!.*[^.]{64})[\w.:%-]{1,253}")
"""A host name or IP address."""
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - compared, never bound


def reachable_host(host: str) -> str:
    """Return the host to connect to for a socket bound to `host`, which may be a wildcard address."""
    return _ANYWHERE.get(host, host)


def http_url(host: str, port: int) -> str:
    """Return the URL, for a browser on this machine, of a server bound to `host` and `port`."""
    host = reachable_host(host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def origin_of(url: str) -> str:
    """Return the origin of a URL as browsers write it: lower case, without a default port."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if parts.port in (None, {"http": 80, "https": 443}[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def is_origin(url: str) -> bool:
    """Return whether a URL consists of scheme, host and optionally port."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    rest = parts.path.strip("/") or parts.query or parts.fragment or parts.username
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not rest


def is_network(text: str) -> bool:
    """Return whether a text is an IP address or a network in CIDR notation."""
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True
