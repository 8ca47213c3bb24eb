"""Uploads of several files: a result for each, what worked stays, archives are unpacked within bounds."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.conftest import Person
from tests.support.uploads import LIBRARY, add, capture, di, ir, pointers

BATCH = f"{LIBRARY}/batch"
Part = tuple[str, tuple[str | None, bytes]]


def _zip(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


async def _send(client: httpx.AsyncClient, *parts: Part) -> httpx.Response:
    return await client.post(BATCH, files=list(parts))


def _outcomes(response: httpx.Response) -> list[tuple[str, str, str | None]]:
    assert response.status_code == 200, response.text
    return [
        (each["filename"], each["status"], each["problem"] and each["problem"]["code"])
        for each in response.json()["results"]
    ]


async def test_a_batch_needs_credentials(api: httpx.AsyncClient) -> None:
    assert (await _send(api, ("capture", ("a.nam", capture())))).status_code == 401


async def test_each_file_has_a_result_and_what_worked_stays(
    user: Person, other_user: Person, incoming: Callable[[], list[Path]]
) -> None:
    await add(user.client, "capture", capture(0.3), name="Old")
    response = await _send(
        user.client,
        ("tags", (None, b"live, clean")),
        ("name", (None, "Riff in E ♯".encode())),
        ("di_track", ("riff.wav", di())),
        ("capture", ("amp.nam", capture(0.2))),
        ("capture", ("broken.nam", b"{}")),
        ("capture", ("again.nam", capture(0.3))),
        ("capture", ("huge.nam", b"x" * 2_000_001)),
        ("notes", (None, b"4x12")),
        ("cab_ir", ("v30.wav", ir())),
    )
    assert _outcomes(response) == [
        ("riff.wav", "created", None),
        ("amp.nam", "created", None),
        ("broken.nam", "failed", "missing_field"),
        ("again.nam", "existing", None),
        ("huge.nam", "failed", "too_large"),
        ("v30.wav", "created", None),
    ]
    body = response.json()
    assert [body[name] for name in ("created", "existing", "skipped", "failed")] == [3, 1, 0, 2]
    items = {each["filename"]: each["item"] for each in body["results"]}
    assert [items[name]["name"] for name in ("riff.wav", "amp.nam", "again.nam", "v30.wav")] == [
        *("Riff in E ♯", "amp", "Old", "v30")
    ]
    assert items["amp.nam"]["tags"] == ["clean", "live"]
    assert (items["amp.nam"]["notes"], items["v30.wav"]["notes"]) == ("", "4x12")
    assert (items["broken.nam"], items["huge.nam"]) == (None, None)
    listed = (await user.client.get(LIBRARY)).json()
    assert listed["total"] == 4
    assert items["amp.nam"] in listed["items"]
    assert (await other_user.client.get(LIBRARY)).json()["total"] == 0
    assert incoming() == []


async def test_kinds_are_recognized_by_content_whatever_the_names(user: Person) -> None:
    sent = [("a.txt", di()), ("b.wav", capture(0.2)), ("c.nam", ir()), ("d.nam", b"{}"), ("e.wav", b"text")]
    response = await _send(user.client, *(("file", each) for each in sent))
    kinds = [each["item"] and each["item"]["kind"] for each in response.json()["results"]]
    assert kinds == ["di_track", "capture", "cab_ir", None, None]
    assert [code for _, _, code in _outcomes(response)[3:]] == ["missing_field", "not_audio"]


async def test_an_archive_is_unpacked_and_junk_is_skipped_and_said(user: Person) -> None:
    packed = _zip(
        {
            "pack/amps/Plexi bright.nam": capture(0.4),
            "pack/cabs/v30.wav": ir(),
            "pack/di/riff.wav": di(),
            "pack/broken.nam": b"[]",
            "pack/readme.txt": b"hello",
            "__MACOSX/pack/._v30.wav": b"junk",
            "../out.nam": capture(0.6),
        }
    )
    response = await _send(user.client, ("tags", (None, b"pack")), ("archive", ("pack.zip", packed)))
    outcomes = _outcomes(response)
    assert [(name.rpartition("/")[2], *rest) for name, *rest in outcomes] == [
        ("Plexi bright.nam", "created", None),
        ("v30.wav", "created", None),
        ("riff.wav", "created", None),
        ("broken.nam", "failed", "invalid_field"),
        ("readme.txt", "skipped", "unknown_file_type"),
        ("._v30.wav", "skipped", "junk_file"),
        ("out.nam", "failed", "unsafe_path"),
    ]
    results = response.json()["results"]
    assert {each["archive"] for each in results} == {"pack.zip"}
    assert [each["item"]["kind"] for each in results[:3]] == ["capture", "cab_ir", "di_track"]
    assert results[0]["item"]["name"] == "Plexi bright"
    assert results[0]["item"]["tags"] == ["pack"]
    again = await _send(user.client, ("archive", ("pack.zip", packed)), ("archive", ("text.zip", b"text")))
    assert [status for _, status, _ in _outcomes(again)][:3] == ["existing"] * 3
    assert _outcomes(again)[-1] == ("text.zip", "failed", "invalid_archive")


async def test_bounds_of_archives_hold_for_all_their_files_together(user: Person) -> None:
    many = _zip({f"{number}.nam": capture(number / 100) for number in range(1, 11)})
    outcomes = _outcomes(await _send(user.client, ("archive", ("many.zip", many))))
    assert [code for _, _, code in outcomes] == [None] * 8 + ["too_many_files"] * 2
    bomb = _zip({"a.wav": bytes(7_900_000), "b.wav": bytes(7_900_000), "c.wav": bytes(8_000_001)})
    assert len(bomb) < 50_000
    outcomes = _outcomes(await _send(user.client, ("archive", ("bomb.zip", bomb))))
    assert [code for _, _, code in outcomes] == ["not_audio", "too_large", "too_large"]


WRONG: list[tuple[list[Part], int, dict[str, str]]] = [
    ([("tags", (None, b"x"))], 400, {"": "missing"}),
    ([("song", ("a.wav", b"x"))], 400, {"/song": "unknown_field"}),
    ([("kind", (None, b"capture")), ("capture", ("a.nam", b"x"))], 400, {"/kind": "unknown_field"}),
    ([("tags", (None, b"x" * 41)), ("capture", ("a.nam", b"x"))], 400, {"/tags/0": "invalid"}),
    ([("name", (None, b"a\nb")), ("capture", ("a.nam", b"x"))], 400, {"/name": "invalid"}),
    ([("name", (None, b"\xff")), ("capture", ("a.nam", b"x"))], 400, {"/name": "invalid"}),
    ([("capture", ("a.nam", b"x"))] * 9, 400, {"/capture": "too_many_files"}),
    ([("notes", (None, b"x" * 20_000))], 413, {}),
    ([("di_track", ("a.wav", bytes(9_100_000)))], 413, {}),
]


@pytest.mark.parametrize(("parts", "status", "expected"), WRONG)
async def test_a_wrong_form_is_refused_as_a_whole(
    parts: list[Part], status: int, expected: dict[str, str], user: Person, incoming: Callable[[], list[Path]]
) -> None:
    response = await _send(user.client, *parts)
    assert (response.status_code, pointers(response)) == (status, expected), response.text
    assert (await user.client.get(LIBRARY)).json()["total"] == 0
    assert incoming() == []


async def test_a_cut_form_and_another_media_type_are_refused(user: Person) -> None:
    header = {"Content-Type": "multipart/form-data; boundary=b"}
    cut = b'--b\r\nContent-Disposition: form-data; name="capture"; filename="a.nam"\r\n\r\n' + capture()
    assert (await user.client.post(BATCH, content=cut, headers=header)).status_code == 400
    assert (await user.client.post(BATCH, json={})).status_code == 415
    encoded: dict[str, Any] = {"capture": ("a.nam", capture(), "text/plain", {"Content-Encoding": "gzip"})}
    assert (await user.client.post(BATCH, files=encoded)).status_code == 415
