"""The main job takes few calls: from nothing to a downloaded shootout, and what is there need not be uploaded."""

import hashlib
import io
import zipfile
from typing import Any

import httpx
import pytest

from tests.integration.conftest import Person
from tests.support.uploads import LIBRARY, SHOOTOUTS, capture, di, ir

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("worker")]

FILES = {"di_track": di(), "capture": capture(), "cab_ir": ir()}


def _config(items: dict[str, Any]) -> dict[str, Any]:
    blocks = [{"type": kind, "asset": items[kind]} for kind in ("capture", "cab_ir")]
    return {
        "output": {"page": False, "plots": False, "video": False},
        "di_tracks": [{"name": "Riff", "asset": items["di_track"]}],
        "chains": [{"name": "Plexi", "blocks": blocks}],
    }


async def _items(client: httpx.AsyncClient) -> dict[str, str]:
    """Upload what the library does not have; return the id of each kind's file."""
    hashes = {hashlib.sha256(content).hexdigest(): kind for kind, content in FILES.items()}
    there = (await client.get(LIBRARY, params={"sha256": list(hashes)})).json()["items"]
    items = {item["kind"]: item["id"] for item in there}
    for kind in FILES.keys() - items.keys():
        answer = await client.post(LIBRARY, data={"kind": kind}, files={"file": (kind, FILES[kind])})
        items[kind] = answer.json()["id"]
    return items


async def test_a_shootout_is_made_and_downloaded_in_at_most_ten_calls_and_again_in_four(user: Person) -> None:
    calls: list[str] = []

    async def count(request: httpx.Request) -> None:
        calls.append(f"{request.method} {request.url.path}")

    user.client.event_hooks["request"].append(count)
    for most in (10, 4):
        calls.clear()
        config = _config(await _items(user.client))
        made = (await user.client.post(SHOOTOUTS, json={"config": config, "submit": True})).json()
        events = await user.client.get(made["job"]["links"]["events"], params={"after": 0})
        assert "event: done" in events.text
        answer = await user.client.get(f"{made['job']['links']['self']}/archive")
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            assert "segments/01-riff--plexi.flac" in archive.namelist()
        assert len(calls) <= most, calls


async def test_items_are_found_by_the_hash_of_their_content(user: Person, other_user: Person) -> None:
    items = await _items(user.client)
    wanted = hashlib.sha256(FILES["capture"]).hexdigest()
    page = (await user.client.get(LIBRARY, params={"sha256": [wanted, "0" * 64]})).json()
    assert [item["id"] for item in page["items"]] == [items["capture"]]
    assert (await other_user.client.get(LIBRARY, params={"sha256": wanted})).json()["items"] == []
    assert (await user.client.get(LIBRARY, params={"architecture": "Linear"})).json()["total"] == 1
    assert (await user.client.get(LIBRARY, params={"architecture": "LSTM"})).json()["total"] == 0
    for wrong in ([wanted.upper()], ["0" * 63], ["0" * 64] * 101):
        assert (await user.client.get(LIBRARY, params={"sha256": wrong})).status_code in (400, 422)
