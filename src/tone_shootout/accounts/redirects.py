"""Redirects of browsers: to the sign-in page, and after sign-in to a path of this service."""

import re
from typing import Any, Final
from urllib.parse import quote, urlencode

from litestar import Request, Response
from litestar.response import Redirect

from tone_shootout.kit.http.problems import ProblemError, problem_of

SIGN_IN_PAGE: Final = "/sign-in"

LOCAL_PATH_PATTERN: Final = r"^/([^/\\\x00-\x20\x7f][^\\\x00-\x20\x7f]*)?$(?!\n)"
"""Pattern of a path of this service. It excludes every text that a browser could resolve to another origin.

In Python, `$` also matches before a final line break. `\\Z` does not, but JSON Schema's regular expressions lack it.
"""
MAX_PATH_LENGTH: Final = 512


def safe_next_path(text: str | None) -> str:
    """Return a path to redirect to, in ASCII; `/` if `text` is missing, too long or not a path of this service."""
    if text is None or len(text) > MAX_PATH_LENGTH or not re.match(LOCAL_PATH_PATTERN, text):
        return "/"
    return quote(text, safe="/%?#&=+:;,@!$'()*[]~")


def redirect_to_sign_in(request: Request[Any, Any, Any], error: ProblemError) -> Response[Any]:
    """Handle an `UnauthorizedError` or `AdministratorOnlyError` of a page.

    Browsers accept `text/html` when they open a page. They are redirected to the sign-in page, which redirects back.
    Other clients get problem details.
    """
    if "text/html" not in request.headers.get("accept", ""):
        response = problem_of(error)
        response.headers["Vary"] = "Accept"
        return response
    query = request.scope["query_string"].decode("latin-1")
    path = request.scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
    return Redirect(
        f"{SIGN_IN_PAGE}?{urlencode({'next': safe_next_path(path)})}",
        status_code=303,
        headers={"Cache-Control": "no-store", "Vary": "Accept"},
    )
