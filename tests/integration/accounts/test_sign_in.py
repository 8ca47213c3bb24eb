"""Sign-in with TONE3000 in a browser."""

import asyncio
import json
from collections.abc import AsyncGenerator, Generator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.integration.accounts.conftest import IssueToken, Sql
from tests.integration.conftest import Person
from tests.support.live import serving
from tests.support.sign_in import CALLBACK, Browser, browsing, query_of
from tests.support.tone3000 import StandIn
from tone_shootout.kit.settings import RedisSettings, SecuritySettings, ServerSettings, Settings

ME = "/api/v1/me"
OWN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def service(settings: Settings, tone3000_process: StandIn) -> Generator[str, None, None]:
    """Yield the URL of a service that uses the stand-in."""
    with serving(replace(settings, tone3000=tone3000_process.settings())) as url:
        yield url


@pytest.fixture
async def browser(service: str, tone3000: StandIn, clean: None) -> AsyncGenerator[Browser, None]:
    tone3000.answer_sign_ins()
    async with browsing(service, tone3000) as made:
        yield made


async def test_the_first_sign_in_creates_a_user_and_the_next_one_finds_it(
    browser: Browser, service: str, tone3000: StandIn, sql: Sql
) -> None:
    answer = await browser.sign_in()
    assert (answer.status_code, answer.json()) == (200, {"signed_in": True, "canceled": False, "tone_id": None})
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    me = (await browser.client.get(ME)).json()
    assert (me["name"], me["role"], me["scope"]) == ("lab_rat", "user", "write")
    assert me["tone3000"] == {"username": "lab_rat", "connected": True}
    async with browsing(service, tone3000) as elsewhere:
        await elsewhere.sign_in()
        assert (await elsewhere.client.get(ME)).json()["id"] == me["id"]
    assert await sql("SELECT count(*) FROM user_account") == [(1,)]


async def test_the_authorization_request_has_the_documented_parameters(browser: Browser, service: str) -> None:
    redirect = await browser.start(prompt="select_tone", gear="amp", format="nam", architecture="2", preview="true")
    query = query_of(redirect.headers["location"])
    assert len(query.pop("state")) >= 22
    assert len(query.pop("code_challenge")) == 43
    assert query == {
        "client_id": "t3k_pub_stand_in",
        "redirect_uri": service + CALLBACK,
        "response_type": "code",
        "code_challenge_method": "S256",
        "prompt": "select_tone",
        "gears": "amp",
        "format": "nam",
        "architecture": "2",
        "preview": "true",
    }


async def test_a_local_browser_returns_to_the_host_that_it_used(service: str, tone3000: StandIn) -> None:
    async with browsing(service.replace("127.0.0.1", "localhost"), tone3000) as browser:
        redirect = await browser.start()
        assert query_of(redirect.headers["location"])["redirect_uri"].startswith("http://localhost:")
        made_up = await browser.client.get("/api/v1/auth/login", headers={"Host": "evil.example"})
        assert (made_up.status_code, made_up.json()["code"]) == (403, "unknown_host")


async def test_with_a_public_url_a_browser_returns_to_it(settings: Settings, tone3000: StandIn, clean: None) -> None:
    public = ServerSettings(public_url="https://shootout.example.org")
    with serving(replace(settings, server=public, tone3000=tone3000.settings())) as url:
        async with httpx.AsyncClient(base_url=url, headers={"Host": "shootout.example.org"}) as client:
            redirect = await client.get("/api/v1/auth/login")
    redirect_uri = query_of(redirect.headers["location"])["redirect_uri"]
    assert redirect_uri == "https://shootout.example.org/api/v1/auth/callback"


@pytest.mark.parametrize(("prompt", "requested"), [("select_tone", {}), ("load_tone", {"tone_id": "900101"})])
async def test_the_selected_tone_is_returned(
    browser: Browser, tone3000: StandIn, prompt: str, requested: dict[str, str]
) -> None:
    tone3000.answer_sign_ins(tone_id=900102)
    answer = await browser.sign_in(prompt=prompt, **requested)
    assert answer.json() == {"signed_in": True, "canceled": False, "tone_id": 900102}
    onward = await browser.sign_in(prompt=prompt, next="/docs?x=1#part", **requested)
    assert onward.status_code == 303
    assert onward.headers["location"] == "/docs?x=1&sign_in=done&tone_id=900102#part"


async def test_load_tone_requires_a_tone_id(browser: Browser) -> None:
    refused(await browser.start(prompt="load_tone"), "tone_id_missing")


async def test_two_concurrent_first_sign_ins_create_one_user(
    browser: Browser, service: str, tone3000: StandIn, sql: Sql
) -> None:
    async with browsing(service, tone3000) as other:
        backs = [await b.authorize(await b.start()) for b in (browser, other)]
        answers = await asyncio.gather(browser.client.get(backs[0]), other.client.get(backs[1]))
        assert [answer.status_code for answer in answers] == [200, 200]
        ids = {(await b.client.get(ME)).json()["id"] for b in (browser, other)}
    assert len(ids) == 1
    assert await sql("SELECT name FROM user_account") == [("lab_rat",)]


async def test_sign_in_with_tone3000_is_unavailable_without_redis(
    settings: Settings, tone3000: StandIn, clean: None, tmp_path: Path
) -> None:
    away = RedisSettings(url=f"unix://{tmp_path}/nothing.sock")
    with serving(replace(settings, redis=away, tone3000=tone3000.settings())) as url:
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            answer = await client.get("/api/v1/auth/login")
    refused(answer, "unavailable", 503)
    assert answer.headers["retry-after"] == "5"


async def test_cancel_after_sign_in_signs_in_without_a_tone(browser: Browser, tone3000: StandIn) -> None:
    tone3000.answer_sign_ins("cancel")
    answer = await browser.sign_in(prompt="select_tone")
    assert answer.json() == {"signed_in": True, "canceled": True, "tone_id": None}
    assert (await browser.client.get(ME)).status_code == 200


async def test_cancel_before_sign_in_does_not_sign_in(browser: Browser, tone3000: StandIn) -> None:
    tone3000.answer_sign_ins("cancel_before_sign_in")
    answer = await browser.sign_in()
    assert (answer.status_code, answer.json()["signed_in"], answer.json()["canceled"]) == (200, False, True)
    onward = await browser.sign_in(next="/docs")
    assert onward.headers["location"] == "/docs?sign_in=canceled"
    assert (await browser.client.get(ME)).status_code == 401


@pytest.mark.parametrize("outcome", ["access_denied", "invalid_request", "server_error"])
async def test_a_denied_sign_in_is_reported(browser: Browser, tone3000: StandIn, outcome: str) -> None:
    tone3000.answer_sign_ins(outcome)
    answer = await browser.sign_in()
    assert (answer.status_code, answer.json()["code"]) == (403, "sign_in_denied")
    onward = await browser.sign_in(next="/docs")
    assert onward.headers["location"] == "/docs?sign_in=denied"
    assert (await browser.client.get(ME)).status_code == 401


def refused(answer: httpx.Response, code: str = "sign_in_expired", status: int = 400) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not any(name.startswith("shootout_access") for name in answer.cookies)


async def test_a_state_works_once(browser: Browser, tone3000: StandIn) -> None:
    back = await browser.authorize(await browser.start())
    cookies = dict(browser.client.cookies)
    assert (await browser.client.get(back)).status_code == 200
    browser.client.cookies.clear()
    refused(await browser.client.get(back, headers={"Cookie": "; ".join(f"{n}={v}" for n, v in cookies.items())}))


async def test_a_code_works_once(browser: Browser) -> None:
    first = await browser.authorize(await browser.start())
    second = await browser.authorize(await browser.start())
    assert (await browser.client.get(first)).status_code == 200
    browser.client.cookies.delete("shootout_access_8000")
    mixed = second.replace(query_of(second)["code"], query_of(first)["code"])
    refused(await browser.client.get(mixed))


async def test_a_code_of_another_sign_in_is_refused(browser: Browser) -> None:
    """Its verifier differs, so an intercepted code is useless."""
    first = await browser.authorize(await browser.start())
    second = await browser.authorize(await browser.start())
    mixed = second.replace(query_of(second)["code"], query_of(first)["code"])
    refused(await browser.client.get(mixed))


async def test_a_callback_of_another_browsers_sign_in_is_refused(
    browser: Browser, service: str, tone3000: StandIn
) -> None:
    back = await browser.authorize(await browser.start())
    async with browsing(service, tone3000) as victim:
        refused(await victim.client.get(back))
        own = await victim.start()
        assert own.status_code == 302
        refused(await victim.client.get(back))
        assert (await victim.client.get(ME)).status_code == 401
    refused(await browser.client.get(back))  # the attempt in the other browser has used up the state


@pytest.mark.parametrize("query", ["", "?state=", "?state=made-up&code=x", "?code=x", f"?state={'x' * 128}&code=x"])
async def test_a_callback_without_a_sign_in_is_refused(browser: Browser, query: str) -> None:
    refused(await browser.client.get(CALLBACK + query))


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "/a\\b",
        "docs",
        "",
        "javascript:alert(1)",
        "/\r\nSet-Cookie: a=b",
        "/\t/evil.example",
        "/ /evil.example",
        "/x\n",
        "/" + "x" * 512,
    ],
)
async def test_next_must_be_a_path_of_the_service(browser: Browser, path: str) -> None:
    answer = await browser.start(next=path)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


async def test_a_connected_local_user_signs_in_with_tone3000(
    browser: Browser, service: str, tone3000: StandIn, user: Person, sql: Sql
) -> None:
    await browser.client.post("/api/v1/auth/session", json={"token": user.token}, headers=OWN)
    await browser.sign_in(link="true")
    me = (await user.client.get(ME)).json()
    assert (me["id"], me["name"], me["tone3000"]["username"]) == (str(user.id), user.name, "lab_rat")
    async with browsing(service, tone3000) as elsewhere:
        await elsewhere.sign_in()
        assert (await elsewhere.client.get(ME)).json()["id"] == str(user.id)
    assert await sql("SELECT count(*) FROM user_account") == [(1,)]


async def test_connecting_requires_a_credential_of_write_scope(browser: Browser, read_token: str) -> None:
    answer = await browser.start(link="true")
    assert answer.status_code == 401
    headers = {"Authorization": f"Bearer {read_token}"}
    reading = await browser.client.get("/api/v1/auth/login", params={"link": "true"}, headers=headers)
    assert (reading.status_code, reading.json()["code"]) == (403, "read_only_token")


async def test_a_foreign_page_can_not_connect_a_user(browser: Browser, user: Person) -> None:
    await browser.client.post("/api/v1/auth/session", json={"token": user.token}, headers=OWN)
    for page in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
        answer = await browser.client.get("/api/v1/auth/login", params={"link": "true"}, headers=page)
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_origin")
    own = await browser.client.get("/api/v1/auth/login?link=true", headers={"Sec-Fetch-Site": "same-origin"})
    assert own.status_code == 302


@pytest.mark.parametrize("ended", ["session", "token"])
async def test_connecting_fails_after_the_credential_was_revoked(
    browser: Browser, user: Person, issue_token: IssueToken, ended: str
) -> None:
    """A thief with a stolen credential must not keep access by connecting an account."""
    if ended == "session":
        await browser.client.post("/api/v1/auth/session", json={"token": user.token}, headers=OWN)
        back = await browser.authorize(await browser.start(link="true"))
        assert (await user.client.delete(f"{ME}/sessions")).status_code == 204
    else:
        browser.client.headers["Authorization"] = f"Bearer {await issue_token(user)}"
        back = await browser.authorize(await browser.start(link="true"))
        stolen = (await user.client.get(f"{ME}/tokens")).json()["items"][0]["id"]
        assert (await user.client.delete(f"{ME}/tokens/{stolen}")).status_code == 204
    refused(await browser.client.get(back))
    assert (await user.client.get(ME)).json()["tone3000"] is None


async def test_a_tone3000_account_belongs_to_one_user(
    browser: Browser, tone3000: StandIn, user: Person, other_user: Person
) -> None:
    await browser.client.post("/api/v1/auth/session", json={"token": user.token}, headers=OWN)
    await browser.sign_in(link="true")
    await browser.client.post("/api/v1/auth/session", json={"token": other_user.token}, headers=OWN)
    refused(await browser.sign_in(link="true"), "tone3000_linked_elsewhere", 409)
    tone3000.answer_sign_ins(user="valve-shed")
    await browser.client.post("/api/v1/auth/session", json={"token": user.token}, headers=OWN)
    refused(await browser.sign_in(link="true"), "tone3000_other_account", 409)
    assert (await user.client.get(ME)).json()["tone3000"]["username"] == "lab_rat"
    assert (await other_user.client.get(ME)).json()["tone3000"] is None


async def test_a_connection_can_be_deleted_and_made_again(browser: Browser, user: Person, other_user: Person) -> None:
    await browser.client.post("/api/v1/auth/session", json={"token": user.token}, headers=OWN)
    await browser.sign_in(link="true")
    assert (await user.client.delete(f"{ME}/tone3000")).status_code == 204
    assert (await user.client.get(ME)).json()["tone3000"] is None
    again = await user.client.delete(f"{ME}/tone3000")
    assert (again.status_code, again.json()["code"]) == (409, "tone3000_not_connected")
    await browser.client.post("/api/v1/auth/session", json={"token": other_user.token}, headers=OWN)
    assert (await browser.sign_in(link="true")).status_code == 200


async def test_the_only_way_to_sign_in_can_not_be_disconnected(browser: Browser, base_url: str) -> None:
    await browser.sign_in()
    origin = {"Origin": str(browser.client.base_url).rstrip("/")}
    answer = await browser.client.delete(f"{ME}/tone3000", headers=origin)
    assert (answer.status_code, answer.json()["code"]) == (409, "only_sign_in")
    assert (await browser.client.get(ME)).json()["tone3000"]["connected"] is True
    await browser.client.post(f"{ME}/tokens", json={"name": "reads"}, headers=origin)
    assert (await browser.client.delete(f"{ME}/tone3000", headers=origin)).json()["code"] == "only_sign_in"
    await browser.client.post(f"{ME}/tokens", json={"name": "mine", "scope": "write"}, headers=origin)
    assert (await browser.client.delete(f"{ME}/tone3000", headers=origin)).status_code == 204


async def test_a_taken_name_gets_a_number(browser: Browser, tone3000: StandIn, sql: Sql) -> None:
    await sql(
        "INSERT INTO user_account (id, name, role, is_active, created_at, updated_at)"
        " SELECT gen_random_uuid(), n, 'user', true, now(), now() FROM unnest(ARRAY['Box.Miker', 'box.miker-3']) n"
    )
    tone3000.answer_sign_ins(user="box.miker")
    await browser.sign_in()
    assert (await browser.client.get(ME)).json()["name"] == "box.miker-2"


async def test_names_of_tone3000_are_sanitized(browser: Browser, tone3000: StandIn, user: Person, sql: Sql) -> None:
    person = {"id": "x-1", "username": "mal\x00\x1b[2Jlory", "display_name": "Mal\x00 \x1b]0;owned\x07 \u202elory"}
    tone3000.fault("status", "/user$", status=200, body=json.dumps(person))
    await browser.sign_in()
    me = (await browser.client.get(ME)).json()
    assert (me["name"], me["display_name"]) == ("mal-2Jlory", "Mal ]0;owned lory")
    assert me["tone3000"]["username"] == "Mal ]0;owned lory"
    tone3000.fault("status", "/user$", status=200, body=json.dumps({**person, "id": "\x00"}))
    refused(await browser.sign_in(), "tone3000_bad_answer", 502)


async def test_a_disabled_user_can_not_sign_in(browser: Browser, sql: Sql) -> None:
    await browser.sign_in()
    await sql("UPDATE user_account SET is_active = false")
    refused(await browser.sign_in(), "user_disabled", 409)


async def test_with_sign_up_disabled_only_known_users_sign_in(
    settings: Settings, tone3000: StandIn, user: Person
) -> None:
    tone3000.answer_sign_ins()
    closed = replace(settings.security, sign_up=False)
    assert isinstance(closed, SecuritySettings)
    with serving(replace(settings, tone3000=tone3000.settings(), security=closed)) as url:
        async with browsing(url, tone3000) as browser:
            refused(await browser.sign_in(), "sign_up_closed", 403)
            await browser.client.post("/api/v1/auth/session", json={"token": user.token}, headers=OWN)
            assert (await browser.sign_in(link="true")).status_code == 200
        async with browsing(url, tone3000) as browser:
            assert (await browser.sign_in()).status_code == 200


async def test_without_a_key_sign_in_with_tone3000_is_not_configured(api: httpx.AsyncClient) -> None:
    answer = await api.get("/api/v1/auth/login")
    assert (answer.status_code, answer.json()["code"]) == (409, "tone3000_not_configured")
    answer = await api.post("/api/v1/auth/device")
    assert (answer.status_code, answer.json()["code"]) == (409, "tone3000_not_configured")


async def test_an_error_of_tone3000_fails_only_that_sign_in(browser: Browser, tone3000: StandIn) -> None:
    for kind in ("status", "html", "malformed"):
        back = await browser.authorize(await browser.start())
        tone3000.fault(kind, "/oauth/token")
        answer = await browser.client.get(back)
        assert answer.status_code in (502, 503)
        assert answer.headers["content-type"] == "application/problem+json"
    assert (await browser.sign_in()).status_code == 200


async def test_tokens_of_tone3000_are_stored_encrypted(browser: Browser, tone3000: StandIn, sql: Sql) -> None:
    await browser.sign_in()
    ((stored,),) = await sql("SELECT tokens FROM tone3000_connection")
    assert b"t3k." not in bytes(stored)  # prefix of the stand-in's tokens
    assert b"token" not in bytes(stored)
