"""`/` says what this is and where to go."""

from html.parser import HTMLParser

import httpx
import pytest

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


class Page(HTMLParser):
    """The links of a page, and whatever it would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a":
            self.links.append(given["href"] or "")
        elif "src" in given or "href" in given or tag in ("script", "iframe"):
            self.loads.append(tag)


async def test_a_browser_gets_a_page_that_loads_nothing_and_whose_links_lead_somewhere(api: httpx.AsyncClient) -> None:
    answer = await api.get("/", headers={"Accept": BROWSER})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["vary"] == "Accept"
    page = Page(answer.text)
    assert page.loads == []
    assert "shootout user token" in answer.text
    assert {"docs", "openapi.json", "health/ready", "saq/"} <= set(page.links)
    for link in page.links:
        assert (await api.get(str(answer.url.join(link)))).status_code != 404, link


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/json, text/html;q=0.9", "image/png"])
async def test_a_program_gets_the_same_links_as_json(api: httpx.AsyncClient, accept: str) -> None:
    answer = await api.get("/", headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    index = answer.json()
    assert index["name"] == "Tone Shootout"
    assert "Authorization: Bearer" in index["authentication"]
    page = Page((await api.get("/", headers={"Accept": BROWSER})).text)
    assert [link["href"] for link in index["links"].values()] == page.links


async def test_it_is_open_to_everybody_and_no_part_of_the_api(api: httpx.AsyncClient) -> None:
    stale = {"Authorization": "Bearer tst_nothing", "Accept": BROWSER}
    assert (await api.get("/", headers=stale)).status_code == 200
    assert "/" not in (await api.get("/openapi.json")).json()["paths"]
