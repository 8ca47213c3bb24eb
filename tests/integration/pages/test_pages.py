"""The pages over HTTP: who gets them, what they hold without a script, and what they never hold."""

import re
from html import unescape

import httpx
import pytest

from tests.integration.conftest import Person
from tests.support.uploads import SHOOTOUTS, add, config, di

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PAGES = ["/", "/library", "/shootouts/new", "/settings"]
NASTY = "</script><b x=1>\"'&"


@pytest.fixture
async def made(user: Person) -> dict[str, str]:
    """The paths of a shootout and of its job, both named nastily."""
    body = {"config": {**await config(user.client), "title": NASTY}, "submit": True}
    answer = (await user.client.post(SHOOTOUTS, json=body)).json()
    return {"shootout": f"/shootouts/{answer['id']}", "job": f"/jobs/{answer['job']['id']}"}


async def test_pages_lead_browsers_to_the_sign_in_page_and_refuse_programs(
    api: httpx.AsyncClient, made: dict[str, str]
) -> None:
    for path in (*PAGES[1:], *made.values()):
        away = await api.get(path, headers=BROWSER)
        assert (away.status_code, away.headers["location"]) == (303, f"/sign-in?next={path.replace('/', '%2F')}")
        refused = await api.get(path)
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")


async def test_pages_of_others_are_not_found(other_user: Person, made: dict[str, str]) -> None:
    for path in made.values():
        answer = await other_user.client.get(path, headers=BROWSER)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert "<h1>Nothing here</h1>" in answer.text
        assert (await other_user.client.get(path)).json()["status"] == 404


async def test_names_are_escaped_and_nothing_is_inline(user: Person, made: dict[str, str]) -> None:
    await add(user.client, "di_track", di(seed=3), name=NASTY)
    for path in (*PAGES, *made.values()):
        page = await user.client.get(path, headers=BROWSER)
        assert page.status_code == 200
        assert page.headers["cache-control"] == "no-store"
        assert "script-src 'self'; style-src 'self'" in page.headers["content-security-policy"]
        assert "<b x" not in page.text
        scripts = re.findall(r"<script ([^>]*)>", page.text)
        assert scripts
        assert all("src=" in each or 'type="application/json"' in each for each in scripts)
        assert not re.search(r"<style|\son\w+=|\sstyle=", page.text)
        for address in re.findall(r'(?:src|href|action)="([^"]+)"', page.text):
            assert unescape(address).startswith(("/", "#")), address


async def test_the_settings_page_shows_the_storage_quota_and_what_is_used(user: Person) -> None:
    await add(user.client, "di_track", di(seed=4))
    storage = (await user.client.get("/api/v1/limits")).json()["storage"]
    page = (await user.client.get("/settings", headers=BROWSER)).text
    used = f"{storage['used_bytes'] / (1e6 if storage['used_bytes'] >= 1e5 else 1e3):.1f}"
    assert f"use {used} " in page
    assert f"of {storage['max_bytes'] / 1e9:.1f} GB, the library has 1 of {storage['max_items']} items." in page


async def test_a_shootout_can_be_read_without_a_script(user: Person) -> None:
    settled = await config(user.client)
    shootout = (await user.client.post(SHOOTOUTS, json={"config": settled})).json()
    page = (await user.client.get(f"/shootouts/{shootout['id']}", headers=BROWSER)).text
    for part in (*settled["di_tracks"], *settled["chains"]):
        assert part["name"] in page
    home = (await user.client.get("/", headers=BROWSER)).text
    assert f'href="/shootouts/{shootout["id"]}"' in home
    assert "Not rendered yet" in home


async def test_the_library_is_filtered_without_a_script(user: Person) -> None:
    await add(user.client, "di_track", di(), name="Riff in E")
    shown = (await user.client.get("/library", params={"kind": "di_track", "q": "riff"}, headers=BROWSER)).text
    assert "Riff in E" in shown
    assert "<audio controls" in shown
    for params in ({"kind": "capture"}, {"q": "solo"}):
        assert "Riff in E" not in (await user.client.get("/library", params=params, headers=BROWSER)).text


async def test_wrong_parameters_of_a_page_are_problems(user: Person) -> None:
    for address in ("/library?kind=song", "/library?offset=-1", "/?offset=x"):
        assert (await user.client.get(address, headers=BROWSER)).status_code == 400
