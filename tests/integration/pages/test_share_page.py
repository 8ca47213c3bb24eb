"""Pages of shares over HTTP: what they show, what they never show, and how they end."""

import io
import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from PIL import Image

from tests.integration.conftest import Person
from tests.integration.jobs.conftest import make_shootout
from tests.integration.pages.conftest import Files
from tests.support.factories import JobFactory, ShareFactory
from tests.support.finished_jobs import add_finished_job
from tests.support.listeners import begin, heard, listener, open_test
from tests.support.listening import CHAINS, HOSTILE
from tests.support.sessions import Sessions
from tests.support.shared_jobs import CREDITS, SECRET, completed_job, share
from tone_shootout.kit.storage import Storage
from tone_shootout.rendering.output.manifest import decode_manifest

HTML = {"Accept": "text/html"}
NASTY = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


@pytest.fixture
async def shared(user: Person, results: Files, storage: Storage, session_maker: Sessions) -> dict[str, Any]:
    """A share of a rendered job, whose own title is private."""
    shootout_id = UUID(await make_shootout(user.client))
    job = await add_finished_job(storage, session_maker, user, shootout_id, results, title="The job’s own title")
    fields = {"title": NASTY, "notes": f"First line.\n{NASTY}"}
    answer = await user.client.post(f"/api/v1/jobs/{job.id}/share", json=fields)
    assert answer.status_code == 201, answer.text
    return {**answer.json(), "job_id": str(job.id)}


def _meta(page: str) -> dict[str, str]:
    found = re.findall(r'<meta (?:property|name)="([^"]+)" content="([^"]*)">', page)
    return {name: unescape(content) for name, content in found}


async def test_anybody_reads_a_share_without_a_script(api: httpx.AsyncClient, shared: dict[str, Any]) -> None:
    answer = await api.get(shared["links"]["page"], headers=HTML)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    text = unescape(re.sub(r"<script.*?</script>", "", answer.text, flags=re.DOTALL))
    for shown in (NASTY, "First line.", *CHAINS[:2], HOSTILE, "LUFS", "Credits and licenses"):
        assert shown in text
    for address in re.findall(r'(?:src|href)="(/[^"]+)"', answer.text):
        assert (await api.get(unescape(address), headers=HTML)).status_code == 200, address


async def test_texts_of_the_owner_are_never_markup(api: httpx.AsyncClient, shared: dict[str, Any]) -> None:
    page = (await api.get(shared["links"]["page"], headers=HTML)).text
    assert "<script>" not in page
    assert "<img" not in page
    assert not re.search(r"\son\w+=[\"']|\sstyle=|<style", page)
    assert _meta(page)["og:title"] == NASTY
    assert all("src=" in each or 'type="application/json"' in each for each in re.findall(r"<script ([^>]*)>", page))


async def test_a_share_shows_no_input_owner_or_job(
    user: Person, api: httpx.AsyncClient, shared: dict[str, Any], results: Files
) -> None:
    page = (await api.get(shared["links"]["page"], headers=HTML)).text
    manifest = decode_manifest(results["manifest.json"])
    hidden = [user.name, str(user.id), shared["job_id"], "The job’s own title", manifest.title]
    # Names of captures are the legend of their drive curves, which are measures.
    hidden += [item.name for item in manifest.inputs if item.kind != "capture"]
    hidden += [item.sha256 for item in manifest.inputs]
    hidden += [segment.render_key for segment in manifest.segments]
    assert len(hidden) > 10
    for each in hidden:
        assert each not in unescape(page), each
    listed = [each["path"] for each in shared["files"]]
    assert any(path.startswith("listen/") for path in listed)
    for path in ("index.html", "listen/page.json", "manifest.json"):
        assert path in results
        assert path not in listed
        assert (await api.get(f"{shared['links']['files']}/{path}")).status_code == 404


async def test_a_job_from_before_the_listening_page_is_shown_from_its_manifest(
    user: Person, api: httpx.AsyncClient, session_maker: Sessions, storage: Storage, tmp_path: Path
) -> None:
    job = await completed_job(user, session_maker, storage, tmp_path, chains=["Plexi", "JCM"])
    made = await share(user, job)
    page = unescape((await api.get(made["links"]["page"], headers=HTML)).text)
    assert SECRET not in page
    assert CREDITS[0] in page
    data = json.loads(re.findall(r'id="shootout">(.*?)</script>', page)[0])
    assert data["home"] == {"fetch": True, "files": f"{made['links']['files']}/", "renew": ""}
    assert [each["sound"][0]["file"] for each in data["segments"]] == [each["file"] for each in made["segments"]]


async def test_nobody_frames_or_keeps_the_page_of_a_share(api: httpx.AsyncClient, shared: dict[str, Any]) -> None:
    for path in (shared["links"]["page"], "/explore"):
        answer = await api.get(path, headers=HTML)
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "set-cookie" not in answer.headers
    answer = await api.get(shared["links"]["page"], headers=HTML)
    assert answer.headers["cache-control"] == "no-cache"
    known = {**HTML, "If-None-Match": answer.headers["etag"]}
    assert (await api.get(shared["links"]["page"], headers=known)).status_code == 304


async def test_a_withdrawn_share_has_a_page_without_title_at_once(
    user: Person, api: httpx.AsyncClient, shared: dict[str, Any]
) -> None:
    path = shared["links"]["page"]
    known = {**HTML, "If-None-Match": (await api.get(path, headers=HTML)).headers["etag"]}
    await user.client.delete(shared["links"]["self"])
    gone = await api.get(path, headers=known)
    assert gone.status_code == 404
    assert "Nothing here" in gone.text
    assert "alert" not in gone.text
    ids = re.compile(r"\?next=[^\"]*")
    for unknown in ("/s/abcdefghijklmnop", "/s/short", "/s/with%00nul-and-more", f"/s/{'a' * 300}"):
        other = await api.get(unknown, headers=HTML)
        assert other.status_code == 404, unknown
        assert ids.sub("", other.text) == ids.sub("", gone.text)
    assert (await api.get(path)).json()["code"] == "share_not_found"


async def test_previews_of_links_have_title_description_and_picture(
    user: Person, api: httpx.AsyncClient, shared: dict[str, Any], base_url: str
) -> None:
    path = shared["links"]["page"]
    answer = await api.get(path, headers=HTML)
    assert answer.headers["x-robots-tag"] == "noindex"
    found = _meta(answer.text)
    assert found["robots"] == "noindex"
    assert found["og:url"] == f"{base_url}{path}"
    assert found["og:description"] == found["twitter:description"] == f"First line. {NASTY}"
    await user.client.patch(shared["links"]["self"], json={"notes": "long " * 200, "visibility": "public"})
    answer = await api.get(path, headers=HTML)
    assert "x-robots-tag" not in answer.headers
    found = _meta(answer.text)
    assert "robots" not in found
    assert found["og:description"] == "long " * 39 + "long …"
    await user.client.patch(shared["links"]["self"], json={"notes": ""})
    found = _meta((await api.get(path, headers=HTML)).text)
    assert found["og:description"].startswith("6 tones, all at -")


async def test_the_page_of_a_share_leads_to_the_description_of_its_player(
    api: httpx.AsyncClient, shared: dict[str, Any], base_url: str
) -> None:
    page = (await api.get(shared["links"]["page"], headers=HTML)).text
    (link,) = re.findall(r'<link rel="alternate" type="application/json\+oembed" href="([^"]+)"', page)
    described = (await api.get(unescape(link))).json()
    assert described["title"] == NASTY
    (source,) = re.findall(r'src="([^"]+)"', described["html"])
    assert source == f"{base_url}{shared['links']['embed']}"
    assert (await api.get(source, headers=HTML)).status_code == 200


async def test_a_name_of_a_host_that_somebody_else_has_chosen_is_never_repeated(
    api: httpx.AsyncClient, shared: dict[str, Any]
) -> None:
    for headers in ({"Host": "evil.example"}, {"X-Forwarded-Host": "evil.example", "X-Forwarded-Prefix": "//evil"}):
        answer = await api.get(shared["links"]["page"], headers=HTML | headers)
        assert "evil" not in answer.text


async def test_open_tests_of_a_share_are_linked_and_name_no_tone(
    user: Person, api: httpx.AsyncClient, shared: dict[str, Any]
) -> None:
    path = shared["links"]["page"]
    assert "Take the test" not in (await api.get(path, headers=HTML)).text
    test = await open_test(user, shared, kind="abx", segments=[1, 2], trials=8)
    closed = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    other = await open_test(user, shared, kind="preference", segments=[1, 2], method="pairs")
    assert (await user.client.patch(other["links"]["self"], json={"closes_at": closed})).status_code == 200
    page = (await api.get(path, headers=HTML)).text
    links = re.findall(rf'<a href="({path}/test/[^"]+)">([^<]+)</a>', page)
    assert links == [(f"{path}/test/{test['id']}", "Take the test: can you hear a difference? (8 trials)")]


async def test_who_has_begun_a_test_sees_the_figures_after_its_end(
    user: Person, api: httpx.AsyncClient, shared: dict[str, Any], base_url: str
) -> None:
    path = shared["links"]["page"]
    whole = (await api.get(path, headers=HTML)).text
    test = await open_test(user, shared, kind="identification", segments=[1, 2, 3], trials=1)
    async with listener(base_url) as visitor:
        session = await begin(visitor, test)
        # What a browser does as soon as the cookie's path is that of pages too.
        headers = {**HTML, "Cookie": "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())}
        during = await api.get(path, headers=headers)
        assert "Cookie" in during.headers["vary"]
        assert f'<a href="{path}/test/{test["id"]}">Go on with the test</a>' in during.text
        for shown in ("How much they differ", "Levels, latency and polarity", "Drive of the captures"):
            assert shown in whole
            assert shown not in during.text
        data = json.loads(re.findall(r'id="shootout">(.*?)</script>', during.text)[0])
        assert not any(each["third_octaves_db"] for each in data["segments"])
        assert "How much they differ" in (await api.get(path, headers=HTML)).text
        choice = {"trial": 1, "matches": {}}
        labels = sorted(heard(session))
        choice["matches"] = dict(zip(labels, [1, 2, 3], strict=True))
        assert (await visitor.post(session["links"]["answers"], json=choice)).status_code == 200
        assert (await visitor.post(session["links"]["finish"])).status_code == 200
        assert "How much they differ" in (await api.get(path, headers=headers)).text


async def test_explore_has_pages_of_24_shares(user: Person, api: httpx.AsyncClient, session_maker: Sessions) -> None:
    shootout_id = UUID(await make_shootout(user.client))
    async with session_maker.begin() as session:
        jobs = [JobFactory.build(owner_id=user.id, shootout_id=shootout_id) for _ in range(25)]
        session.add_all(jobs)
        await session.flush()
        session.add_all(
            ShareFactory.build(
                owner_id=user.id,
                job_id=job.id,
                title=f"Number {n:02}",
                visibility="public",
                created_at=datetime(2026, 11, 1, n % 24, n, tzinfo=UTC) + timedelta(days=n),
            )
            for n, job in enumerate(jobs)
        )
    first = (await api.get("/explore", headers=HTML)).text
    assert re.findall(r"Number \d\d", first) == [f"Number {n:02}" for n in range(24, 0, -1)]
    (following,) = re.findall(r'<a href="([^"]+)" rel="next">', first)
    last = (await api.get(unescape(following), headers=HTML)).text
    assert re.findall(r"Number \d\d", last) == ["Number 00"]
    assert 'rel="prev"' in last


async def test_explore_lists_public_shares_newest_first_and_finds_titles(
    user: Person, api: httpx.AsyncClient, shared: dict[str, Any], browser: httpx.AsyncClient
) -> None:
    empty = (await api.get("/explore", headers=HTML)).text
    assert "None yet" in empty
    await user.client.patch(shared["links"]["self"], json={"visibility": "public"})
    page = (await api.get("/explore", headers=HTML)).text
    assert f'<a href="{shared["links"]["page"]}">' in page
    (image,) = re.findall(r"<img ([^>]*)>", page)
    assert image == f'src="{shared["links"]["files"]}/listen/poster.png" alt="" loading="lazy"'
    assert "<script" not in page
    assert user.name not in page
    assert "Sign in" in page
    assert shared["slug"] in (await api.get("/explore", params={"q": "ALERT"}, headers=HTML)).text
    for q in ("clean", "%", NASTY + "x"):
        found = (await api.get("/explore", params={"q": q}, headers=HTML)).text
        assert "No title has this text." in found
        assert "<script" not in found
    signed_in = (await browser.get("/explore")).text
    assert "Sign out" in signed_in
    assert (await api.get("/explore?offset=-1", headers=HTML)).status_code == 400


async def test_only_the_player_may_be_framed_and_it_has_no_origin_and_no_cookie(
    api: httpx.AsyncClient, browser: httpx.AsyncClient, shared: dict[str, Any], results: Files
) -> None:
    answer = await browser.get(shared["links"]["embed"])
    assert answer.status_code == 200
    policy: dict[str, str] = {}
    for directive in answer.headers["content-security-policy"].split(";"):
        name, _, value = directive.strip().partition(" ")
        policy[name] = value
    assert policy["frame-ancestors"] == "*"
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert "allow-scripts" in policy["sandbox"]
    assert not {"allow-same-origin", "allow-top-navigation", "allow-forms"} & set(policy["sandbox"].split())
    assert "set-cookie" not in answer.headers
    assert answer.headers["cache-control"] == "no-cache"
    anonymous = await api.get(shared["links"]["embed"], headers=HTML)
    assert anonymous.text == answer.text
    assert (await api.post(shared["links"]["embed"])).status_code == 405
    assert "<script>" not in answer.text
    assert "<img" not in answer.text
    for name in ("Credits", "The job’s own title", shared["job_id"], 'render_key":"0'):
        assert name not in answer.text


async def test_a_player_without_an_origin_may_fetch_sound_and_nothing_else(
    user: Person, api: httpx.AsyncClient, shared: dict[str, Any]
) -> None:
    frame = {"Origin": "null"}
    for path in (each["path"] for each in shared["files"] if each["path"].startswith("listen/")):
        answer = await api.get(f"{shared['links']['files']}/{path}", headers=frame)
        assert answer.headers.get_list("access-control-allow-origin") == ["*"], path
        assert "access-control-allow-credentials" not in answer.headers
    for path in (shared["links"]["self"], shared["links"]["page"], "/api/v1/me", "/api/v1/shares"):
        answer = await api.get(path, headers=frame)
        assert "access-control-allow-origin" not in answer.headers, path


async def test_the_frame_of_a_withdrawn_share_says_so_without_its_title(
    user: Person, api: httpx.AsyncClient, shared: dict[str, Any]
) -> None:
    await user.client.delete(shared["links"]["self"])
    gone = await api.get(shared["links"]["embed"], headers=HTML)
    assert (gone.status_code, gone.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "frame-ancestors *" in gone.headers["content-security-policy"]
    assert "may have withdrawn it" in gone.text
    assert "alert" not in gone.text
    program = await api.get(shared["links"]["embed"])
    assert program.json()["code"] == "share_not_found"


async def test_previews_show_the_poster_of_the_job_until_the_share_is_withdrawn(
    user: Person, api: httpx.AsyncClient, shared: dict[str, Any], base_url: str, results: Files
) -> None:
    page = f"{base_url}{shared['links']['page']}"
    found = _meta((await api.get(page, headers=HTML)).text)
    image = f"{base_url}{shared['links']['files']}/listen/poster.png"
    assert found["og:image"] == found["twitter:image"] == image
    assert (found["og:image:width"], found["og:image:height"]) == ("1200", "630")
    answer = await api.get(image)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert answer.content == results["listen/poster.png"]
    described = (await api.get("/api/v1/oembed", params={"url": page})).json()
    assert described["thumbnail_url"] == image
    assert (described["thumbnail_width"], described["thumbnail_height"]) == (1200, 630)
    small = (await api.get("/api/v1/oembed", params={"url": page, "maxwidth": 600})).json()
    assert "thumbnail_url" not in small
    await user.client.delete(shared["links"]["self"])
    gone = await api.get(image, headers={"If-None-Match": answer.headers["etag"]})
    assert gone.status_code == 404


async def test_previews_of_older_jobs_show_the_picture_of_the_share_or_nothing(
    user: Person, api: httpx.AsyncClient, session_maker: Sessions, storage: Storage, tmp_path: Path, base_url: str
) -> None:
    made = await share(user, await completed_job(user, session_maker, storage, tmp_path, chains=["Plexi", "JCM"]))
    assert made["links"]["poster"] is None
    assert "og:image" not in _meta((await api.get(made["links"]["page"], headers=HTML)).text)
    file = io.BytesIO()
    Image.new("RGB", (40, 30)).save(file, "PNG")
    path = f"{made['links']['self']}/picture"
    assert (await user.client.put(path, content=file.getvalue())).status_code == 204
    page = (await api.get(made["links"]["page"], headers=HTML)).text
    assert _meta(page)["og:image"] == f"{base_url}{path}"
    assert f'<img class="picture" src="{path}"' in page
