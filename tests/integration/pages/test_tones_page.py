"""The pages of TONE3000's library over HTTP, read without a script."""

import re

from tests.integration.conftest import Connect, Person
from tests.support.tone3000 import StandIn

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
TITLE = re.compile(r'<h2 class="title">(?:<a [^>]*>)?([^<]*)')


async def _titles(person: Person, **query: str) -> list[str]:
    answer = await person.client.get("/library/tones", params=query, headers=BROWSER)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return TITLE.findall(answer.text)


async def test_lists_of_tones_are_browsed_and_filtered(user: Person, connect: Connect) -> None:
    ada = await connect(user)
    assert (await _titles(ada))[0] == "Bluebird 45 Lead"
    assert await _titles(ada, list="favorited", q="open", gear="") == ["2x12 Open Back Set"]
    assert await _titles(ada, list="trending", gear="cab") == ["2x12 Open Back Set"]
    assert await _titles(ada, list="latest", gear="cab") == ["2x12 Open Back Set"]
    assert await _titles(ada, list="latest", q="NIGHTJAR") == ["Nightjar Combo"]
    assert await _titles(ada, list="created", q="nothing") == []
    library = (await ada.client.get("/library", headers=BROWSER)).text
    assert 'href="/library/tones"' in library


async def test_a_tone_shows_its_files_its_creator_and_its_license(user: Person, connect: Connect) -> None:
    ada = await connect(user)
    page = (await ada.client.get("/library/tones/900101", headers=BROWSER)).text
    assert "<h1>Bluebird 45 Lead</h1>" in page
    assert "by <a" in page
    assert "data-send" in page
    path = re.findall(r'data-send="POST (/api/v1/tones/900101/models/\d+/import)"', page)[0]
    assert (await ada.client.post(path)).status_code == 201
    after = (await ada.client.get("/library/tones/900101", headers=BROWSER)).text
    assert path not in after
    assert "In the library</a>" in after


async def test_who_is_not_connected_is_led_to_tone3000_and_back(
    user: Person, connect: Connect, tone3000: StandIn
) -> None:
    ada = await connect(user)
    await ada.client.delete("/api/v1/me/tone3000")
    page = await ada.client.get("/library/tones/900101", headers=BROWSER)
    assert page.status_code == 409
    assert 'href="/api/v1/auth/login?link=true&amp;next=%2Flibrary%2Ftones%2F900101"' in page.text
    assert (await ada.client.get("/library/tones", headers=BROWSER)).status_code == 200
    assert (await ada.client.get("/library/tones?list=search", headers=BROWSER)).status_code == 403
    tone3000.revoke()
    assert (await user.client.get("/library/tones", headers=BROWSER)).status_code == 409  # a service without a key
    assert "/library/tones" not in (await user.client.get("/library", headers=BROWSER)).text


async def test_texts_of_strangers_are_escaped(user: Person, connect: Connect) -> None:
    ada = await connect(user)
    nasty = "</script><b x=1>"
    for path in ("/library/tones", "/library/tones/900101"):
        params = {"q": nasty} if path == "/library/tones" else {}
        page = await ada.client.get(path, params=params, headers=BROWSER)
        assert "<b x" not in page.text
        assert not re.search(r"<style|\son\w+=|\sstyle=", page.text)
    assert (await ada.client.get("/library/tones/900999", headers=BROWSER)).status_code == 404
