"""oEmbed: descriptions of players, after the specification at oembed.com."""

from html.parser import HTMLParser
from typing import Any

import httpx

from tests.integration.conftest import Person
from tests.support.shared_jobs import SharedJob, share

OEMBED = "/api/v1/oembed"
NASTY = "\"><script>alert(1)</script><iframe src='//evil.example'>"


class _Frames(HTMLParser):
    """Collects the elements of HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def _elements(html: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = _Frames()
    parser.feed(html)
    return parser.found


async def _described(api: httpx.AsyncClient, url: str, **params: Any) -> dict[str, Any]:
    answer = await api.get(OEMBED, params={"url": url, **params})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_the_address_of_a_share_is_described_as_a_frame(
    user: Person, api: httpx.AsyncClient, job: SharedJob, base_url: str
) -> None:
    shared = await share(user, job, title=NASTY)
    url = f"{base_url}{shared['links']['page']}"
    found = await _described(api, url, format="json", unknown="1")
    assert {found["type"], found["version"]} == {"rich", "1.0"}
    assert (found["title"], found["provider_name"]) == (NASTY, "Tone Shootout")
    ((tag, attributes),) = _elements(found["html"])
    assert tag == "iframe"
    assert attributes["src"] == f"{base_url}{shared['links']['embed']}"
    assert attributes["title"] == NASTY
    assert (attributes["width"], attributes["height"]) == ("640", "200")
    assert "allow-same-origin" not in (attributes["sandbox"] or "")
    for hidden in (user.name, str(user.id), job.id):
        assert hidden not in str(found)


async def test_a_frame_is_never_larger_than_asked_for(
    user: Person, api: httpx.AsyncClient, job: SharedJob, base_url: str
) -> None:
    url = f"{base_url}{(await share(user, job))['links']['page']}"
    small = await _described(api, url, maxwidth=320, maxheight=120)
    assert (small["width"], small["height"]) == (320, 120)
    assert 'width="320" height="120"' in small["html"]
    large = await _described(api, url, maxwidth=4000, maxheight=4000)
    assert (large["width"], large["height"]) == (640, 200)


async def test_other_formats_and_other_addresses_are_refused(
    user: Person, api: httpx.AsyncClient, job: SharedJob, base_url: str
) -> None:
    shared = await share(user, job)
    page = shared["links"]["page"]
    xml = await api.get(OEMBED, params={"url": f"{base_url}{page}", "format": "xml"})
    assert (xml.status_code, xml.json()["code"]) == (501, "unsupported_oembed_format")
    unknown = [
        f"https://evil.example{page}",
        f"{base_url}@evil.example{page}",
        f"javascript:{page}",
        page,
        f"{base_url}{page}x",
        f"{base_url}/s/",
        f"{base_url}/s/../api/v1/shares/{shared['slug']}",
        f"{base_url}/jobs/{job.id}",
        "http://[",
        "",
    ]
    for url in unknown:
        answer = await api.get(OEMBED, params={"url": url})
        assert (answer.status_code, answer.json()["code"]) == (404, "share_not_found"), url
    assert (await api.get(OEMBED)).status_code == 400
    assert (await api.get(OEMBED, params={"url": f"{base_url}{page}", "maxwidth": 0})).status_code == 400


async def test_a_withdrawn_share_has_no_player_at_once(
    user: Person, api: httpx.AsyncClient, job: SharedJob, base_url: str
) -> None:
    shared = await share(user, job, title="Two crunches")
    params = {"url": f"{base_url}{shared['links']['page']}"}
    assert (await api.get(OEMBED, params=params)).headers["cache-control"] == "no-cache"
    await user.client.delete(shared["links"]["self"])
    gone = await api.get(OEMBED, params=params)
    assert gone.status_code == 404
    assert "Two crunches" not in gone.text
