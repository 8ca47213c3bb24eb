"""TONE3000's library through a user's own connection."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from tests.integration.conftest import Connect, Person
from tests.support.live import serving
from tests.support.tone3000 import StandIn
from tone_shootout.kit.settings import Settings

TONES = "/api/v1/tones"
BLUEBIRD, KITCHEN_FUZZ, NIGHTJAR, OPEN_BACK, BACK_ROOM, RACK = 900101, 900102, 900103, 900201, 900301, 900401


def _ids(answer: httpx.Response) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [tone["id"] for tone in answer.json()["items"]]


async def test_tones_need_credentials(tone3000_service: str, tone3000: StandIn) -> None:
    async with httpx.AsyncClient(base_url=tone3000_service, timeout=60) as stranger:
        for path in ("/trending", "/latest", "/favorited", "/search", "/900101", "/900101/models"):
            assert (await stranger.get(TONES + path)).status_code == 401
        assert (await stranger.post(f"{TONES}/900101/models/910001/import")).status_code == 401
    assert not tone3000.requests()


async def test_without_a_key_tone3000_is_disabled(user: Person) -> None:
    for path in ("/trending", "/latest", "/favorited", "/search", "/900101", "/900101/models"):
        answer = await user.client.get(TONES + path)
        expected = (403, "tone3000_search_off") if path == "/search" else (409, "tone3000_not_configured")
        assert (answer.status_code, answer.json()["code"]) == expected, path
    assert (await user.client.post(f"{TONES}/900101/models/910001/import")).json()["code"] == "tone3000_not_configured"


async def test_without_a_connection_only_trending_tones_are_listed(
    user: Person, tone3000: StandIn, tone3000_service: str
) -> None:
    async with httpx.AsyncClient(base_url=tone3000_service, timeout=60, headers=user.client.headers) as client:
        assert _ids(await client.get(f"{TONES}/trending"))[0] == BLUEBIRD
        for path in ("/latest", "/created", "/favorited", "/downloaded", "/900101", "/900101/models"):
            answer = await client.get(TONES + path)
            assert (answer.status_code, answer.json()["code"]) == (409, "tone3000_not_connected"), path
    assert [request["authorized"] for request in tone3000.requests()] == [False]


async def test_lists_belong_to_the_connected_user(user: Person, other_user: Person, connect: Connect) -> None:
    ada, bob = await connect(user, "lab_rat"), await connect(other_user, "valve-shed")
    assert _ids(await ada.client.get(f"{TONES}/favorited")) == [BLUEBIRD, KITCHEN_FUZZ, OPEN_BACK]
    assert _ids(await ada.client.get(f"{TONES}/created")) == [KITCHEN_FUZZ]
    assert _ids(await bob.client.get(f"{TONES}/favorited")) == []
    assert _ids(await bob.client.get(f"{TONES}/created")) == [BLUEBIRD, NIGHTJAR]
    assert NIGHTJAR in _ids(await ada.client.get(f"{TONES}/latest"))
    assert _ids(await ada.client.get(f"{TONES}/trending", params={"gear": "cab"})) == [OPEN_BACK]


@pytest.mark.parametrize(
    ("limit", "offset", "expected"),
    [
        (2, 0, [BLUEBIRD, KITCHEN_FUZZ]),
        (2, 1, [KITCHEN_FUZZ, OPEN_BACK]),
        (1, 2, [OPEN_BACK]),
        (5, 0, [BLUEBIRD, KITCHEN_FUZZ, OPEN_BACK]),
        (2, 7, []),
    ],
)
async def test_lists_are_paged(user: Person, connect: Connect, limit: int, offset: int, expected: list[int]) -> None:
    ada = await connect(user)
    answer = await ada.client.get(f"{TONES}/favorited", params={"limit": limit, "offset": offset})
    assert _ids(answer) == expected
    assert {name: answer.json()[name] for name in ("total", "limit", "offset")} == {
        "total": 3,
        "limit": limit,
        "offset": offset,
    }


async def test_lists_are_filtered(user: Person, connect: Connect) -> None:
    ada = await connect(user)
    assert _ids(await ada.client.get(f"{TONES}/favorited", params={"gear": "pedal"})) == [KITCHEN_FUZZ]
    assert _ids(await ada.client.get(f"{TONES}/favorited", params={"q": "OPEN back"})) == [OPEN_BACK]


@pytest.mark.parametrize(
    "query", [{"gear": "washing-machine"}, {"q": "x" * 81}, {"limit": 101}, {"offset": -1}, {"q": "a\x00b"}]
)
async def test_invalid_queries_are_rejected_without_a_request_to_tone3000(
    user: Person, connect: Connect, tone3000: StandIn, query: dict[str, Any]
) -> None:
    ada = await connect(user)
    assert (await ada.client.get(f"{TONES}/favorited", params=query)).status_code == 400
    assert not tone3000.requests()


async def test_a_tone_has_creator_license_and_attribution(user: Person, connect: Connect) -> None:
    ada = await connect(user)
    tone = (await ada.client.get(f"{TONES}/{OPEN_BACK}")).json()
    assert tone["title"] == "2x12 Open Back Set"
    assert tone["creator"]["name"] == "box.miker"
    assert (tone["license"]["code"], tone["license"]["name"], tone["license"]["commercial"]) == ("cc-by", "CC BY", True)
    assert tone["kind"] == "cab_ir"
    assert tone["counts"] == {"a1": 0, "a2": 0, "custom": 0, "ir": 3, "total": 3}
    assert tone["powered_by"] == {"text": "Powered by TONE3000", "url": "https://www.tone3000.com"}


async def test_files_of_every_architecture_are_listed_without_urls(user: Person, connect: Connect) -> None:
    ada = await connect(user)
    answer = await ada.client.get(f"{TONES}/{BLUEBIRD}/models")
    found = answer.json()
    assert [model["architecture"] for model in found["items"]] == ["1"] * 3 + ["2"] * 4
    assert len({model["label"] for model in found["items"]}) == found["total"] == 7
    assert {model["kind"] for model in found["items"]} == {"capture"}
    assert "download" not in answer.text.replace("downloads_count", "")
    assert (await ada.client.get(f"{TONES}/{RACK}/models")).json()["items"][0]["kind"] is None


@pytest.mark.parametrize("status", [403, 404])
async def test_missing_and_private_tones_give_the_same_error(
    user: Person, connect: Connect, tone3000: StandIn, status: int
) -> None:
    tone3000.set_options(hidden_status=status)
    ada = await connect(user)
    for path in (f"{BACK_ROOM}", f"{BACK_ROOM}/models", "999999", "999999/models"):
        answer = await ada.client.get(f"{TONES}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "tone_not_available"), path


async def test_search_is_disabled_by_default(user: Person, connect: Connect, tone3000: StandIn) -> None:
    ada = await connect(user)
    answer = await ada.client.get(f"{TONES}/search", params={"q": "bluebird"})
    assert (answer.status_code, answer.json()["code"]) == (403, "tone3000_search_off")
    assert not tone3000.requests()


async def test_one_user_can_not_use_up_the_rate_limit_of_tone3000(
    user: Person, other_user: Person, settings: Settings, tone3000: StandIn
) -> None:
    with serving(replace(settings, tone3000=tone3000.settings(requests_per_minute=9))) as url:
        found = []
        for person in (*[user] * 4, other_user):
            async with httpx.AsyncClient(base_url=url, timeout=60, headers=person.client.headers) as client:
                found.append((await client.get(f"{TONES}/latest")).json()["code"])
    assert found == ["tone3000_not_connected"] * 3 + ["too_many_requests", "tone3000_not_connected"]


async def test_a_token_that_expired_early_is_renewed(user: Person, connect: Connect, tone3000: StandIn) -> None:
    ada = await connect(user)
    tone3000.expire()
    assert _ids(await ada.client.get(f"{TONES}/created")) == [KITCHEN_FUZZ]
    assert len(tone3000.requests("/oauth/token$")) == 1


async def test_a_revoked_connection_must_be_made_again(user: Person, connect: Connect, tone3000: StandIn) -> None:
    ada = await connect(user)
    tone3000.revoke()
    for _ in range(2):
        answer = await ada.client.get(f"{TONES}/created")
        assert (answer.status_code, answer.json()["code"]) == (409, "tone3000_reconnect")
    assert _ids(await ada.client.get(f"{TONES}/trending"))


async def test_errors_of_tone3000_differ_from_our_own(user: Person, connect: Connect, tone3000: StandIn) -> None:
    ada = await connect(user)
    tone3000.fault("html", "/created$", status=503, times=0)
    answer = await ada.client.get(f"{TONES}/created")
    assert (answer.status_code, answer.json()["code"]) == (503, "tone3000_unreachable")
    tone3000.fault("malformed", "/latest$")
    answer = await ada.client.get(f"{TONES}/latest")
    assert (answer.status_code, answer.json()["code"]) == (502, "tone3000_bad_answer")


async def test_texts_and_urls_of_tone3000_are_sanitized(user: Person, connect: Connect, tone3000: StandIn) -> None:
    ada = await connect(user)
    tone3000.fault(
        "status",
        f"/tones/{BLUEBIRD}$",
        status=200,
        body='{"id": 900101, "title": "a\\u0000b\\r\\nSet-Cookie: x", "images": ["javascript:alert(1)", "https://x/y.png"],'
        ' "url": "data:text/html,x", "user": {"id": 1, "username": "<b>", "url": "https://x/\\"onload=\\"y"}}',
    )
    tone = (await ada.client.get(f"{TONES}/{BLUEBIRD}")).json()
    assert tone["title"] == "a b Set-Cookie: x"
    assert (tone["images"], tone["url"], tone["creator"]["url"]) == (["https://x/y.png"], None, None)
