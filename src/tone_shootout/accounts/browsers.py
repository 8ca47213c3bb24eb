"""People in a browser who have to sign in first: they are led to a page, where programs get problem details."""

import re
from typing import Any, Final
from urllib.parse import quote, urlencode

from litestar import Request, Response
from litestar.response import Redirect

from tone_shootout.kit.http.problems import ProblemError, problem_of

SIGN_IN_PAGE: Final = "/sign-in"

OWN_PATH: Final = r"^/(?![/\\])[^\\\x00-\x20\x7f]*$(?!\n)"
"""A path of ours: what a browser could take for another origin is refused.

In Python `$` also matches before a last line break; the `\\Z` that does not is unknown to readers of `/openapi.json`.
"""
LONGEST_PATH: Final = 512


def own_path(text: str | None) -> str:
    """Return a path to go on to, in ASCII; `/` where `text` is missing, too long or not a path of ours."""
    if text is None or len(text) > LONGEST_PATH or not re.match(OWN_PATH, text):
        return "/"
    return quote(text, safe="/%?#&=+:;,@!$'()*[]~")


def lead_to_sign_in(request: Request[Any, Any, Any], error: ProblemError) -> Response[Any]:
    """Answer an `UnauthorizedError` or `AdministratorOnlyError` of a page: an exception handler for its route.

    A browser that opens a page accepts `text/html`, which no program of ours does; it is sent to the sign-in page and
    comes back from there.
    """
    if "text/html" not in request.headers.get("accept", ""):
        answer = problem_of(error)
        answer.headers["Vary"] = "Accept"
        return answer
    query = request.scope["query_string"].decode("latin-1")
    wanted = request.scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
    return Redirect(
        f"{SIGN_IN_PAGE}?{urlencode({'next': own_path(wanted)})}",
        status_code=303,
        headers={"Cache-Control": "no-store", "Vary": "Accept"},
    )
