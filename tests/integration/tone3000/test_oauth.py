"""OAuth with TONE3000: authorization code with PKCE, refresh tokens, devices."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.support.tone3000 import StandIn
from tone_shootout.tone3000.client import Tone3000
from tone_shootout.tone3000.errors import GrantError, NotConfiguredError, TokenRefusedError
from tone_shootout.tone3000.http_client import HttpClient
from tone_shootout.tone3000.oauth import (
    OAuthClient,
    ToneChoice,
    authorize_url,
    challenge_of,
    new_state,
    new_verifier,
)

BACK = "http://127.0.0.1:8123/api/v1/auth/callback"


async def _come_back(
    tone3000: StandIn, verifier: str, *, state: str = "some-state", choice: ToneChoice | None = None, back: str = BACK
) -> dict[str, str]:
    """Open the authorization page; return the query of the callback."""
    url = authorize_url(
        tone3000.settings(), redirect_url=back, state=state, challenge=challenge_of(verifier), choice=choice
    )
    async with httpx.AsyncClient(trust_env=False) as browser:
        answer = await browser.get(url)
    assert answer.status_code == 302, answer.text
    location = answer.headers["location"]
    assert location.startswith(back)
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


async def test_a_code_is_exchanged_for_tokens_of_the_user(
    oauth: OAuthClient, client: Tone3000, tone3000: StandIn
) -> None:
    tone3000.answer_sign_ins(user="valve-shed")
    verifier, state = new_verifier(), new_state()
    brought = await _come_back(tone3000, verifier, state=state)
    assert brought["state"] == state
    pair = await oauth.exchange(code=brought["code"], verifier=verifier, redirect_url=BACK)
    assert (await client.user(pair.access_token)).username == "valve-shed"
    assert pair.expires_in == 3600


def test_the_challenge_matches_the_example_of_rfc_7636() -> None:
    # RFC 7636, appendix B
    assert challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


async def test_a_code_works_once(oauth: OAuthClient, tone3000: StandIn) -> None:
    tone3000.answer_sign_ins()
    verifier = new_verifier()
    code = (await _come_back(tone3000, verifier))["code"]
    await oauth.exchange(code=code, verifier=verifier, redirect_url=BACK)
    with pytest.raises(GrantError) as caught:
        await oauth.exchange(code=code, verifier=verifier, redirect_url=BACK)
    assert (caught.value.error, caught.value.is_final) == ("invalid_grant", True)


@pytest.mark.parametrize(("verifier", "back"), [("another-verifier", BACK), (None, f"{BACK}/")])
async def test_a_code_requires_its_verifier_and_redirect_url(
    oauth: OAuthClient, tone3000: StandIn, verifier: str | None, back: str
) -> None:
    tone3000.answer_sign_ins()
    own = new_verifier()
    code = (await _come_back(tone3000, own))["code"]
    with pytest.raises(GrantError):
        await oauth.exchange(code=code, verifier=verifier or own, redirect_url=back)


@pytest.mark.parametrize(
    ("choice", "answered", "expected"),
    [
        (ToneChoice(prompt="select_tone", gears=("amp", "amp_cab"), preview=True), 900103, "900103"),
        (ToneChoice(prompt="load_tone", tone_id=900101), None, "900101"),
        (ToneChoice(prompt="load_tone", tone_id=900301), 900101, "900101"),
        (None, 900101, None),
    ],
)
async def test_the_callback_has_the_selected_tone(
    tone3000: StandIn, choice: ToneChoice | None, answered: int | None, expected: str | None
) -> None:
    tone3000.answer_sign_ins(tone_id=answered)
    assert (await _come_back(tone3000, new_verifier(), choice=choice)).get("tone_id") == expected


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ("allow", {"state", "code"}),
        ("cancel", {"state", "code", "canceled"}),
        ("cancel_before_sign_in", {"state", "canceled"}),
        ("access_denied", {"state", "error", "error_description"}),
        ("server_error", {"state", "error", "error_description"}),
    ],
)
async def test_the_stand_in_has_every_outcome_of_a_sign_in(tone3000: StandIn, outcome: str, expected: set[str]) -> None:
    tone3000.answer_sign_ins(outcome)
    assert set(await _come_back(tone3000, new_verifier())) == expected


async def test_the_page_of_the_stand_in_signs_a_user_in_once(tone3000: StandIn) -> None:
    url = authorize_url(tone3000.settings(), redirect_url=BACK, state="s", challenge=challenge_of(new_verifier()))
    async with httpx.AsyncClient(trust_env=False) as browser:
        page = await browser.get(url)
        number = page.text.split('name="authorization_id" value="')[1].split('"')[0]
        form = {"authorization_id": number, "user": "box.miker", "outcome": "allow"}
        answer = await browser.post(url.split("?")[0], data=form)
        again = await browser.post(url.split("?")[0], data=form)
    assert (answer.status_code, again.status_code) == (302, 400)
    assert answer.headers["location"].startswith(f"{BACK}?state=s&code=")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("client_id", "t3k_pub_of_nobody"),
        ("redirect_uri", "https://elsewhere.example/callback"),
        ("response_type", "token"),
        ("code_challenge_method", "plain"),
        ("code_challenge", "short"),
        ("state", ""),
        ("prompt", "load_tone"),
    ],
)
async def test_the_stand_in_refuses_invalid_authorization_requests(tone3000: StandIn, name: str, value: str) -> None:
    tone3000.answer_sign_ins()
    url = authorize_url(tone3000.settings(), redirect_url=BACK, state="s", challenge=challenge_of(new_verifier()))
    async with httpx.AsyncClient(trust_env=False) as browser:
        assert (await browser.get(httpx.URL(url).copy_merge_params({name: value}))).status_code == 400


@pytest.mark.parametrize("odd", [False, True])
async def test_a_refresh_token_works_once_and_is_rotated(
    oauth: OAuthClient, client: Tone3000, tone3000: StandIn, odd: bool
) -> None:
    tone3000.set_options(odd_errors=odd)
    first = tone3000.tokens()
    second = await oauth.refresh(first["refresh_token"])
    assert second.refresh_token != first["refresh_token"]
    assert (await client.user(second.access_token)).username == "lab_rat"
    with pytest.raises(GrantError) as caught:
        await oauth.refresh(first["refresh_token"])
    assert caught.value.error == "invalid_grant"


async def test_revoked_tokens_are_refused(oauth: OAuthClient, client: Tone3000, tone3000: StandIn) -> None:
    pair = tone3000.tokens()
    tone3000.revoke()
    with pytest.raises(TokenRefusedError):
        await client.user(pair["access_token"])
    with pytest.raises(GrantError):
        await oauth.refresh(pair["refresh_token"])


async def test_an_allowed_device_gets_tokens(oauth: OAuthClient, client: Tone3000, tone3000: StandIn) -> None:
    tone3000.set_options(device_interval=0)
    device = await oauth.start_device()
    assert device.user_code in device.verification_uri_complete
    with pytest.raises(GrantError) as waiting:
        await oauth.poll_device(device.device_code)
    assert (waiting.value.error, waiting.value.is_final) == ("authorization_pending", False)
    tone3000.decide(device.user_code, user="box.miker")
    pair = await oauth.poll_device(device.device_code)
    assert (await client.user(pair.access_token)).username == "box.miker"
    with pytest.raises(GrantError):
        await oauth.poll_device(device.device_code)


@pytest.mark.parametrize(("allow", "error"), [(False, "access_denied"), (None, "expired_token")])
async def test_a_denied_or_expired_device_gets_an_error(
    oauth: OAuthClient, tone3000: StandIn, allow: bool | None, error: str
) -> None:
    device = await oauth.start_device()
    tone3000.decide(device.user_code, allow=allow)
    with pytest.raises(GrantError) as caught:
        await oauth.poll_device(device.device_code)
    assert (caught.value.error, caught.value.is_final) == (error, True)


async def test_a_device_that_polls_too_often_gets_slow_down(oauth: OAuthClient, tone3000: StandIn) -> None:
    device = await oauth.start_device()
    errors = []
    for _ in range(2):
        with pytest.raises(GrantError) as caught:
            await oauth.poll_device(device.device_code)
        errors.append(caught.value.error)
    assert errors == ["authorization_pending", "slow_down"]


async def test_token_requests_are_not_retried(oauth: OAuthClient, tone3000: StandIn) -> None:
    tone3000.fault("status", "/oauth/token", status=503, times=0)
    with pytest.raises(Exception, match="is unavailable"):
        await oauth.refresh("whatever")
    assert len(tone3000.requests("/oauth/token")) == 1


async def test_without_a_key_no_request_is_sent(tone3000: StandIn, http_client: HttpClient) -> None:
    async with HttpClient(tone3000.settings(client_id=""), None) as unset:
        with pytest.raises(NotConfiguredError):
            await OAuthClient(unset).start_device()
    with pytest.raises(NotConfiguredError):
        authorize_url(tone3000.settings(client_id=""), redirect_url=BACK, state="s", challenge="c")
    assert not tone3000.requests()


async def test_the_repr_of_tokens_has_no_secret(tone3000: StandIn, oauth: OAuthClient) -> None:
    pair = await oauth.refresh(tone3000.tokens()["refresh_token"])
    assert pair.access_token not in repr(pair)
    assert pair.refresh_token not in repr(pair)
