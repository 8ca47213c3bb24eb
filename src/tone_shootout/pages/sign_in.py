"""Sign-in and sign-out."""

from typing import Annotated, Any, Final
from urllib.parse import urlencode

from litestar import Controller, MediaType, Request, Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter
from litestar.response import Redirect, Template

from tone_shootout.accounts.controllers import (
    get_refresh_token,
    provide_accounts,
    provide_sessions,
    provide_sign_in_limiter,
    provide_sign_in_links,
)
from tone_shootout.accounts.cookies import expired_session_cookies, session_cookies
from tone_shootout.accounts.errors import CrossOriginError, InvalidCredentialsError
from tone_shootout.accounts.principal import Principal
from tone_shootout.accounts.redirects import SIGN_IN_PAGE, safe_next_path
from tone_shootout.accounts.services import AccountService
from tone_shootout.accounts.sessions import SessionService, SessionTokens
from tone_shootout.accounts.sign_in_limits import SignInLimiter
from tone_shootout.accounts.sign_in_links import SignInLinks
from tone_shootout.kit.http.problems import TooManyRequestsError, UnauthorizedError
from tone_shootout.kit.settings import Settings
from tone_shootout.pages.forms import read_fields
from tone_shootout.pages.responses import page

_NO_STORE: Final = {"Cache-Control": "no-store"}
_BAD_TOKEN: Final = "The token is invalid, has expired or was revoked. Check it, or create a new one."  # noqa: S105 - a message
_BAD_CODE: Final = (
    "This link was used before or has expired. For another one, run “shootout user link” on the machine of the service."
)

NextPath = Annotated[str | None, QueryParameter(name="next")]


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
        "accounts": Provide(provide_accounts, sync_to_thread=False),
        "sessions": Provide(provide_sessions, sync_to_thread=False),
        "sign_in_limiter": Provide(provide_sign_in_limiter, sync_to_thread=False),
        "sign_in_links": Provide(provide_sign_in_links, sync_to_thread=False),
    }

    @get(media_type=MediaType.HTML)
    async def show(
        self,
        request: Request[Any, Any, Any],
        settings: NamedDependency[Settings],
        accounts: NamedDependency[AccountService],
        sign_in_links: NamedDependency[SignInLinks],
        next_path: NextPath = None,
        code: Annotated[str | None, QueryParameter()] = None,
    ) -> Template:
        """Return the form, and the name of the user who is signed in or whom the code of a link signs in.

        A code is not used up: programs that preview links open them too.
        """
        path = safe_next_path(next_path)
        if code is None:
            return _page(request, settings, path)
        user_id = await sign_in_links.find(code)
        user = None if user_id is None else await accounts.find_active_user(user_id)
        if user is None:
            return _page(request, settings, path, status=401, error=_BAD_CODE)
        return _page(request, settings, path, code=code, invited=user.name)

    @post(media_type=MediaType.HTML)
    async def sign_in(
        self,
        request: Request[Any, Any, Any],
        sessions: NamedDependency[SessionService],
        accounts: NamedDependency[AccountService],
        sign_in_links: NamedDependency[SignInLinks],
        sign_in_limiter: NamedDependency[SignInLimiter],
        settings: NamedDependency[Settings],
    ) -> Response[Any]:
        """Start a session for the code of a link or an API token, and redirect to `next`."""
        form = await read_fields(request)
        next_path, token, code = safe_next_path(form.get("next")), form.get("token", "").strip(), form.get("code", "")
        if not token and not code:
            return _page(request, settings, next_path, status=422, error="Enter an API token.")
        user_agent = request.headers.get("user-agent")
        try:
            async with sign_in_limiter.limit_failures(request, code or token):
                if code:
                    tokens = await _redeem(code, sign_in_links, accounts, sessions, user_agent)
                else:
                    tokens = await sessions.start(token, user_agent=user_agent)
        except UnauthorizedError:
            return _page(request, settings, next_path, status=401, error=_BAD_CODE if code else _BAD_TOKEN)
        except TooManyRequestsError as error:
            return _page(request, settings, next_path, status=429, error=error.detail, headers=error.headers)
        return Redirect(next_path, status_code=303, headers=_NO_STORE, cookies=session_cookies(tokens, settings))


class SessionPageController(Controller):
    """Renewal and end of a session in a browser. Their path is that of the cookie with the refresh token."""

    path = "/api/v1/auth"
    include_in_schema = False
    opt = {"public": True, "optional_authentication": True}  # noqa: RUF012 - Litestar reads a plain class attribute
    dependencies = {  # noqa: RUF012 - as above
        "sessions": Provide(provide_sessions, sync_to_thread=False),
        "sign_in_limiter": Provide(provide_sign_in_limiter, sync_to_thread=False),
    }

    @get("/renewal")
    async def renew(
        self,
        request: Request[Any, Any, Any],
        sessions: NamedDependency[SessionService],
        sign_in_limiter: NamedDependency[SignInLimiter],
        settings: NamedDependency[Settings],
        next_path: NextPath = None,
    ) -> Redirect:
        """Renew the session and redirect to `next`; if it has ended, to the sign-in page. Needs no script."""
        path, refresh_token = safe_next_path(next_path), get_refresh_token(request, None, settings)
        async with sign_in_limiter.limit_failures(request, refresh_token) as attempt:
            tokens = await sessions.renew(refresh_token)
            attempt.failed = tokens is None
        if tokens is None:
            query = urlencode({"next": path, "renewed": "no"})
            return Redirect(f"{SIGN_IN_PAGE}?{query}", status_code=303, headers=_NO_STORE)
        return Redirect(path, status_code=303, headers=_NO_STORE, cookies=session_cookies(tokens, settings))

    @post("/sign-out")
    async def sign_out(
        self,
        request: Request[Any, Any, Any],
        sessions: NamedDependency[SessionService],
        settings: NamedDependency[Settings],
    ) -> Redirect:
        """End the session and redirect to the sign-in page."""
        await sessions.end(get_refresh_token(request, None, settings))
        principal = request.scope["user"]
        if isinstance(principal, Principal):
            await sessions.end_current(principal)
        return Redirect(
            f"{SIGN_IN_PAGE}?signed_out=yes",
            status_code=303,
            headers=_NO_STORE,
            cookies=expired_session_cookies(settings),
        )


async def _redeem(
    code: str, links: SignInLinks, accounts: AccountService, sessions: SessionService, user_agent: str | None
) -> SessionTokens:
    user_id = await links.redeem(code)
    user = None if user_id is None else await accounts.find_active_user(user_id)
    if user is None:
        raise InvalidCredentialsError
    return await sessions.start_for(user.id, method="link", user_agent=user_agent)


def _page(
    request: Request[Any, Any, Any],
    settings: Settings,
    next_path: str,
    *,
    status: int = 200,
    error: str | None = None,
    headers: dict[str, str] | None = None,
    code: str | None = None,
    invited: str | None = None,
) -> Template:
    query = request.query_params
    is_first = error is None and request.method == "GET" and code is None and "signed_out" not in query
    return page(
        request,
        "sign_in.html",
        status=status,
        headers=headers,
        code=code,
        error=error,
        invited=invited,
        next=next_path,
        renew=is_first and request.scope["user"] is None,
        renewal=None if "renewed" in query else f"/api/v1/auth/renewal?{urlencode({'next': next_path})}",
        signed_out="signed_out" in query,
        tone3000=f"/api/v1/auth/login?{urlencode({'next': next_path})}" if settings.tone3000.client_id else None,
    )
