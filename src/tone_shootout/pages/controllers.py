"""The sign-in page."""

from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, urlencode

from litestar import Controller, MediaType, Request, Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter
from litestar.response import Redirect, Template

from tone_shootout.accounts.controllers import provide_sessions, provide_sign_in_limiter
from tone_shootout.accounts.cookies import session_cookies
from tone_shootout.accounts.errors import CrossOriginError
from tone_shootout.accounts.principal import Principal
from tone_shootout.accounts.redirects import safe_next_path
from tone_shootout.accounts.services import SessionService
from tone_shootout.accounts.sign_in_limits import SignInLimiter
from tone_shootout.kit.http.prefix import PREFIX
from tone_shootout.kit.http.problems import TooManyRequestsError, UnauthorizedError
from tone_shootout.kit.settings import Settings

PAGE_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    # Not `no-referrer`: with it, browsers send `Origin: null` with forms of this page.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_FORM_FIELDS: Final = 10


def cross_origin_response(
    settings: Settings, request: Request[Any, Any, Any], _error: CrossOriginError
) -> Response[Any]:
    """Return the sign-in page with an error for a form sent from another origin."""
    error = (
        f"The form was not sent from {settings.public_url}. Sign in there, or add the address that you use to "
        "SHOOTOUT_SERVER_ALLOWED_ORIGINS."
    )
    return _page(request, settings, "/", status=403, error=error)


class SignInPageController(Controller):
    """Sign-in by an HTML form that works without JavaScript."""

    path = "/sign-in"
    include_in_schema = False
    opt = {"public": True, "optional_authentication": True}  # noqa: RUF012 - Litestar reads a plain class attribute
    dependencies = {  # noqa: RUF012 - as above
        "sessions": Provide(provide_sessions, sync_to_thread=False),
        "sign_in_limiter": Provide(provide_sign_in_limiter, sync_to_thread=False),
    }

    @get(media_type=MediaType.HTML)
    async def show(
        self,
        request: Request[Any, Any, Any],
        settings: NamedDependency[Settings],
        next_path: Annotated[str | None, QueryParameter(name="next")] = None,
    ) -> Template:
        """Return the form, and the name of the user if one is signed in."""
        return _page(request, settings, safe_next_path(next_path))

    @post(media_type=MediaType.HTML)
    async def sign_in(
        self,
        request: Request[Any, Any, Any],
        sessions: NamedDependency[SessionService],
        sign_in_limiter: NamedDependency[SignInLimiter],
        settings: NamedDependency[Settings],
    ) -> Response[Any]:
        """Start a session for an API token and redirect to `next`."""
        form = await _form(request)
        next_path, token = safe_next_path(form.get("next")), form.get("token", "").strip()
        if not token:
            return _page(request, settings, next_path, status=422, error="Enter an API token.")
        try:
            async with sign_in_limiter.limit_failures(request, token):
                tokens = await sessions.start(token, user_agent=request.headers.get("user-agent"))
        except UnauthorizedError:
            error = "The token is invalid, has expired or was revoked. Check it, or create a new one."
            return _page(request, settings, next_path, status=401, error=error)
        except TooManyRequestsError as error:
            return _page(request, settings, next_path, status=429, error=error.detail, headers=error.headers)
        return Redirect(
            next_path,
            status_code=303,
            headers={"Cache-Control": "no-store"},
            cookies=session_cookies(tokens, settings.security),
        )


def _page(
    request: Request[Any, Any, Any],
    settings: Settings,
    next_path: str,
    *,
    status: int = 200,
    error: str | None = None,
    headers: dict[str, str] | None = None,
) -> Template:
    user: Principal | None = request.scope["user"]
    tone3000 = f"/api/v1/auth/login?{urlencode({'next': next_path})}" if settings.tone3000.client_id else None
    return Template(
        "sign_in.html",
        status_code=status,
        media_type=MediaType.HTML,
        headers={**PAGE_HEADERS, **(headers or {})},
        context={
            "error": error,
            "next": next_path,
            "prefix": request.scope["state"].get(PREFIX, ""),
            "renew": user is None and error is None and request.method == "GET",
            "tone3000": tone3000,
            "user": user,
        },
    )


async def _form(request: Request[Any, Any, Any]) -> dict[str, str]:
    """Return the fields of a URL-encoded form; empty for any other body."""
    if request.content_type[0] != "application/x-www-form-urlencoded":
        return {}
    try:
        return dict(parse_qsl((await request.body()).decode("ascii"), max_num_fields=_FORM_FIELDS))
    except ValueError:
        return {}
