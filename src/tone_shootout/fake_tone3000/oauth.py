"""OAuth endpoints: authorization code with PKCE, refresh with rotation, device authorization."""

import html
import secrets
import time
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.response import Redirect

from tone_shootout.fake_tone3000.people import PEOPLE
from tone_shootout.fake_tone3000.world import CLIENT_ID, Answer, Authorization, Device, RefusedError, World

DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
PROMPTS: Final = ("", "select_tone", "load_tone")
ALPHABET: Final = "BCDFGHJKLMNPQRSTVWXZ"

_PAGE: Final = """<!doctype html><meta charset="utf-8"><title>{title}</title>
<style>body{{font:16px sans-serif;max-width:32rem;margin:4rem auto}}button{{font:inherit;margin-right:1rem}}</style>
<h1>{title}</h1><p>This is not TONE3000: it stands in for it on this machine.</p>{body}"""


@get("/api/v1/oauth/authorize")
async def authorize(request: Request[Any, Any, Any], state: State) -> Response[Any]:
    """Show the sign-in page, or redirect as the options specify."""
    world: World = state["world"]
    query = dict(request.query_params)
    authorization = _parse_authorization(world, query)
    if isinstance(authorization, str):
        return Response(_page("This request can't be granted", f"<p>{html.escape(authorization)}"), status_code=400)
    if world.options.answer is not None:
        return _redirect_back(world, authorization, world.options.answer)
    number = secrets.token_urlsafe(12)
    world.authorizations[number] = authorization
    return Response(_sign_in_page(world, number, authorization), media_type="text/html")


@post("/api/v1/oauth/authorize", status_code=302)
async def decide(request: Request[Any, Any, Any], state: State) -> Response[Any]:
    """Handle the form of the sign-in page."""
    world: World = state["world"]
    form = await request.form()
    authorization = world.authorizations.pop(str(form.get("authorization_id")), None)
    if authorization is None:
        return Response(_page("This page has been used", ""), status_code=400)
    tone_id = str(form.get("tone_id") or "")
    outcome: Any = form.get("outcome")
    answer = Answer(outcome=outcome, user=str(form.get("user")), tone_id=int(tone_id) if tone_id else None)
    return _redirect_back(world, authorization, answer)


@post("/api/v1/oauth/token", status_code=200)
async def token(request: Request[Any, Any, Any], state: State) -> dict[str, Any]:
    """Exchange an authorization code, a refresh token or a device code for tokens."""
    world: World = state["world"]
    form = {name: str(value) for name, value in (await request.form()).items()}
    if form.get("client_id") != CLIENT_ID:
        raise RefusedError(401, {"error": "invalid_client"})
    match form.get("grant_type"):
        case "authorization_code":
            user = world.redeem(form.get("code", ""), form.get("code_verifier", ""), form.get("redirect_uri", ""))
            if user is None:
                detail = "Code is expired or was already used"
                raise RefusedError(400, {"error": "invalid_grant", "error_description": detail})
            return world.issue(user)
        case "refresh_token":
            return _refresh(world, form.get("refresh_token", ""))
        case kind if kind == DEVICE_GRANT:
            return _device(world, form.get("device_code", ""))
    raise RefusedError(400, {"error": "unsupported_grant_type"})


@post("/api/v1/oauth/device_authorization", status_code=200)
async def device_authorization(request: Request[Any, Any, Any], state: State) -> dict[str, Any]:
    """Start the sign-in of a device."""
    world: World = state["world"]
    form = await request.form()
    if form.get("client_id") != CLIENT_ID:
        raise RefusedError(401, {"error": "invalid_client"})
    letters = "".join(secrets.choice(ALPHABET) for _ in range(8))
    device_code, user_code = secrets.token_urlsafe(24), f"{letters[:4]}-{letters[4:]}"
    options = world.options
    world.devices[device_code] = Device(
        user_code=user_code, expires_at=time.time() + options.device_seconds, interval=options.device_interval
    )
    base = base_of(request)
    return {
        "device_code": device_code,
        "user_code": user_code,
        "verification_uri": f"{base}/activate",
        "verification_uri_complete": f"{base}/activate?user_code={user_code}",
        "expires_in": options.device_seconds,
        "interval": options.device_interval,
    }


@get("/activate", media_type="text/html")
async def activate(user_code: str = "") -> str:
    """Show the page that allows or denies a device."""
    fields = f'<input name="user_code" value="{html.escape(user_code)}" placeholder="ABCD-EFGH"> {_people()}'
    buttons = _button("allow", "Allow") + _button("deny", "Deny")
    return _page("A device wants to sign in", f'<form method="post"><p>{fields}<p>{buttons}</form>')


@post("/activate", status_code=200, media_type="text/html")
async def activated(request: Request[Any, Any, Any], state: State) -> str:
    """Handle the form of the device page."""
    form = await request.form()
    device = device_of(state["world"], str(form.get("user_code")))
    device.user, device.is_denied = str(form.get("user")), form.get("outcome") != "allow"
    return _page("Done", "<p>Return to the device.")


def device_of(world: World, user_code: str) -> Device:
    """Return the device with a user code.

    Raises:
        RefusedError: 404, no device has the code.
    """
    for device in world.devices.values():
        if device.user_code == user_code:
            return device
    raise RefusedError(404, {"error": "No such code"})


def base_of(request: Request[Any, Any, Any]) -> str:
    """Return the origin of the request URL."""
    return str(request.base_url).rstrip("/")


def _parse_authorization(world: World, query: dict[str, str]) -> Authorization | str:
    """Return the authorization request, or an error message."""
    tone_id = query.get("tone_id", "")
    errors = [
        text
        for is_error, text in (
            (query.get("client_id") != CLIENT_ID, "client_id is not known"),
            (not world.accepts_redirect(query.get("redirect_uri", "")), "redirect_uri is not registered"),
            (query.get("response_type") != "code", "response_type has to be code"),
            (query.get("code_challenge_method") != "S256", "code_challenge_method has to be S256"),
            (len(query.get("code_challenge", "")) != 43, "code_challenge is missing or no SHA-256"),
            (not query.get("state"), "state is missing"),
            (query.get("prompt", "") not in PROMPTS, "prompt is not known"),
            (query.get("prompt") == "load_tone" and not tone_id.isdecimal(), "load_tone needs a tone_id"),
        )
        if is_error
    ]
    if errors:
        return errors[0]
    return Authorization(
        redirect_uri=query["redirect_uri"],
        state=query["state"],
        challenge=query["code_challenge"],
        prompt=query.get("prompt", ""),
        tone_id=int(tone_id) if tone_id.isdecimal() else None,
    )


def _redirect_back(world: World, authorization: Authorization, answer: Answer) -> Redirect:
    query: dict[str, str] = {"state": authorization.state}
    match answer.outcome:
        case "allow":
            query["code"] = world.new_code(authorization, answer.user)
            tone_id = answer.tone_id or authorization.tone_id
            if authorization.prompt and tone_id is not None:
                query["tone_id"] = str(tone_id)
        case "cancel":
            query |= {"canceled": "true", "code": world.new_code(authorization, answer.user)}
        case "cancel_before_sign_in":
            query["canceled"] = "true"
        case error:
            query |= {"error": error, "error_description": "Injected by a test"}
    separator = "&" if "?" in authorization.redirect_uri else "?"
    return Redirect(f"{authorization.redirect_uri}{separator}{urlencode(query)}")


def _refresh(world: World, refresh_token: str) -> dict[str, Any]:
    user = world.refresh_tokens.pop(refresh_token, None)
    if user is not None:
        return world.issue(user)
    if world.options.odd_errors:
        body = {"code": 400, "error_code": "refresh_token_not_found", "msg": "Unknown refresh token"}
        raise RefusedError(400, body)
    raise RefusedError(400, {"error": "invalid_grant"})


def _device(world: World, device_code: str) -> dict[str, Any]:
    device = world.devices.get(device_code)
    if device is None or device.expires_at <= time.time():
        raise RefusedError(400, {"error": "expired_token"})
    now, previous = time.monotonic(), device.polled_at
    device.polled_at = now
    if previous and now - previous < device.interval:
        device.interval += 5
        raise RefusedError(400, {"error": "slow_down"})
    if device.is_denied:
        raise RefusedError(400, {"error": "access_denied"})
    if device.user is None:
        raise RefusedError(400, {"error": "authorization_pending"})
    del world.devices[device_code]
    return world.issue(device.user)


def _sign_in_page(world: World, number: str, authorization: Authorization) -> str:
    tones = ""
    if authorization.prompt:
        chosen = authorization.tone_id
        rows = "".join(
            f'<option value="{tone.id}"{" selected" if tone.id == chosen else ""}>{html.escape(tone.title)}</option>'
            for tone in world.tones.values()
            if tone.visibility == "public"
        )
        tones = f'<p>Tone <select name="tone_id">{rows}</select>'
    buttons = _button("allow", "Continue") + _button("cancel", "Cancel") + _button("access_denied", "Refuse")
    hidden = f'<input type="hidden" name="authorization_id" value="{number}">'
    return _page("Sign in", f'<form method="post">{hidden}<p>{_people()}{tones}<p>{buttons}</form>')


def _people() -> str:
    rows = "".join(f"<option>{html.escape(username)}</option>" for username in PEOPLE)
    return f'as <select name="user">{rows}</select>'


def _button(outcome: str, text: str) -> str:
    return f'<button name="outcome" value="{outcome}">{text}</button>'


def _page(title: str, body: str) -> str:
    return _PAGE.format(title=title, body=body)


HANDLERS: Final = (authorize, decide, token, device_authorization, activate, activated)
