"""Addresses of web pages: origins, path prefixes, and where a listening socket is found."""

import re
from urllib.parse import urlsplit

ROOT_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")
"""A path prefix: no slash at its end, nothing that needs encoding."""
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - named to be replaced


def reachable_host(host: str) -> str:
    """Return the host by which this machine reaches what listens on `host`, which may stand for any address."""
    return _ANYWHERE.get(host, host)


def http_url(host: str, port: int) -> str:
    """Return where a browser on this machine finds what listens on `host` and `port`."""
    host = reachable_host(host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def origin_of(url: str) -> str:
    """Return an address's origin as browsers write it: in lower case, without a port that goes without saying."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if parts.port in (None, {"http": 80, "https": 443}[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"
