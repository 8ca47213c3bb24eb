"""Authorization on every route of the application."""

import re
from typing import Any
from uuid import uuid4

import httpx
import pytest
from litestar.routes import HTTPRoute

from tests.integration.accounts.conftest import sign_in
from tests.integration.conftest import Person
from tone_shootout.app import create_app
from tone_shootout.kit.settings import Settings

PUBLIC = {
    ("GET", "/"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/metrics"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("POST", "/api/v1/auth/session"),
    ("POST", "/api/v1/auth/refresh"),
    ("POST", "/api/v1/auth/logout"),
    ("GET", "/api/v1/auth/login"),
    ("GET", "/api/v1/auth/callback"),
    ("POST", "/api/v1/auth/device"),
    ("POST", "/api/v1/auth/device/poll"),
    ("GET", "/api/v1/auth/renewal"),
    ("POST", "/api/v1/auth/sign-out"),
    ("GET", "/api/v1/announcements"),
    ("GET", "/api/v1/shares/public"),
    ("GET", "/api/v1/shares/{slug}"),
    ("GET", "/api/v1/shares/{slug}/picture"),
    ("GET", "/api/v1/shares/{slug}/files/{file}"),
    ("HEAD", "/api/v1/shares/{slug}/files/{file}"),
    ("GET", "/api/v1/oembed"),
    ("GET", "/s/{slug}"),
    ("GET", "/s/{slug}/test"),
    ("GET", "/s/{slug}/test/{test_id}"),
    ("GET", "/s/{slug}/test/{test_id}/results"),
    ("GET", "/embed/{slug}"),
    ("GET", "/explore"),
    ("GET", "/api/v1/shares/{slug}/tests"),
    ("GET", "/api/v1/tests/{test_id}"),
    ("GET", "/api/v1/tests/{test_id}/results"),
    ("POST", "/api/v1/tests/{test_id}/sessions"),
    ("GET", "/api/v1/test-sessions/{listening_session_id}"),
    ("GET", "/api/v1/test-sessions/{listening_session_id}/stimuli/{stimulus_id}"),
    ("POST", "/api/v1/test-sessions/{listening_session_id}/answers"),
    ("POST", "/api/v1/test-sessions/{listening_session_id}/finish"),
}
OPEN = ("/docs", "/openapi.json", "/static", "/saq/assets")
"""Prefixes of the documentation and of static files."""
PAGES = ("/sign-in", "/api/v1/auth/sign-out")
"""Paths of HTML forms, which show errors as pages."""


def operations(settings: Settings, *, public: bool) -> list[tuple[str, str]]:
    """Return method and path of the operations of the application, with parameters filled in."""
    found: list[tuple[str, str]] = []
    for route in create_app(settings).routes:
        if isinstance(route, HTTPRoute) and not route.path.startswith(OPEN):
            template = re.sub(r":\w+\}", "}", route.path)
            path = re.sub(r"\{[^}]*:uuid\}", str(uuid4()), route.path)
            path = re.sub(r"\{[^}]*:int\}", "1", path)
            path = re.sub(r"\{[^}]*\}", "name", path)
            methods = {str(method) for method in route.methods} - {"OPTIONS", "HEAD"}
            found += [(method, path) for method in sorted(methods) if ((method, template) in PUBLIC) is public]
    return found


async def test_every_route_except_the_public_ones_requires_a_credential(
    api: httpx.AsyncClient, settings: Settings
) -> None:
    guarded = operations(settings, public=False)
    assert len(guarded) > 20
    for method, path in guarded:
        answer = await api.request(method, path)
        assert (method, path, answer.status_code) == (method, path, 401)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"] == 'Bearer realm="shootout"'
        assert answer.json()["code"] == "unauthorized"


async def test_an_invalid_credential_is_refused_on_every_route_except_the_public_ones(
    api: httpx.AsyncClient, settings: Settings
) -> None:
    for method, path in operations(settings, public=False):
        answer = await api.request(method, path, headers={"Authorization": "Bearer tst_nothing"})
        assert (method, path, answer.status_code) == (method, path, 401)
        assert answer.json()["code"] == "invalid_credentials"


async def test_a_read_token_is_refused_by_every_unsafe_method(
    api: httpx.AsyncClient, user: Person, read_token: str, settings: Settings
) -> None:
    api.headers["Authorization"] = f"Bearer {read_token}"
    for method, path in operations(settings, public=False):
        if method != "GET":
            answer = await api.request(method, path, json={})
            assert (method, path, answer.status_code) == (method, path, 403)
            assert answer.json()["code"] in ("read_only_token", "administrator_only")
    assert (await user.client.get("/api/v1/me")).status_code == 200


async def test_a_cookie_from_a_foreign_page_is_refused_by_every_unsafe_method(
    api: httpx.AsyncClient, user: Person, settings: Settings
) -> None:
    session = await sign_in(api, user.token)
    for method, path in operations(settings, public=True) + operations(settings, public=False):
        if method != "GET":
            for page in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
                answer = await api.request(method, path, headers=session.cookies | page, json={})
                assert (method, path, answer.status_code) == (method, path, 403)
                if path in PAGES:
                    assert answer.headers["content-type"].startswith("text/html")
                    assert "set-cookie" not in answer.headers
                else:
                    assert answer.json()["code"] in ("cross_origin", "administrator_only")
    assert (await user.client.get("/api/v1/me")).status_code == 200


async def test_public_routes_ignore_invalid_credentials(api: httpx.AsyncClient) -> None:
    headers = {"Authorization": "Bearer tst_nothing", "Cookie": "shootout_access=stale"}
    assert (await api.get("/health/live", headers=headers)).status_code == 200
    assert (await api.post("/api/v1/auth/logout", headers=headers)).status_code == 204


async def test_the_openapi_document_states_which_operations_are_public(api: httpx.AsyncClient) -> None:
    document: dict[str, Any] = (await api.get("/openapi.json")).json()
    assert document["security"] == [{"bearer": []}, {"cookie": []}]
    assert set(document["components"]["securitySchemes"]) == {"bearer", "cookie"}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            public = (method.upper(), path) in PUBLIC
            assert operation.get("security") == ([{}] if public else None), f"{method} {path}"


async def test_only_administrators_see_the_dashboard(
    api: httpx.AsyncClient, user: Person, administrator: Person
) -> None:
    assert (await api.get("/saq/")).status_code == 401
    refused = await user.client.get("/saq/")
    assert (refused.status_code, refused.json()["code"]) == (403, "administrator_only")
    assert (await administrator.client.get("/saq/")).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Basic YWRhOmFkYQ==",
        "Bearer tst_",
        "Bearer " + "x" * 4000,
        "Bearer a.b.c",
        "Token {token}",
        "{token}",
        "Bearer {token}x",
        "Bearer  {token}",
        "Bearer {token} {token}",
    ],
)
async def test_a_malformed_authorization_header_is_refused_and_not_echoed(
    api: httpx.AsyncClient, user: Person, header: str
) -> None:
    answer = await api.get("/api/v1/me", headers={"Authorization": header.format(token=user.token)})
    assert answer.status_code == 401
    assert user.token not in answer.text
    assert "tst_" not in answer.text


async def test_the_authorization_header_overrides_the_cookie(api: httpx.AsyncClient, user: Person) -> None:
    session = (await api.post("/api/v1/auth/session", json={"token": user.token})).json()
    api.cookies.clear()
    cookie = f"shootout_access={session['access_token']}"
    wrong = await api.get("/api/v1/me", headers={"Cookie": cookie, "Authorization": "Bearer tst_wrong"})
    right = await api.get(
        "/api/v1/me", headers={"Cookie": "shootout_access=x", "Authorization": f"bearer {user.token}"}
    )
    assert (wrong.status_code, right.status_code) == (401, 200)
