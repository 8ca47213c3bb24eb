"""Addresses and options of object stores, as hosters give them, in the form that obstore reads."""

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from tone_shootout.kit.settings._errors import SettingsError

FORM = "file:///folder, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix"
_SCHEMES = ("s3", "s3a", "gs", "az", "adl", "azure", "abfs", "abfss", "https")
_OTHER_NAMES = {"endpoint_url": "aws_endpoint", "aws_endpoint_url": "aws_endpoint", "endpoint": "aws_endpoint"}
_OTHER_NAMES |= {"aws_endpoint_url_s3": "aws_endpoint", "aws_s3_endpoint": "aws_endpoint"}
_OTHER_NAMES |= {"access_key_id": "aws_access_key_id", "secret_access_key": "aws_secret_access_key"}
_OTHER_NAMES |= {"region": "aws_region", "region_name": "aws_region", "session_token": "aws_session_token"}
_OTHER_NAMES |= {"aws_security_token": "aws_session_token"}
_PATH_STYLE = ("force_path_style", "aws_force_path_style", "s3_force_path_style", "use_path_style", "path_style")
_STYLE = "addressing_style"
_VIRTUAL = "aws_virtual_hosted_style_request"
_BOOLEANS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
_HOST = re.compile(r"[\w.-]+(:\d{1,5})?|\[[0-9A-Fa-f:]+\](:\d{1,5})?")
_URL, _OPTIONS = "SHOOTOUT_STORAGE_URL", "SHOOTOUT_STORAGE_OPTIONS"


def store_url(url: str) -> str:
    """Return the address of an object store, checked; a folder's path becomes a `file:` address.

    Raises:
        SettingsError: in one line, with the variable.
    """
    if url.startswith("/"):
        return Path(url).as_uri()
    try:
        parts = urlsplit(url)
    except ValueError:
        raise SettingsError(f"{_URL}: expected {FORM}") from None
    if parts.scheme == "file":
        if not url.startswith("file:///") or parts.query or parts.fragment:
            raise SettingsError(f"{_URL}: expected file:///folder with the folder's whole path")
        return url
    if parts.scheme == "memory":  # of one process only
        return url
    has_keys = "@" in parts.netloc and not parts.scheme.startswith("abfs")  # Azure's are container@account
    if parts.scheme not in _SCHEMES or not parts.netloc or parts.query or parts.fragment or has_keys:
        hint = "; keys belong into SHOOTOUT_STORAGE_OPTIONS" if has_keys or parts.query else ""
        raise SettingsError(f"{_URL}: expected {FORM}{hint}")
    return url


def store_options(url: str, options: Mapping[str, str]) -> dict[str, str]:
    """Return the options of a store under the names that obstore knows.

    `endpoint` without a scheme means https; one with `http://` allows it; `force_path_style` and `addressing_style`
    are understood. Options without a value count as not set.

    Raises:
        SettingsError: in one line, with the variable and the option.
    """
    found = {name.strip().lower(): value.strip() for name, value in options.items() if value.strip()}
    if urlsplit(url).scheme not in ("s3", "s3a", "https"):
        return found
    found = {_OTHER_NAMES.get(name, name): value for name, value in found.items()}
    for name in (*_PATH_STYLE, _STYLE):
        if name in found:
            value = found.pop(name).lower()
            if (value not in ("path", "virtual", "auto")) if name == _STYLE else (value not in _BOOLEANS):
                expected = "path or virtual" if name == _STYLE else "true or false"
                raise SettingsError(f"{_OPTIONS}: expected {expected} as {name}")
            is_virtual = value == "virtual" if name == _STYLE else not _BOOLEANS[value]
            found.setdefault(_VIRTUAL, "true" if is_virtual else "false")
    if "aws_endpoint" in found:
        found |= _endpoint(url, found)
    return found


def _endpoint(url: str, found: Mapping[str, str]) -> dict[str, str]:
    endpoint = found["aws_endpoint"]
    scheme, separator, rest = endpoint.rpartition("://")
    scheme = scheme.lower() if separator else "https"
    host, _, path = rest.partition("/")
    if scheme not in ("http", "https") or not _HOST.fullmatch(host) or "?" in path or "#" in path:
        raise SettingsError(f"{_OPTIONS}: expected https://host or host:port as aws_endpoint")
    if found.get(_VIRTUAL) == "true":
        bucket = urlsplit(url).netloc
        host = host if host.startswith(f"{bucket}.") else f"{bucket}.{host}"  # what the store sends requests to
    path = path.rstrip("/")
    made = {"aws_endpoint": f"{scheme}://{host}{'/' if path else ''}{path}"}
    if scheme == "http":
        made["allow_http"] = "true"
    return made
