import asyncio
import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.cookies import Morsel, SimpleCookie
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
import pytest

from tests.integration.accounts.conftest import IssueToken, SignedIn, Sql, sign_in, whoami
from tests.integration.conftest import Person
from tests.support.sessions import Sessions
from tone_shootout.accounts.sessions import REFRESH_OVERLAP, SessionService
from tone_shootout.kit.settings import Settings


def cookies_of(answer: httpx.Response) -> dict[str, Morsel[str]]:
    parsed: SimpleCookie = SimpleCookie()
    for line in answer.headers.get_list("set-cookie"):
        parsed.load(line)
    return dict(parsed)


async def refresh(api: httpx.AsyncClient, token: str) -> httpx.Response:
    answer = await api.post("/api/v1/auth/refresh", json={"refresh_token": token})
    api.cookies.clear()
    return answer


async def test_an_api_token_starts_a_session(api: httpx.AsyncClient, user: Person) -> None:
    answer = await api.post("/api/v1/auth/session", json={"token": user.token})
    body = answer.json()
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    assert (body["expires_in_s"], body["refresh_expires_in_s"]) == (15 * 60, 30 * 24 * 3600)
    me = (await api.get("/api/v1/me", headers={"Authorization": f"Bearer {body['access_token']}"})).json()
    assert (me["id"], me["name"], me["scope"]) == (str(user.id), user.name, "write")


async def test_a_session_is_set_as_cookies_that_scripts_can_not_read(api: httpx.AsyncClient, user: Person) -> None:
    answer = await api.post("/api/v1/auth/session", json={"token": user.token})
    access, renewing = cookies_of(answer)["shootout_access_8000"], cookies_of(answer)["shootout_refresh_8000"]
    assert (access["path"], renewing["path"]) == ("/", "/api/v1/auth")
    assert (access["max-age"], renewing["max-age"]) == (str(15 * 60), str(30 * 24 * 3600))
    for cookie in (access, renewing):
        assert cookie["httponly"]
        assert cookie["samesite"] == "lax"
        assert not cookie["secure"]  # as this service is configured
        assert not cookie["domain"]
    assert (await api.get("/api/v1/me")).json()["name"] == user.name


async def test_a_session_has_the_scope_of_its_token(api: httpx.AsyncClient, read_token: str) -> None:
    session = await sign_in(api, read_token)
    renewed = (await refresh(api, session.refresh)).json()
    for access in (session.access, renewed["access_token"]):
        headers = {"Authorization": f"Bearer {access}"}
        assert (await api.get("/api/v1/me", headers=headers)).json()["scope"] == "read"
        answer = await api.post("/api/v1/me/tokens", headers=headers, json={"name": "more", "scope": "write"})
        assert (answer.status_code, answer.json()["code"]) == (403, "read_only_token")


async def test_an_expired_token_is_refused(api: httpx.AsyncClient, user: Person, issue_token: IssueToken) -> None:
    now = datetime.now(UTC)
    good = await issue_token(user, expires_at=now + timedelta(minutes=1))
    expired = await issue_token(user, expires_at=now - timedelta(seconds=1))
    assert await whoami(api, {"Authorization": f"Bearer {good}"}) == 200
    assert await whoami(api, {"Authorization": f"Bearer {expired}"}) == 401
    answer = await api.post("/api/v1/auth/session", json={"token": expired})
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials")
    assert expired not in answer.text


@pytest.mark.parametrize("end", ["revoked_at = now()", "expires_at = now()"])
async def test_a_session_ends_with_the_token_that_started_it(
    api: httpx.AsyncClient, user: Person, issue_token: IssueToken, sql: Sql, end: str
) -> None:
    kept = await sign_in(api, user.token)
    token = await issue_token(user)
    session = await sign_in(api, token)
    await sql(f"UPDATE api_token SET {end} WHERE id = (SELECT max(id::text)::uuid FROM api_token)")
    assert await whoami(api, {"Authorization": f"Bearer {token}"}) == 401
    assert await whoami(api, session.headers) == 401
    assert (await refresh(api, session.refresh)).status_code == 401
    assert await whoami(api, kept.headers) == 200


async def test_all_credentials_of_a_disabled_user_are_refused(
    api: httpx.AsyncClient, user: Person, other_user: Person, sql: Sql
) -> None:
    session = await sign_in(api, user.token)
    await sql("UPDATE user_account SET is_active = false WHERE id = :id", id=user.id)
    assert (await user.client.get("/api/v1/me")).status_code == 401
    assert await whoami(api, session.headers) == 401
    assert await whoami(api, session.cookies) == 401
    assert (await refresh(api, session.refresh)).status_code == 401
    assert (await api.post("/api/v1/auth/session", json={"token": user.token})).status_code == 401
    assert (await other_user.client.get("/api/v1/me")).status_code == 200
    await sql("UPDATE user_account SET is_active = true WHERE id = :id", id=user.id)
    assert (await user.client.get("/api/v1/me")).status_code == 200
    assert await whoami(api, session.headers) == 200
    assert (await refresh(api, session.refresh)).status_code == 200


async def test_a_refresh_token_returns_the_next_pair(api: httpx.AsyncClient, user: Person) -> None:
    first = await sign_in(api, user.token)
    second = (await refresh(api, first.refresh)).json()
    third = await refresh(api, second["refresh_token"])
    assert len({first.refresh, second["refresh_token"], third.json()["refresh_token"]}) == 3
    assert await whoami(api, {"Authorization": f"Bearer {third.json()['access_token']}"}) == 200
    assert set(cookies_of(third)) == {"shootout_access_8000", "shootout_refresh_8000"}


async def test_a_browser_refreshes_its_session_by_cookie(api: httpx.AsyncClient, user: Person, base_url: str) -> None:
    await api.post("/api/v1/auth/session", json={"token": user.token})
    before = api.cookies.get("shootout_refresh_8000")
    answer = await api.post("/api/v1/auth/refresh", headers={"Origin": base_url})
    assert answer.status_code == 200
    assert api.cookies.get("shootout_refresh_8000") not in (None, before)
    assert (await api.get("/api/v1/me")).status_code == 200


@pytest.mark.parametrize("age", [1, 2, 5])
async def test_reuse_of_a_refresh_token_ends_the_session(
    api: httpx.AsyncClient, user: Person, sql: Sql, age: int
) -> None:
    session = await sign_in(api, user.token)
    other = await sign_in(api, user.token)
    stolen, newest = session.refresh, session
    for _ in range(age):
        body = (await refresh(api, newest.refresh)).json()
        newest = SignedIn(body["access_token"], body["refresh_token"])
    assert await whoami(api, newest.headers) == 200
    if age == 1:
        await sql("UPDATE user_session SET last_used_at = :then", then=datetime.now(UTC) - REFRESH_OVERLAP)
    replayed = await refresh(api, stolen)
    assert (replayed.status_code, replayed.json()["code"]) == (401, "session_ended")
    assert cookies_of(replayed) == {}, "another tab may have signed in again meanwhile"
    assert await whoami(api, newest.headers) == 401
    assert (await refresh(api, newest.refresh)).status_code == 401
    assert await whoami(api, other.headers) == 200


async def test_concurrent_refreshes_return_one_successor_and_keep_the_session(
    api: httpx.AsyncClient, user: Person
) -> None:
    session = await sign_in(api, user.token)
    answers = await asyncio.gather(*(refresh(api, session.refresh) for _ in range(8)))
    assert [answer.status_code for answer in answers] == [200] * 8
    (successor,) = {answer.json()["refresh_token"] for answer in answers}
    for answer in answers:
        assert await whoami(api, {"Authorization": f"Bearer {answer.json()['access_token']}"}) == 200
    assert (await refresh(api, successor)).status_code == 200


async def test_a_token_stolen_and_used_within_the_overlap_ends_the_session_later(
    api: httpx.AsyncClient, user: Person, sql: Sql
) -> None:
    session = await sign_in(api, user.token)
    owner, thief = (await refresh(api, session.refresh)).json(), (await refresh(api, session.refresh)).json()
    await sql("UPDATE user_session SET last_used_at = last_used_at - interval '15 minutes'")
    assert (await refresh(api, owner["refresh_token"])).status_code == 200
    await sql("UPDATE user_session SET last_used_at = last_used_at - interval '15 minutes'")
    assert (await refresh(api, thief["refresh_token"])).json()["code"] == "session_ended"
    assert await whoami(api, {"Authorization": f"Bearer {thief['access_token']}"}) == 401


async def test_two_tabs_that_refresh_at_once_with_one_cookie_stay_signed_in(base_url: str, user: Person) -> None:
    async with httpx.AsyncClient(base_url=base_url, headers={"Origin": base_url}) as browser:
        await browser.post("/api/v1/auth/session", json={"token": user.token})
        tabs = await asyncio.gather(*(browser.post("/api/v1/auth/refresh") for _ in range(2)))
        assert [answer.status_code for answer in tabs] == [200, 200]
        assert len({answer.request.headers["cookie"] for answer in tabs}) == 1
        for _ in range(2):
            assert (await browser.post("/api/v1/auth/refresh")).status_code == 200
            assert (await browser.get("/api/v1/me")).status_code == 200


async def test_a_browser_signs_in_again_after_its_session_was_ended_by_reuse(base_url: str, user: Person) -> None:
    async with httpx.AsyncClient(base_url=base_url, headers={"Origin": base_url}) as browser:
        await browser.post("/api/v1/auth/session", json={"token": user.token})
        stolen = browser.cookies["shootout_refresh_8000"]
        for _ in range(2):
            await browser.post("/api/v1/auth/refresh")
        async with httpx.AsyncClient(base_url=base_url) as thief:
            assert (await refresh(thief, stolen)).json()["code"] == "session_ended"
        assert (await browser.get("/api/v1/me")).status_code == 401
        assert (await browser.post("/api/v1/auth/refresh")).status_code == 401
        assert (await browser.post("/api/v1/auth/session", json={"token": user.token})).status_code == 201
        assert (await browser.post("/api/v1/auth/refresh")).status_code == 200
        assert (await browser.get("/api/v1/me")).status_code == 200


async def test_a_signed_out_session_is_not_renewed_within_the_overlap(api: httpx.AsyncClient, user: Person) -> None:
    session = await sign_in(api, user.token)
    newest = (await refresh(api, session.refresh)).json()
    await api.post("/api/v1/auth/logout", json={"refresh_token": newest["refresh_token"]})
    assert (await refresh(api, session.refresh)).status_code == 401
    assert (await refresh(api, newest["refresh_token"])).status_code == 401


async def test_the_id_of_a_session_is_not_enough_to_end_it(
    api: httpx.AsyncClient, user: Person, read_token: str
) -> None:
    """A read token can list the ids, but must not change anything."""
    session = await sign_in(api, user.token)
    listed = await api.get("/api/v1/me/sessions", headers={"Authorization": f"Bearer {read_token}"})
    (item,) = listed.json()["items"]
    forged = "tsr_" + base64.urlsafe_b64encode(UUID(item["id"]).bytes + b"x" * 50).decode()
    assert (await refresh(api, forged)).status_code == 401
    assert (await api.post("/api/v1/auth/logout", json={"refresh_token": forged})).status_code == 204
    assert await whoami(api, session.headers) == 200
    assert (await refresh(api, session.refresh)).status_code == 200


async def test_refresh_tokens_survive_a_change_of_the_signing_secret(
    api: httpx.AsyncClient, user: Person, settings: Settings, session_maker: Sessions
) -> None:
    session, other = await sign_in(api, user.token), await sign_in(api, user.token)
    changed = replace(settings.security, secret="n" * 48)
    async with session_maker.begin() as database:
        sessions = SessionService(database, changed)
        renewed = await sessions.renew(session.refresh)
        await sessions.end(other.refresh)
    assert renewed is not None
    assert (await refresh(api, renewed.refresh_token)).status_code == 200
    assert (await refresh(api, other.refresh)).status_code == 401


@pytest.mark.parametrize("text", ["", "x", "tsr_", "tsr_" + "A" * 88, "tst_" + "A" * 43, "é" * 20])
async def test_an_invalid_refresh_token_is_refused(api: httpx.AsyncClient, user: Person, text: str) -> None:
    assert (await refresh(api, text)).status_code == 401
    assert (await api.post("/api/v1/auth/logout", json={"refresh_token": text})).status_code == 204


async def test_an_unused_session_expires(api: httpx.AsyncClient, user: Person, settings: Settings, sql: Sql) -> None:
    session = await sign_in(api, user.token)
    ((expires_at,),) = await sql("SELECT expires_at FROM user_session")
    assert abs(expires_at - datetime.now(UTC) - timedelta(days=settings.security.refresh_days)) < timedelta(minutes=1)
    await sql("UPDATE user_session SET expires_at = now()")
    assert await whoami(api, session.headers) == 401
    assert (await refresh(api, session.refresh)).status_code == 401
    await sign_in(api, user.token)
    assert await sql("SELECT count(*) FROM user_session") == [(1,)]


async def test_signing_out_ends_the_session_at_once(api: httpx.AsyncClient, user: Person, base_url: str) -> None:
    other = await sign_in(api, user.token)
    await api.post("/api/v1/auth/session", json={"token": user.token})
    session = SignedIn(api.cookies["shootout_access_8000"], api.cookies["shootout_refresh_8000"])
    answer = await api.post("/api/v1/auth/logout", headers={"Origin": base_url})
    assert answer.status_code == 204
    assert not api.cookies
    assert await whoami(api, session.headers) == 401
    assert await whoami(api, session.cookies) == 401
    assert (await refresh(api, session.refresh)).status_code == 401
    assert await whoami(api, other.headers) == 200
    again = await api.post("/api/v1/auth/logout", json={"refresh_token": session.refresh})
    assert again.status_code == 204


async def test_a_program_signs_out_with_the_access_token_alone(
    api: httpx.AsyncClient, user: Person, base_url: str
) -> None:
    first, second, kept = [await sign_in(api, user.token) for _ in range(3)]
    foreign = {**second.cookies, "Origin": "https://elsewhere.example"}
    assert (await api.post("/api/v1/auth/logout", headers=foreign)).status_code == 403
    assert await whoami(api, second.headers) == 200
    only_access = {"Cookie": second.cookies["Cookie"].partition(";")[0], "Origin": base_url}
    for session, headers in ((first, first.headers), (second, only_access)):
        assert (await api.post("/api/v1/auth/logout", headers=headers)).status_code == 204
        assert await whoami(api, session.headers) == 401
        assert (await refresh(api, session.refresh)).status_code == 401
    body = {"refresh_token": "tsr_another"}
    assert (await api.post("/api/v1/auth/logout", headers=kept.headers, json=body)).status_code == 204
    assert (await api.post("/api/v1/auth/logout", headers={"Authorization": f"Bearer {user.token}"})).status_code == 204
    assert await whoami(api, kept.headers) == 200
    assert (await user.client.get("/api/v1/me")).status_code == 200


async def test_only_hashes_of_credentials_are_stored(
    api: httpx.AsyncClient, user: Person, read_token: str, sql: Sql
) -> None:
    session = await sign_in(api, user.token)
    rows = await sql("SELECT t::text FROM api_token t UNION ALL SELECT s::text FROM user_session s")
    assert len(rows) == 3
    for (row,) in rows:
        for secret in (user.token, read_token, session.refresh, session.access):
            assert secret not in row
            assert secret.encode().hex() not in row


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"token": ""},
        {"token": 7},
        {"token": None},
        {"token": "x" * 513},
        {"token": "tst_x", "scope": "write"},
        [],
        "tst_x",
        None,
    ],
    ids=str,
)
async def test_a_malformed_sign_in_is_a_bad_request(api: httpx.AsyncClient, body: Any) -> None:
    answer = await api.post("/api/v1/auth/session", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


class TestForgedAccessTokens:
    """Forged access tokens of the right format."""

    @pytest.fixture
    async def good(self, api: httpx.AsyncClient, user: Person, settings: Settings) -> dict[str, Any]:
        session = await sign_in(api, user.token)
        claims: dict[str, Any] = jwt.decode(session.access, options={"verify_signature": False})
        forged = jwt.encode(claims, settings.security.secret, algorithm="HS256")
        assert await whoami(api, {"Authorization": f"Bearer {forged}"}) == 200
        return claims

    @pytest.mark.parametrize(
        "change",
        [
            {"aud": "somebody"},
            {"iss": "somebody"},
            {"exp": int((datetime.now(UTC) - timedelta(minutes=1)).timestamp())},
            {"sid": str(uuid4())},
            {"sub": str(uuid4())},
        ],
        ids=lambda change: next(iter(change)),
    )
    async def test_a_wrong_claim_with_a_valid_signature_is_refused(
        self, api: httpx.AsyncClient, good: dict[str, Any], settings: Settings, change: dict[str, Any]
    ) -> None:
        forged = jwt.encode(good | change, settings.security.secret, algorithm="HS256")
        assert await whoami(api, {"Authorization": f"Bearer {forged}"}) == 401
        assert await whoami(api, {"Cookie": f"shootout_access={forged}"}) == 401

    async def test_a_session_of_another_user_is_refused(
        self, api: httpx.AsyncClient, good: dict[str, Any], other_user: Person, settings: Settings
    ) -> None:
        forged = jwt.encode(good | {"sub": str(other_user.id)}, settings.security.secret, algorithm="HS256")
        assert await whoami(api, {"Authorization": f"Bearer {forged}"}) == 401

    @pytest.mark.parametrize("algorithm", ["none", "HS512"])
    async def test_another_algorithm_is_refused(
        self, api: httpx.AsyncClient, good: dict[str, Any], settings: Settings, algorithm: str
    ) -> None:
        key = "" if algorithm == "none" else settings.security.secret
        forged = jwt.encode(good, key, algorithm=algorithm)
        assert await whoami(api, {"Authorization": f"Bearer {forged}"}) == 401

    async def test_another_key_is_refused(self, api: httpx.AsyncClient, good: dict[str, Any]) -> None:
        forged = jwt.encode(good, "k" * 64, algorithm="HS256")
        assert await whoami(api, {"Authorization": f"Bearer {forged}"}) == 401
