"""URLs and options of object stores, as hosting providers give them, converted to the form that obstore accepts."""

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
    """Validate the URL of an object store; the path of a folder becomes a `file:` URL.

    Raises:
        SettingsError: the URL is invalid; the message is one line with the variable.
    """
    if url.startswith("/"):
        return Path(url).as_uri()
    try:
        parts = urlsplit(url)
    except ValueError:
        raise SettingsError(f"{_URL}: expected {FORM}") from None
    if parts.scheme == "file":
        if not url.startswith("file:///") or parts.query or parts.fragment:
            raise SettingsError(f"{_URL}: expected file:///folder with an absolute path")
        return url
    if parts.scheme == "memory":  # not shared between processes
        return url
    has_keys = "@" in parts.netloc and not parts.scheme.startswith("abfs")  # Azure uses container@account
    if parts.scheme not in _SCHEMES or not parts.netloc or parts.query or parts.fragment or has_keys:
        hint = "; set keys in SHOOTOUT_STORAGE_OPTIONS" if has_keys or parts.query else ""
        raise SettingsError(f"{_URL}: expected {FORM}{hint}")
    return url


def store_options(url: str, options: Mapping[str, str]) -> dict[str, str]:
    """Convert the options of a store to those of obstore.

    An `endpoint` without a scheme uses https; one with `http://` enables http. `force_path_style` and
    `addressing_style` are supported. Options with an empty value are ignored.

    Raises:
        SettingsError: an option is invalid; the message is one line with the variable and the option.
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
        host = host if host.startswith(f"{bucket}.") else f"{bucket}.{host}"  # obstore sends requests to this host
    path = path.rstrip("/")
    options = {"aws_endpoint": f"{scheme}://{host}{'/' if path else ''}{path}"}
    if scheme == "http":
        options["allow_http"] = "true"
    return options
