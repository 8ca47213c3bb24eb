"""Addresses of a share's pages, for other hosts and for templates."""

import re
from typing import Any, Final

from litestar import Request

from tone_shootout.accounts.guards import local_origin
from tone_shootout.kit.http.prefix import prefix_of
from tone_shootout.kit.settings import Settings, http_url
from tone_shootout.listening.shares.errors import ShareNotFoundError
from tone_shootout.listening.shares.models import SLUG_LENGTH

PAGE: Final = "/s/"
EMBED: Final = "/embed/"
_SLUG: Final = re.compile(rf"[A-Za-z0-9_-]{{{SLUG_LENGTH}}}")


def page_path(slug: str) -> str:
    """Return the path of a share's page."""
    return f"{PAGE}{slug}"


def embed_path(slug: str) -> str:
    """Return the path of a share's player, which other sites may frame."""
    return f"{EMBED}{slug}"


def checked_slug(text: str) -> str:
    """Return the slug in the address of a page.

    Raises:
        ShareNotFoundError: it is none, so that no share has it.
    """
    if not _SLUG.fullmatch(text):
        raise ShareNotFoundError
    return text


def base_url(request: Request[Any, Any, Any], settings: Settings) -> str:
    """Return the URL of the service for other hosts, with the prefix of a proxy, without a slash at the end.

    It is the public URL if one is set. Otherwise it is the address that the request was sent to, if the server listens
    on it: a `Host` that somebody else has chosen is never repeated.
    """
    server = settings.server
    origin = server.public_url.rstrip("/") or local_origin(request) or http_url(server.host, server.port)
    return f"{origin}{prefix_of(request.scope)}"
