"""`/` tells programs what this is and where to go; browsers get the home page."""

import httpx
import pytest

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/json, text/html;q=0.9", "image/png"])
async def test_a_program_gets_links_that_lead_somewhere_as_json(api: httpx.AsyncClient, accept: str) -> None:
    answer = await api.get("/", headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    index = answer.json()
    assert index["name"] == "Tone Shootout"
    assert "Authorization: Bearer" in index["authentication"]
    assert answer.headers["vary"] == "Accept"
    for link in index["links"].values():
        assert (await api.get(str(answer.url.join(link["href"])))).status_code != 404, link


async def test_a_browser_that_is_not_signed_in_is_led_to_the_sign_in_page(api: httpx.AsyncClient) -> None:
    for credential in ({}, {"Authorization": "Bearer tst_nothing"}):
        answer = await api.get("/", headers={"Accept": BROWSER, **credential})
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2F")


async def test_it_is_no_part_of_the_api(api: httpx.AsyncClient) -> None:
    assert "/" not in (await api.get("/openapi.json")).json()["paths"]
