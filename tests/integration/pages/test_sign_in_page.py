"""The sign-in page over HTTP; `tests/browser` looks at it in a browser."""

import re
from base64 import urlsafe_b64decode
from collections.abc import AsyncGenerator
from dataclasses import replace
from html import unescape
from urllib.parse import quote, urlsplit

import httpx
import pytest
from redis.asyncio import Redis

from tests.integration.conftest import Person
from tests.support.live import serving
from tests.support.sessions import Sessions
from tests.support.tone3000 import StandIn
from tone_shootout.accounts.services import AccountService
from tone_shootout.accounts.sign_in_links import SignInLinks
from tone_shootout.kit.settings import Settings

FOREIGN = [
    "//evil.example",
    "///evil.example",
    "https://evil.example/",
    "javascript:alert(1)",
    "\\\\evil.example",
    "/\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "evil.example",
    "/saq/\n",
    "/" + "a" * 600,
    "",
]


@pytest.fixture
async def browser(base_url: str, clean: None) -> AsyncGenerator[httpx.AsyncClient, None]:
    """Sends what a browser sends of our own pages, and keeps cookies."""
    headers = {"Origin": base_url, "Accept": "text/html"}
    async with httpx.AsyncClient(base_url=base_url, timeout=60, headers=headers) as client:
        yield client


def fields_of(page: str) -> dict[str, str]:
    """What a form sends that nobody has filled in."""
    inputs = re.findall(r"<input [^>]*>", page)
    named = {re.search(r'name="([^"]*)"', it): re.search(r'value="([^"]*)"', it) for it in inputs}
    return {name[1]: unescape(value[1]) if value else "" for name, value in named.items() if name}


async def test_a_token_starts_a_session_and_redirects_to_next(browser: httpx.AsyncClient, user: Person) -> None:
    page = await browser.get("/sign-in", params={"next": "/api/v1/me?a=1&b=2#c"})
    fields = fields_of(page.text)
    assert set(fields) == {"next", "token"}
    answer = await browser.post("/sign-in", data={**fields, "token": f" {user.token}\n"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/api/v1/me?a=1&b=2#c")
    cookies = answer.headers.get_list("set-cookie")
    by_rest = await browser.post("/api/v1/auth/session", json={"token": user.token})
    values = re.compile(r"=[^;]*;", re.ASCII)
    assert [values.sub("=;", it, count=1) for it in cookies] == [
        values.sub("=;", it, count=1) for it in by_rest.headers.get_list("set-cookie")
    ]
    assert (await browser.get("/api/v1/me")).json()["name"] == user.name
    again = await browser.get("/sign-in?next=/api/v1/me")
    assert "signed in as <strong>ada</strong>" in again.text


@pytest.mark.parametrize("target", FOREIGN)
async def test_redirects_stay_on_the_same_origin(browser: httpx.AsyncClient, user: Person, target: str) -> None:
    assert fields_of((await browser.get("/sign-in", params={"next": target})).text)["next"] == "/"
    answer = await browser.post("/sign-in", data={"next": target, "token": user.token})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_query_parameters_are_escaped_in_the_page(browser: httpx.AsyncClient) -> None:
    wanted = '/"><script>alert(1)</script>é'
    page = (await browser.get("/sign-in", params={"next": wanted})).text
    assert "<script>alert" not in page
    assert fields_of(page)["next"] == quote(wanted, safe="/()")


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/x-www-form-urlencoded", b"token=tst_nobody&next=/", 401),
        ("application/x-www-form-urlencoded", b"token=%FF%FE&next=/", 401),
        ("application/x-www-form-urlencoded", b"token=%00&next=/", 401),
        ("application/x-www-form-urlencoded", b"token=&next=/", 422),
        ("application/x-www-form-urlencoded", b"token=\xff", 422),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % number for number in range(100)), 422),
        ("application/x-www-form-urlencoded", b"", 422),
        ("application/json", b'{"token": "tst_nobody"}', 422),
        ("text/plain", b"token=tst_nobody", 422),
    ],
)
async def test_a_failed_sign_in_returns_the_form_with_an_error(
    browser: httpx.AsyncClient, content_type: str, body: bytes, status: int
) -> None:
    answer = await browser.post("/sign-in", content=body, headers={"Content-Type": content_type})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert 'role="alert"' in answer.text
    assert "tst_nobody" not in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "null"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null", "Sec-Fetch-Site": "none"},
    ],
)
async def test_a_form_from_another_origin_is_rejected(
    browser: httpx.AsyncClient, user: Person, base_url: str, headers: dict[str, str]
) -> None:
    answer = await browser.post("/sign-in", data={"next": "/", "token": user.token}, headers=headers)
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
    assert 'role="alert"' in answer.text


async def test_our_form_with_a_hidden_origin_is_accepted(browser: httpx.AsyncClient, user: Person) -> None:
    hidden = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
    answer = await browser.post("/sign-in", data={"next": "/", "token": user.token}, headers=hidden)
    assert answer.status_code == 303


async def test_the_page_allows_no_inline_script_and_no_other_origin(
    browser: httpx.AsyncClient,
) -> None:
    page = await browser.get("/sign-in?next=/saq/")
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert {value for part in policy.values() for value in part.split()} == {"'none'", "'self'", "data:", "blob:"}
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert page.headers["cross-origin-opener-policy"] == "same-origin"
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "same-origin"
    assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=", page.text)
    for address in re.findall(r'(?:src|href|action)="([^"]+)"', page.text):
        assert not urlsplit(address).netloc
        if address.startswith("/static/"):
            assert (await browser.get(address)).status_code == 200


async def test_fields_have_labels_and_errors_refer_to_their_fields(browser: httpx.AsyncClient) -> None:
    page = (await browser.post("/sign-in", data={"token": "tst_nobody"})).text
    assert '<html lang="en"' in page
    assert re.search(r'<label for="token">[^<]+</label>', page)
    assert re.search(r'<input id="token"[^>]*aria-describedby="hint error"[^>]*aria-invalid="true"', page)


async def test_sign_in_with_tone3000_is_offered_if_configured(
    browser: httpx.AsyncClient, tone3000: StandIn, tone3000_service: str
) -> None:
    assert "TONE3000" not in (await browser.get("/sign-in?next=/saq/")).text
    page = (await browser.get(f"{tone3000_service}/sign-in?next=/saq/")).text
    link = re.search(r'href="(/api/v1/auth/login[^"]*)"', page)
    assert link
    away = await browser.get(f"{tone3000_service}{unescape(link[1])}")
    assert (away.status_code, away.headers["location"].startswith(tone3000.url)) == (302, True)


@pytest.fixture
async def code(redis: Redis, user: Person) -> str:
    """A code that signs the user in."""
    return await SignInLinks(redis).create(user.id)


async def test_a_link_signs_its_user_in_once(browser: httpx.AsyncClient, code: str) -> None:
    for _ in range(2):  # programs that preview links do not use them up
        page = await browser.get("/sign-in", params={"code": code, "next": "/api/v1/me"})
        assert "Sign in as ada" in page.text
    form = {"code": code, "next": "/api/v1/me"}
    answer = await browser.post("/sign-in", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/api/v1/me")
    me = (await browser.get("/api/v1/me")).json()
    assert (me["name"], me["scope"]) == ("ada", "write")
    browser.cookies.clear()
    again = await browser.post("/sign-in", data=form)
    assert (again.status_code, "set-cookie" in again.headers) == (401, False)
    assert "shootout user link" in again.text
    assert (await browser.get("/sign-in", params={"code": code})).status_code == 401


async def test_codes_are_stored_as_hashes_and_expire(redis: Redis, code: str) -> None:
    keys = [key async for key in redis.scan_iter("shootout:sign-in:link:*")]
    assert len(keys) == 1
    assert code.encode() not in keys[0]
    assert 0 < await redis.ttl(keys[0]) <= 900
    assert len(urlsafe_b64decode(code + "=")) == 32


async def test_the_code_of_a_disabled_user_is_rejected(
    browser: httpx.AsyncClient, code: str, session_maker: Sessions, user: Person
) -> None:
    async with session_maker.begin() as session:
        accounts = AccountService(session)
        await accounts.set_active(await accounts.get_user(user.id), is_active=False)
    assert (await browser.get("/sign-in", params={"code": code})).status_code == 401
    assert (await browser.post("/sign-in", data={"code": code})).status_code == 401


async def test_signing_out_ends_the_session(browser: httpx.AsyncClient, user: Person) -> None:
    answer = await browser.post("/sign-in", data={"token": user.token})
    stolen = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    answer = await browser.post("/api/v1/auth/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?signed_out=yes")
    assert not browser.cookies
    assert (await browser.get("/api/v1/me", headers={"Cookie": stolen})).status_code == 401


async def test_a_session_is_renewed_there_and_back_without_javascript(browser: httpx.AsyncClient, user: Person) -> None:
    await browser.post("/sign-in", data={"token": user.token})
    name = next(name for name in browser.cookies if name.startswith("shootout_access"))
    browser.cookies.delete(name)
    away = await browser.get("/library?kind=capture")
    assert (away.status_code, away.headers["location"]) == (303, "/sign-in?next=%2Flibrary%3Fkind%3Dcapture")
    page = await browser.get(away.headers["location"])
    renewal = re.search(r'<noscript><meta http-equiv="refresh" content="0; url=([^"]+)">', page.text)
    assert renewal
    back = await browser.get(unescape(renewal[1]))
    assert (back.status_code, back.headers["location"]) == (303, "/library?kind=capture")
    assert (await browser.get(back.headers["location"])).status_code == 200
    browser.cookies.clear()
    ended = await browser.get(unescape(renewal[1]))
    assert ended.headers["location"].startswith("/sign-in?next=%2Flibrary")
    assert "http-equiv" not in (await browser.get(ended.headers["location"])).text


async def test_too_many_attempts_give_retry_after(settings: Settings, user: Person) -> None:
    with serving(replace(settings, limits=replace(settings.limits, failed_sign_ins=2))) as url:
        async with httpx.AsyncClient(base_url=url, headers={"Origin": url}) as browser:
            statuses = [(await browser.post("/sign-in", data={"token": "tst_x"})).status_code for _ in range(2)]
            last = await browser.post("/sign-in", data={"token": user.token})
    assert statuses == [401, 401]
    assert (last.status_code, int(last.headers["retry-after"]) > 0) == (429, True)
    assert "Try again in" in last.text
