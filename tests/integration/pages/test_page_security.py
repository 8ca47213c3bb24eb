"""Every page over HTTP: what it may load, who may show it, what its buttons and forms send, and hostile names."""

import re
from html import unescape
from html.parser import HTMLParser
from uuid import UUID

import httpx
import pytest
from sqlalchemy import update

from tests.integration.accounts.conftest import sign_in
from tests.integration.accounts.test_cross_origin import FOREIGN
from tests.integration.conftest import Connect, Person
from tests.integration.pages.test_sign_in_page import FOREIGN as FOREIGN_PATHS
from tests.support.sessions import Sessions
from tests.support.uploads import LIBRARY, SHOOTOUTS, add, capture, config, di
from tone_shootout.jobs.models import Job
from tone_shootout.jobs.status import JobStatus

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
NASTY = "</script><b x=1>\"'&{{7*7}}"


class _Reader(HTMLParser):
    """What a browser makes of a page: the forms by method and action, the requests of buttons, and each tag."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: set[tuple[str, str]] = set()
        self.requests: list[tuple[str, str]] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append((tag, given))
        if tag == "form":
            self.forms.add((given.get("method", "get"), given.get("action", "")))
        if "data-send" in given:
            method, _, path = given["data-send"].partition(" ")
            self.requests.append((method, path if path.startswith("/api/") else f"/api/v1{path}"))


@pytest.fixture
async def paths(user: Person, session_maker: Sessions) -> list[str]:
    """Every page of a user who names everything as an attacker would."""
    chosen = await config(user.client)
    for part in (*chosen["di_tracks"], *chosen["chains"]):
        part["name"] = f"{part['name']} {NASTY}"
    body = {"config": {**chosen, "title": NASTY}, "submit": True}
    waiting, failed = [(await user.client.post(SHOOTOUTS, json=body)).json() for _ in range(2)]
    texts = {"name": NASTY, "notes": NASTY, "tags": NASTY, "filename": f"{NASTY}.wav"}
    await add(user.client, "di_track", di(0.2, seed=3), **texts)
    await add(user.client, "capture", capture(0.3, metadata={"name": NASTY, "gear_type": NASTY}), **texts)
    await user.client.post("/api/v1/me/tokens", json={"name": NASTY, "scope": "read"})
    await user.client.post("/api/v1/webhooks", json={"url": "https://hooks.example/?a=<b%20x=1>&c='"})
    await user.client.post("/api/v1/auth/session", json={"token": user.token}, headers={"User-Agent": NASTY})
    async with session_maker.begin() as session:
        error = {"error_code": "silent", "error_detail": NASTY, "error_pointer": "/config/chains/1/blocks/0"}
        is_failed = Job.id == UUID(failed["job"]["id"])
        await session.execute(update(Job).where(is_failed).values(status=JobStatus.FAILED.value, **error))
    return [
        "/",
        "/library",
        "/shootouts/new",
        f"/shootouts/{failed['id']}?job={failed['job']['id']}",
        f"/jobs/{waiting['job']['id']}",
        f"/jobs/{failed['job']['id']}",
        "/settings",
        f"/jobs/{waiting['id']}",  # not there
        f"/sign-in?next=/{NASTY.replace('&', '%26').replace(' ', '%20')}",
    ]


async def test_every_page_refuses_frames_other_origins_and_hostile_names(
    api: httpx.AsyncClient, user: Person, paths: list[str]
) -> None:
    session = await sign_in(api, user.token)
    for path in paths:
        answer = await api.get(path, headers=session.cookies | BROWSER)
        page, policy = answer.text, answer.headers["content-security-policy"]
        assert answer.headers["content-type"] == "text/html; charset=utf-8", path
        for part in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
            assert part in policy, path
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"
        assert "<b x" not in page, path
        assert "{49}" not in page, path
        for tag, given in _Reader(page).tags:
            assert "x" not in given, path
            assert not any(name.startswith("on") or name == "style" for name in given), path
            assert tag not in ("style", "iframe", "object", "embed", "base"), path
            if tag == "script":
                assert given.get("src", "").startswith("/static/") or given["type"] == "application/json", path
            for name in ("src", "href", "action"):
                assert given.get(name, "/").startswith(("/", "#")), (path, given)


async def test_each_form_and_button_of_a_page_is_refused_from_another_origin(
    api: httpx.AsyncClient, user: Person, paths: list[str]
) -> None:
    session = await sign_in(api, user.token)
    pages = [_Reader((await api.get(path, headers=session.cookies | BROWSER)).text) for path in paths]
    forms = {form for page in pages for form in page.forms}
    assert forms == {("post", "/sign-in"), ("post", "/api/v1/auth/sign-out"), ("get", "")}
    requests = {request for page in pages for request in page.requests} | {
        (method.upper(), path) for method, path in forms if method == "post"
    }
    assert {path.split("/")[3] for _, path in requests if path.startswith("/api")} >= {
        "auth", "library", "me", "shootouts", "webhooks"
    }  # fmt: skip
    before = (await user.client.get(LIBRARY)).json()
    for method, path in requests:
        for page in FOREIGN:
            answer = await api.request(method, path, headers=session.cookies | page)
            assert answer.status_code == 403, (method, path, page)
            assert "set-cookie" not in answer.headers
    assert (await user.client.get(LIBRARY)).json() == before
    assert (await api.get("/api/v1/me", headers=session.cookies)).status_code == 200


async def test_renewal_and_pages_lead_to_their_own_origin_only(api: httpx.AsyncClient, user: Person) -> None:
    session = await sign_in(api, user.token)
    for target in FOREIGN_PATHS:
        for headers in ({}, session.cookies):
            answer = await api.get("/api/v1/auth/renewal", params={"next": target}, headers=headers)
            assert answer.status_code == 303
            assert answer.headers["location"] in ("/", "/sign-in?next=%2F&renewed=no"), target
    for path in ("//evil.example/library", "/\\evil.example", "/library//evil.example"):
        answer = await api.get(f"{api.base_url}{path}", headers=BROWSER)
        assert "evil" not in unescape(answer.headers.get("location", ""))


async def test_pages_of_tone3000_refuse_what_other_pages_refuse(
    api: httpx.AsyncClient, user: Person, connect: Connect
) -> None:
    ada = await connect(user)
    for path in ("/library/tones", "/library/tones/900101"):
        answer = await ada.client.get(path, headers=BROWSER)
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        page = _Reader(answer.text)
        assert page.forms <= {("post", "/api/v1/auth/sign-out"), ("get", "")}
        for method, target in page.requests:
            session = await sign_in(api, user.token)
            for foreign in FOREIGN:
                assert (await api.request(method, target, headers=session.cookies | foreign)).status_code == 403
        assert not re.search(r"<img|<iframe", answer.text)
