"""Pages of shares for everybody: the share itself, and the list of public shares."""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID

from litestar import Controller, MediaType, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter, SkipValidation
from litestar.response import Template

from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.http.preconditions import matches
from tone_shootout.kit.http.prefix import prefix_of
from tone_shootout.kit.http.problems import ProblemError
from tone_shootout.kit.settings import Settings
from tone_shootout.listening.blind.listener import read_token
from tone_shootout.listening.blind.services import ListeningTestService, ListeningTestState
from tone_shootout.listening.shares.addresses import base_url, checked_slug
from tone_shootout.listening.shares.dtos import ShareItemRead, ShareRead
from tone_shootout.listening.shares.oembed import SANDBOX
from tone_shootout.listening.shares.public_page import player_page
from tone_shootout.listening.shares.services import ShareService
from tone_shootout.pages.responses import PAGE_HEADERS, page, problem_page
from tone_shootout.rendering.listening_page.document import Home, Shared, render_document
from tone_shootout.rendering.listening_page.page import Page
from tone_shootout.rendering.listening_page.poster import HEIGHT, WIDTH

PAGE_SIZE: Final = 24
_MOST_TESTS: Final = Paging(limit=20, offset=0)
_LONGEST_DESCRIPTION: Final = 200
_REVALIDATE: Final = {"Cache-Control": "no-cache"}
"""Caches ask each time, so that a withdrawn share is gone at once."""
EMBED_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; "
        "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors *; "
        f"sandbox {SANDBOX}"
    ),
    "Cross-Origin-Opener-Policy": "unsafe-none",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
"""Headers of the player: the only page that others may frame. Its sandbox has no origin, so that it reads no cookie."""
_KINDS: Final = {
    "abx": "can you hear a difference?",
    "preference": "which do you like?",
    "identification": "which is which?",
}

SlugInPath = Annotated[str, PathParameter()]


class SharePageController(Controller):
    """`/s/{slug}`: the page of a share. It needs no account, and is the same for all but listeners in a test."""

    path = "/s"
    include_in_schema = False
    opt = {"public": True}  # noqa: RUF012 - Litestar reads a plain class attribute

    @get("/{slug:str}", media_type=MediaType.HTML)
    async def show(
        self,
        slug: SlugInPath,
        request: Request[Any, Any, Any],
        shares: NamedDependency[SkipValidation[ShareService]],
        listening_tests: NamedDependency[SkipValidation[ListeningTestService]],
        settings: NamedDependency[Settings],
    ) -> Response[Any]:
        """Return the page."""
        share = await shares.get(checked_slug(slug))
        data = await shares.page(share)
        tests, _ = await listening_tests.list_of_share(slug, _MOST_TESTS)
        unfinished = await listening_tests.find_unfinished(tests, read_token(request))
        prefix = prefix_of(request.scope)
        home = shared_home(ShareRead.of(share, ()), data, base_url(request, settings), prefix, tests, unfinished)
        if unfinished is not None:
            data = player_page(data)
        document = await asyncio.to_thread(render_document, data, home, "share.html")
        headers = {"Vary": "Accept, Cookie"}
        if share.visibility != "public":
            headers["X-Robots-Tag"] = "noindex"
        return revalidated(request, document, headers)


class EmbedController(Controller):
    """`/embed/{slug}`: the player alone, which other sites may frame. It reads and sets no cookie."""

    path = "/embed"
    include_in_schema = False
    opt = {"public": True}  # noqa: RUF012 - Litestar reads a plain class attribute

    @get("/{slug:str}", media_type=MediaType.HTML)
    async def show(
        self,
        slug: SlugInPath,
        request: Request[Any, Any, Any],
        shares: NamedDependency[SkipValidation[ShareService]],
        settings: NamedDependency[Settings],
    ) -> Response[Any]:
        """Return the player."""
        share = await shares.get(checked_slug(slug))
        data = player_page(await shares.page(share))
        prefix = prefix_of(request.scope)
        home = shared_home(ShareRead.of(share, ()), data, base_url(request, settings), prefix)
        document = await asyncio.to_thread(render_document, data, home, "embed.html")
        return revalidated(request, document, EMBED_HEADERS)


def embed_problem(request: Request[Any, Any, Any], error: ProblemError) -> Response[Any]:
    """Handle an error of the player: a frame shows it, programs get problem details."""
    response = problem_page(request, error, template="embed_problem.html")
    response.headers.update(EMBED_HEADERS)
    return response


class ExploreController(Controller):
    """`/explore`: public shares, newest first."""

    path = "/explore"
    include_in_schema = False
    opt = {"public": True, "optional_authentication": True}  # noqa: RUF012 - Litestar reads a plain class attribute

    @get()
    async def show(
        self,
        request: Request[Any, Any, Any],
        shares: NamedDependency[SkipValidation[ShareService]],
        q: Annotated[str, QueryParameter(max_length=120)] = "",
        offset: Annotated[int, QueryParameter(ge=0, le=1_000_000)] = 0,
    ) -> Template:
        """Return a page of the list."""
        text = q.replace("\x00", "").strip() or None
        rows, total = await shares.list_public(Paging(limit=PAGE_SIZE, offset=offset), search=text)
        return page(
            request,
            "explore.html",
            shares=[ShareItemRead.of(row, for_owner=False) for row in rows],
            is_empty=not total and text is None,
            q=q,
            total=total,
            offset=offset,
            size=PAGE_SIZE,
        )


def shared_home(
    share: ShareRead,
    data: Page,
    base: str,
    prefix: str,
    tests: Sequence[ListeningTestState] = (),
    unfinished: UUID | None = None,
) -> Home:
    """Return where the page or the player of a share lives.

    Args:
        share: the share.
        data: data of its page.
        base: URL of the service for other hosts.
        prefix: path of the service on its host.
        tests: its listening tests.
        unfinished: the one that the visitor has begun.
    """
    links = share.links
    image = links.poster or links.picture
    url = f"{base}{links.page}"
    return Home(
        assets=f"{prefix}/static/",
        files=f"{prefix}{links.files}/",
        back=f"{prefix}/explore",
        shared=Shared(
            url=url,
            oembed=f"{base}/api/v1/oembed?{urlencode({'url': url, 'format': 'json'})}",
            is_listed=share.visibility == "public",
            description=_description(share, data),
            image=f"{base}{image}" if image else "",
            image_size=(WIDTH, HEIGHT) if links.poster else None,
            notes=share.notes,
            picture=f"{prefix}{links.picture}" if links.picture else "",
            tests=tuple((f"{prefix}{links.page}/test/{each.test.id}", _name(each)) for each in tests if each.is_open),
            unfinished="" if unfinished is None else f"{prefix}{links.page}/test/{unfinished}",
        ),
    )


def revalidated(request: Request[Any, Any, Any], document: str, headers: dict[str, str]) -> Response[Any]:
    """Return a page with an entity tag, or 304 if the browser has it."""
    tag = f'"{hashlib.sha256(document.encode()).hexdigest()[:32]}"'
    headers = {**PAGE_HEADERS, **_REVALIDATE, **headers, "ETag": tag}
    if matches(request.headers.get("if-none-match", ""), tag):
        return Response(None, status_code=304, headers=headers)
    return Response(document, media_type=MediaType.HTML, headers=headers)


def _name(state: ListeningTestState) -> str:
    """Return the name of a test, which says nothing about its tones."""
    return f"{_KINDS[state.test.kind]} ({state.test.trials} {'trial' if state.test.trials == 1 else 'trials'})"


def _description(share: ShareRead, data: Page) -> str:
    """Return one line about a share: the beginning of its notes, or how many tones it has."""
    line = " ".join(share.notes.split())
    if len(line) > _LONGEST_DESCRIPTION:
        line = f"{line[:_LONGEST_DESCRIPTION].rpartition(' ')[0] or line[:_LONGEST_DESCRIPTION]} …"
    count = len(data.segments)
    tones = "1 tone" if count == 1 else f"{count} tones"
    return line or f"{tones}, all at {data.level.target_lufs:.1f} LUFS. Listen and switch between them."
