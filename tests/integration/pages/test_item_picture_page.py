"""The page with the picture of a library item, which needs no script."""

import io
from typing import Any

import httpx
from PIL import Image

from tests.integration.conftest import Person
from tests.support.uploads import LIBRARY, add, di
from tone_shootout.kit.http.pictures import MAX_BYTES


def _png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (300, 200), "red").save(file, "PNG")
    return file.getvalue()


async def test_the_page_sets_replaces_and_deletes_a_picture_without_a_script(
    browser: httpx.AsyncClient, base_url: str, user: Person
) -> None:
    path = f"{LIBRARY}/{await add(user.client, 'di_track', di(), name='Riff')}"
    browser.headers["Origin"] = base_url
    page = path.removeprefix("/api/v1") + "/picture"
    assert f'href="{page}"' in (await browser.get("/library")).text
    assert "Add the picture" in (await browser.get(page)).text
    answer = await browser.post(page, data={"action": "set"}, files={"picture": ("p.png", _png())})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{page}?done=set")
    shown = (await browser.get(answer.headers["location"])).text
    assert "The picture is stored." in shown
    assert f'src="{path}/picture"' in shown
    assert f'src="{path}/picture"' in (await browser.get("/library")).text
    wrong: tuple[tuple[dict[str, Any], int, str], ...] = (
        ({"files": {"picture": ("p.gif", b"GIF89a")}}, 422, "no picture of a known format"),
        ({"files": {"picture": ("p.png", b"")}}, 422, "Choose a JPEG, PNG or WebP file."),
        ({"files": {"picture": ("p.png", bytes(MAX_BYTES + 200_000))}}, 413, "Expected at most 5 MB."),
    )
    for sent, status, words in wrong:
        refused = await browser.post(page, data={"action": "set"}, **sent)
        assert (refused.status_code, words in refused.text) == (status, True)
    assert (await browser.post(page, data={"action": "remove"})).headers["location"] == f"{page}?done=remove"
    assert (await browser.post(page, data={"action": "remove"})).status_code == 404
    assert (await user.client.get(f"{path}/picture")).status_code == 404
