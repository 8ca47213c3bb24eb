"""Sign-in with TONE3000 over HTTP."""

from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import Controller, Request, Response, delete, get, post
from litestar.di import NamedDependency, Provide
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, QueryParameter, SkipValidation
from litestar.response import Redirect
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.accounts.browsers import LONGEST_PATH, OWN_PATH
from tone_shootout.accounts.connections import ConnectionStore
from tone_shootout.accounts.controllers._parts import NO_STORE, provide_attempts, signed_in
from tone_shootout.accounts.cookies import arrived_cookie, departing_cookie, session_cookies, sign_in_cookie
from tone_shootout.accounts.dtos import (
    ArrivalRead,
    DeviceCreate,
    DevicePendingRead,
    DevicePoll,
    DeviceRead,
    SessionRead,
)
from tone_shootout.accounts.errors import SignInDeniedError
from tone_shootout.accounts.guards import own_address, who_connects
from tone_shootout.accounts.principal import Principal
from tone_shootout.accounts.sign_in import OAuthResult, Return, SignInService
from tone_shootout.accounts.sign_in_limits import BROWSERS, DEVICES, SignInAttempts
from tone_shootout.kit.http.head import GET_ONLY
from tone_shootout.kit.http.problems import problems
from tone_shootout.kit.keyring import KeyRing
from tone_shootout.kit.settings import Settings
from tone_shootout.tone3000.oauth import ToneChoice
from tone_shootout.tone3000.types import Architecture, Format, Gear, Prompt

_PRIVATE = {**NO_STORE, "Referrer-Policy": "no-referrer"}


def provide_choice(
    prompt: Annotated[
        Prompt | None, QueryParameter(description="Have a tone selected, or `tone_id` loaded, on the way.")
    ] = None,
    tone_id: Annotated[int | None, QueryParameter(description="The tone to load.", ge=1)] = None,
    gears: Annotated[
        list[Gear] | None, QueryParameter(description="Show tones of such gear only.", max_items=10)
    ] = None,
    format_: Annotated[
        Format | None, QueryParameter(name="format", description="Show files of this kind only.")
    ] = None,
    architecture: Annotated[Architecture | None, QueryParameter(description="Show captures of this kind only.")] = None,
    calibrated: Annotated[bool, QueryParameter(description="Show tones that state their levels only.")] = False,
    preview: Annotated[bool, QueryParameter(description="Offer to listen, while selecting.")] = False,
) -> ToneChoice | None:
    """Return what TONE3000 is to show to somebody who is to choose a tone on the way."""
    if prompt is None:
        return None
    return ToneChoice(
        prompt=prompt,
        tone_id=tone_id,
        gears=tuple(gears or ()),
        format=format_,
        architecture=architecture,
        calibrated=calibrated,
        preview=preview,
    )


class SignInController(Controller):
    """The way to TONE3000 and back."""

    path = "/api/v1/auth"
    tags = ("accounts",)
    opt = {"public": True, "recognises": True}  # noqa: RUF012 - Litestar reads it as it stands
    dependencies = {"attempts": Provide(provide_attempts, sync_to_thread=False)}  # noqa: RUF012 - as above

    @get(
        "/login",
        dependencies={"choice": Provide(provide_choice, sync_to_thread=False)},
        operation_id="sign_in",
        summary="Sign in with TONE3000",
        status_code=302,
        responses={
            302: ResponseSpec(None, generate_examples=False, description="To TONE3000"),
            **problems(400, 401, 403, 409, 503),
        },
    )
    async def login(
        self,
        request: Request[Any, Any, Any],
        sign_in: NamedDependency[SkipValidation[SignInService]],
        attempts: NamedDependency[SignInAttempts],
        settings: NamedDependency[Settings],
        choice: NamedDependency[ToneChoice | None],
        next_path: Annotated[
            str | None,
            QueryParameter(
                name="next",
                description="Path of this service that the browser goes on to, with `sign_in` (done, canceled or "
                "denied) and `tone_id` in its query; left out: the callback answers JSON.",
                pattern=OWN_PATH,
                max_length=LONGEST_PATH,
            ),
        ] = None,
        link: Annotated[bool, QueryParameter(description="Connect TONE3000 with who is signed in here.")] = False,
        menubar: Annotated[bool, QueryParameter(description="Show buttons to go back and to close.")] = False,
    ) -> Redirect:
        """Send a browser to TONE3000. It comes back to `/auth/callback`, and only the browser that was sent counts."""
        await attempts.begin(BROWSERS, request)
        departure = await sign_in.depart(
            redirect_url=_callback_of(request, settings),
            next_path=next_path,
            link_to=who_connects(request, settings) if link else None,
            choice=choice,
            menubar=menubar,
        )
        cookie = departing_cookie(departure.state, departure.browser, settings.security)
        return Redirect(departure.url, status_code=302, headers=_PRIVATE, cookies=[cookie])

    @get(
        "/callback",
        opt={GET_ONLY: True},
        operation_id="finish_sign_in",
        summary="Come back from TONE3000",
        responses={
            303: ResponseSpec(None, generate_examples=False, description="To where `next` said"),
            **problems(400, 403, 404, 409, 502, 503),
        },
    )
    async def callback(
        self,
        request: Request[Any, Any, Any],
        sign_in: NamedDependency[SkipValidation[SignInService]],
        attempts: NamedDependency[SignInAttempts],
        settings: NamedDependency[Settings],
        state_: Annotated[str, QueryParameter(name="state", description="What it left with.", max_length=128)] = "",
        code: Annotated[
            str | None, QueryParameter(description="What TONE3000 gives it for us.", max_length=2048)
        ] = None,
        error: Annotated[
            str | None, QueryParameter(description="Why it does not let somebody in.", max_length=256)
        ] = None,
        canceled: Annotated[
            str | None, QueryParameter(description="`true`: somebody has closed the page.", max_length=16)
        ] = None,
        tone_id: Annotated[
            str | None, QueryParameter(description="The tone that was selected.", pattern=r"^\d{1,18}$")
        ] = None,
    ) -> Response[ArrivalRead | None]:
        """End a sign-in: a session is started and set as cookies, unless somebody has changed their mind."""
        back = Return(state_, code, error, canceled == "true", int(tone_id) if tone_id else None)
        async with attempts.watched(request, state_):
            arrival = await sign_in.arrive(
                back,
                browser=request.cookies.get(sign_in_cookie(state_)),
                user_agent=request.headers.get("user-agent"),
            )
        return _arrived(arrival, state_, settings)

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
        attempts: NamedDependency[SignInAttempts],
        settings: NamedDependency[Settings],
        data: JSONBody[DeviceCreate | None] = None,
    ) -> Response[DeviceRead]:
        """Begin a sign-in that somebody finishes in any browser: show them the code and the address."""
        await attempts.begin(DEVICES, request)
        link_to = who_connects(request, settings) if data and data.link else None
        handle, begun = await sign_in.start_device(link_to)
        return Response(DeviceRead.of(handle, begun), status_code=201, headers=NO_STORE)

    @post(
        "/device/poll",
        operation_id="poll_device",
        summary="Ask whether a device is signed in",
        status_code=201,
        responses={
            202: ResponseSpec(DevicePendingRead, generate_examples=False, description="Not yet"),
            **problems(400, 403, 404, 409, 502, 503),
        },
    )
    async def poll(
        self,
        data: JSONBody[DevicePoll],
        request: Request[Any, Any, Any],
        sign_in: NamedDependency[SkipValidation[SignInService]],
        attempts: NamedDependency[SignInAttempts],
        settings: NamedDependency[Settings],
    ) -> Response[SessionRead] | Response[DevicePendingRead]:
        """Return a session once somebody has let the device in; until then, when to ask again."""
        async with attempts.watched(request, data.device_code):
            outcome = await sign_in.poll_device(data.device_code, user_agent=request.headers.get("user-agent"))
        if isinstance(outcome, int):
            return Response(DevicePendingRead(interval=outcome), status_code=202, headers=NO_STORE)
        return signed_in(outcome, settings)


class Tone3000Controller(Controller):
    """The connection with TONE3000."""

    path = "/api/v1/me/tone3000"
    tags = ("accounts",)

    @delete(operation_id="disconnect_tone3000", summary="Disconnect TONE3000", responses=problems(401, 403, 409))
    async def disconnect(
        self,
        principal: NamedDependency[Principal],
        db_session: NamedDependency[AsyncSession],
        key_ring: NamedDependency[KeyRing],
    ) -> None:
        """Forget TONE3000's tokens and whose account it is. What was imported stays."""
        await ConnectionStore(db_session, key_ring).disconnect(principal.user_id)


def _callback_of(request: Request[Any, Any, Any], settings: Settings) -> str:
    """Return where TONE3000 sends the browser back to.

    It is the host that the browser has used here, if that is this machine and no public address is set.
    """
    own = None if settings.tone3000.redirect_url or settings.server.public_url else own_address(request)
    return f"{own}{settings.server.root_path}/api/v1/auth/callback" if own else settings.tone3000_redirect_url


def _arrived(arrival: OAuthResult, state: str, settings: Settings) -> Response[Any]:
    if arrival.denied and arrival.next is None:
        raise SignInDeniedError
    gone = arrived_cookie(state, settings.security)
    cookies = [gone, *(session_cookies(arrival.grant, settings.security) if arrival.grant else ())]
    if arrival.next is None:
        return Response(ArrivalRead.of(arrival), status_code=200, headers=_PRIVATE, cookies=cookies)
    outcome = "denied" if arrival.denied else "canceled" if arrival.canceled else "done"
    query = {"sign_in": outcome, **({"tone_id": str(arrival.tone_id)} if arrival.tone_id else {})}
    path, hash_, fragment = arrival.next.partition("#")
    url = f"{path}{'&' if '?' in path else '?'}{urlencode(query)}{hash_}{fragment}"
    return Redirect(url, status_code=303, headers=_PRIVATE, cookies=cookies)
