"""REST endpoints of the sign-in with TONE3000."""

from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import Controller, Request, Response, delete, get, post
from litestar.di import NamedDependency, Provide
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, QueryParameter, SkipValidation
from litestar.response import Redirect
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.accounts.connections import ConnectionStore
from tone_shootout.accounts.controllers._shared import NO_STORE, provide_sign_in_limiter, session_response
from tone_shootout.accounts.cookies import expired_sign_in_cookie, session_cookies, sign_in_cookie, sign_in_cookie_name
from tone_shootout.accounts.dtos import (
    DEVICE_POLL_PATH,
    DeviceCreate,
    DeviceLinks,
    DevicePendingRead,
    DevicePoll,
    DeviceRead,
    SessionRead,
    SignInResultRead,
)
from tone_shootout.accounts.errors import SignInDeniedError
from tone_shootout.accounts.guards import get_linking_principal, local_origin
from tone_shootout.accounts.principal import Principal
from tone_shootout.accounts.redirects import LOCAL_PATH_PATTERN, MAX_PATH_LENGTH
from tone_shootout.accounts.sign_in import OAuthCallback, OAuthResult, SignInService
from tone_shootout.accounts.sign_in_limits import BROWSER_STARTS, DEVICE_STARTS, SignInLimiter
from tone_shootout.kit.http.head import GET_ONLY
from tone_shootout.kit.http.problems import problems
from tone_shootout.kit.http.query import ANY_QUERY
from tone_shootout.kit.keyring import KeyRing
from tone_shootout.kit.settings import Settings
from tone_shootout.tone3000.oauth import ToneChoice
from tone_shootout.tone3000.types import Architecture, Format, Gear, Prompt

_PRIVATE_HEADERS = {**NO_STORE, "Referrer-Policy": "no-referrer"}


def provide_choice(
    prompt: Annotated[
        Prompt | None,
        QueryParameter(description="`select_tone`: select a tone at TONE3000. `load_tone`: load the tone `tone_id`."),
    ] = None,
    tone_id: Annotated[int | None, QueryParameter(description="Id of the tone to load.", ge=1, le=2**53)] = None,
    gear: Annotated[
        list[Gear] | None, QueryParameter(description="Show only tones of these gear types.", max_items=10)
    ] = None,
    format_: Annotated[
        Format | None, QueryParameter(name="format", description="Show only tones of this file format.")
    ] = None,
    architecture: Annotated[
        Architecture | None, QueryParameter(description="Show only captures of this architecture.")
    ] = None,
    calibrated: Annotated[
        bool, QueryParameter(description="Show only tones with a capture that states its levels.")
    ] = False,
    preview: Annotated[bool, QueryParameter(description="Offer previews during the selection.")] = False,
) -> ToneChoice | None:
    """Provide the selection of a tone that TONE3000 offers during sign-in; None: sign in only."""
    if prompt is None:
        return None
    return ToneChoice(
        prompt=prompt,
        tone_id=tone_id,
        gears=tuple(gear or ()),
        format=format_,
        architecture=architecture,
        calibrated=calibrated,
        preview=preview,
    )


class SignInController(Controller):
    """Sign-in with TONE3000, in a browser and on a device."""

    path = "/api/v1/auth"
    tags = ("accounts",)
    opt = {"public": True, "optional_authentication": True}  # noqa: RUF012 - Litestar reads it as it stands
    dependencies = {"sign_in_limiter": Provide(provide_sign_in_limiter, sync_to_thread=False)}  # noqa: RUF012 - as above

    @get(
        "/login",
        dependencies={"choice": Provide(provide_choice, sync_to_thread=False)},
        operation_id="sign_in",
        summary="Sign in with TONE3000",
        status_code=302,
        responses={
            302: ResponseSpec(None, generate_examples=False, description="Redirect to TONE3000"),
            **problems(400, 401, 403, 409, 503),
        },
    )
    async def login(
        self,
        request: Request[Any, Any, Any],
        sign_in: NamedDependency[SkipValidation[SignInService]],
        sign_in_limiter: NamedDependency[SignInLimiter],
        settings: NamedDependency[Settings],
        choice: NamedDependency[ToneChoice | None],
        next_path: Annotated[
            str | None,
            QueryParameter(
                name="next",
                description="Path of this service to redirect to afterwards, with `sign_in` (done, canceled or denied) "
                "and `tone_id` added to its query. Default: the callback returns JSON.",
                pattern=LOCAL_PATH_PATTERN,
                max_length=MAX_PATH_LENGTH,
            ),
        ] = None,
        link: Annotated[bool, QueryParameter(description="Connect TONE3000 with the signed-in user.")] = False,
        menubar: Annotated[bool, QueryParameter(description="Show buttons to go back and to close.")] = False,
    ) -> Redirect:
        """Redirect to TONE3000, which redirects the same browser back to `/auth/callback`."""
        await sign_in_limiter.limit_start(BROWSER_STARTS, request)
        redirect = await sign_in.start_browser(
            redirect_url=_callback_url(request, settings),
            next_path=next_path,
            link_to=get_linking_principal(request, settings) if link else None,
            choice=choice,
            menubar=menubar,
        )
        cookie = sign_in_cookie(redirect.state, redirect.browser, settings)
        return Redirect(redirect.url, status_code=302, headers=_PRIVATE_HEADERS, cookies=[cookie])

    @get(
        "/callback",
        opt={GET_ONLY: True, ANY_QUERY: True},
        operation_id="finish_sign_in",
        summary="Finish a sign-in with TONE3000",
        responses={
            200: ResponseSpec(SignInResultRead, generate_examples=False, description="The result"),
            303: ResponseSpec(None, generate_examples=False, description="Redirect to `next`"),
            **problems(400, 403, 404, 409, 502, 503),
        },
    )
    async def callback(
        self,
        request: Request[Any, Any, Any],
        sign_in: NamedDependency[SkipValidation[SignInService]],
        sign_in_limiter: NamedDependency[SignInLimiter],
        settings: NamedDependency[Settings],
        state_: Annotated[
            str, QueryParameter(name="state", description="State of the sign-in request.", max_length=128)
        ] = "",
        code: Annotated[str | None, QueryParameter(description="Authorization code.", max_length=2048)] = None,
        error: Annotated[
            str | None, QueryParameter(description="OAuth error code of a failed sign-in.", max_length=256)
        ] = None,
        canceled: Annotated[
            str | None, QueryParameter(description="`true`: the page of TONE3000 was closed.", max_length=16)
        ] = None,
        tone_id: Annotated[
            str | None, QueryParameter(description="Id of the selected tone.", pattern=r"^[0-9]{1,18}$(?!\n)")
        ] = None,
    ) -> Response[SignInResultRead | None]:
        """Finish a sign-in: start a session and set it as cookies, unless the sign-in was canceled or denied."""
        callback = OAuthCallback(state_, code, error, canceled == "true", int(tone_id) if tone_id else None)
        async with sign_in_limiter.limit_failures(request, state_):
            result = await sign_in.finish_browser(
                callback,
                browser=request.cookies.get(sign_in_cookie_name(state_)),
                user_agent=request.headers.get("user-agent"),
            )
        return _callback_response(result, state_, settings)

    @post(
        "/device",
        operation_id="sign_in_device",
        summary="Sign in a device without a browser",
        status_code=201,
        responses=problems(400, 401, 403, 409, 502, 503),
    )
    async def device(
        self,
        request: Request[Any, Any, Any],
        sign_in: NamedDependency[SkipValidation[SignInService]],
        sign_in_limiter: NamedDependency[SignInLimiter],
        settings: NamedDependency[Settings],
        data: JSONBody[DeviceCreate | None] = None,
    ) -> Response[DeviceRead]:
        """Start a sign-in that the user finishes in any browser. Show the user the code and the URL."""
        await sign_in_limiter.limit_start(DEVICE_STARTS, request)
        link_to = get_linking_principal(request, settings) if data and data.link else None
        handle, device = await sign_in.start_device(link_to)
        return Response(
            DeviceRead.of(handle, device), status_code=201, headers={**NO_STORE, "Location": DEVICE_POLL_PATH}
        )

    @post(
        "/device/poll",
        operation_id="poll_device",
        summary="Poll the sign-in of a device",
        status_code=201,
        responses={
            201: ResponseSpec(SessionRead, generate_examples=False, description="Signed in"),
            202: ResponseSpec(DevicePendingRead, generate_examples=False, description="Still pending"),
            **problems(400, 403, 404, 409, 502, 503),
        },
    )
    async def poll(
        self,
        data: JSONBody[DevicePoll],
        request: Request[Any, Any, Any],
        sign_in: NamedDependency[SkipValidation[SignInService]],
        sign_in_limiter: NamedDependency[SignInLimiter],
        settings: NamedDependency[Settings],
    ) -> Response[SessionRead] | Response[DevicePendingRead]:
        """Return a session once the user has allowed the device; until then, the polling interval."""
        async with sign_in_limiter.limit_failures(request, data.device_code):
            result = await sign_in.poll_device(data.device_code, user_agent=request.headers.get("user-agent"))
        if isinstance(result, int):
            headers = {**NO_STORE, "Location": DEVICE_POLL_PATH}
            pending = DevicePendingRead(interval_s=result, links=DeviceLinks(poll=DEVICE_POLL_PATH))
            return Response(pending, status_code=202, headers=headers)
        return session_response(result, settings, is_new=True)


class Tone3000Controller(Controller):
    """The authenticated user's connection with TONE3000."""

    path = "/api/v1/me/tone3000"
    tags = ("accounts",)

    @delete(operation_id="disconnect_tone3000", summary="Disconnect TONE3000", responses=problems(400, 401, 403, 409))
    async def disconnect(
        self,
        principal: NamedDependency[Principal],
        db_session: NamedDependency[AsyncSession],
        key_ring: NamedDependency[KeyRing],
    ) -> None:
        """Delete the connection and its tokens. Imported items stay in your library."""
        await ConnectionStore(db_session, key_ring).disconnect(principal.user_id)


def _callback_url(request: Request[Any, Any, Any], settings: Settings) -> str:
    """Return the redirect URL of a sign-in.

    Without a configured URL, a browser on this machine returns to the host that it used, so that its cookies match.
    """
    origin = None if settings.tone3000.redirect_url or settings.server.public_url else local_origin(request)
    return f"{origin}{settings.server.root_path}/api/v1/auth/callback" if origin else settings.tone3000_redirect_url


def _callback_response(result: OAuthResult, state: str, settings: Settings) -> Response[Any]:
    if result.denied and result.next is None:
        raise SignInDeniedError
    expired = expired_sign_in_cookie(state, settings)
    cookies = [expired, *(session_cookies(result.tokens, settings) if result.tokens else ())]
    if result.next is None:
        return Response(SignInResultRead.of(result), status_code=200, headers=_PRIVATE_HEADERS, cookies=cookies)
    outcome = "denied" if result.denied else "canceled" if result.canceled else "done"
    query = {"sign_in": outcome, **({"tone_id": str(result.tone_id)} if result.tone_id else {})}
    path, hash_, fragment = result.next.partition("#")
    url = f"{path}{'&' if '?' in path else '?'}{urlencode(query)}{hash_}{fragment}"
    return Redirect(url, status_code=303, headers=_PRIVATE_HEADERS, cookies=cookies)
