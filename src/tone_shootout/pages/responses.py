"""HTML responses: headers, the data that every template has, error pages, and filters of templates."""

from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from litestar import MediaType, Request, Response
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.response import Template
from markupsafe import Markup

from tone_shootout.accounts.principal import Principal
from tone_shootout.accounts.redirects import redirect_to_sign_in, safe_next_path
from tone_shootout.kit.http.prefix import prefix_of
from tone_shootout.kit.http.problems import ProblemError, UnauthorizedError, problem_of

PAGE_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Not `no-referrer`: with it, browsers send `Origin: null` with forms of this page.
    "Referrer-Policy": "same-origin",
    "Vary": "Accept",
    "X-Content-Type-Options": "nosniff",
}
_KINDS: Final = {"di_track": "DI track", "capture": "Capture", "cab_ir": "Cab IR"}
STATUSES: Final = {
    "pending": "Waiting",
    "queued": "Waiting",
    "running": "Running",
    "cancelling": "Cancelling",
    "completed": "Completed",
    "failed": "Failed",
    "cancelled": "Cancelled",
}
PHASES: Final = {
    "fetch": "Getting the files",
    "render": "Playing the tones",
    "level": "Bringing them to one loudness",
    "plots": "Drawing plots",
    "video": "Making the video",
    "publish": "Storing the results",
}


def page(
    request: Request[Any, Any, Any],
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **context: Any,
) -> Template:
    """Return a page. Templates have `user`, `prefix`, `path` and `version` in addition to `context`."""
    user = request.scope.get("user")
    return Template(
        template,
        status_code=status,
        media_type=MediaType.HTML,
        headers={**PAGE_HEADERS, **(headers or {})},
        context={
            "user": user if isinstance(user, Principal) else None,
            "prefix": prefix_of(request.scope),
            "path": request.scope["path"],
            "version": version("tone-shootout"),
            **context,
        },
    )


def accepts_html(request: Request[Any, Any, Any]) -> bool:
    """Return whether a browser opens a page: only then `text/html` is in `Accept`."""
    return "text/html" in request.headers.get("accept", "")


def problem_page(request: Request[Any, Any, Any], error: ProblemError, template: str = "problem.html") -> Response[Any]:
    """Handle an error of a page: browsers get a page or are led to the sign-in page, programs problem details."""
    if isinstance(error, UnauthorizedError):
        return redirect_to_sign_in(request, error)
    if not accepts_html(request):
        response = problem_of(error)
        response.headers["Vary"] = "Accept"
        return response
    title = "Nothing here" if error.status == HTTPStatus.NOT_FOUND else HTTPStatus(error.status).phrase
    return page(
        request,
        template,
        status=error.status,
        headers=error.headers,
        title=title,
        detail=error.detail,
        code=error.code,
        login=f"/api/v1/auth/login?{urlencode({'link': 'true', 'next': safe_next_path(request.scope['path'])})}",
    )


def add_filters(engine: JinjaTemplateEngine) -> None:
    """Add the filters of templates."""
    filters: dict[str, Callable[..., Any]] = {
        "json_block": _json_block,
        "kind": _KINDS.get,
        "status": STATUSES.get,
        "phase": PHASES.get,
        "bytes": _bytes,
        "when": _when,
    }
    engine.engine.filters.update(filters)


def _json_block(value: object) -> Markup:
    """Return JSON for a `<script type="application/json">`, which no text in it can end."""
    return Markup(msgspec.json.encode(value).decode().replace("<", "\\u003c"))  # noqa: S704 - nothing in it ends the block


def _bytes(size: int) -> str:
    unit, factor = ("GB", 1e9) if size >= 1e9 else ("MB", 1e6) if size >= 1e5 else ("kB", 1e3)
    return f"{size / factor:.1f} {unit}"


def _when(moment: datetime | None) -> Markup:
    """Return a `<time>`, which the script of the page shows in the time zone of the browser."""
    if moment is None:
        return Markup("–")
    return Markup('<time datetime="{}">{} UTC</time>').format(
        moment.isoformat().replace("+00:00", "Z"), f"{moment:%Y-%m-%d %H:%M}"
    )
