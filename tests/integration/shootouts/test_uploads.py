"""Uploads: what is kept, what is refused, and that nothing is left of what is refused."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import numpy as np
import pytest

from tests.integration.conftest import Person
from tests.support.sessions import Sessions
from tests.support.uploads import (
    LIBRARY,
    RATE,
    Raw,
    capture,
    di,
    eventually,
    flac,
    ir,
    playing,
    pointers,
    upload,
    wav,
    wav_claiming,
)
from tests.unit.audio.test_layouts import FRAMES, extensible
from tone_shootout.accounts.services import AccountService
from tone_shootout.kit.settings import Settings
from tone_shootout.shootouts.library.models import LibraryItem

Blobs = Callable[[UUID], list[str]]
Incoming = Callable[[], list[Path]]


async def listed(person: Person) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await person.client.get(LIBRARY)).json()["items"]
    return items


async def test_uploading_needs_credentials(api: httpx.AsyncClient) -> None:
    response = await upload(api, "di_track", di())
    assert response.status_code == 401
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_read_only_token_can_not_upload(user: Person, api: httpx.AsyncClient, session_maker: Sessions) -> None:
    async with session_maker() as session:
        accounts = AccountService(session)
        issued = await accounts.issue_token(await accounts.get_user(user.id), name="reader", scope="read")
        await session.commit()
    api.headers["Authorization"] = f"Bearer {issued.secret}"
    assert (await upload(api, "di_track", di())).status_code == 403
    assert (await api.get(LIBRARY)).json()["total"] == 0


async def test_a_di_track_is_described_by_decoding_it(user: Person, blobs: Blobs) -> None:
    stereo = np.repeat(playing(0.5)[:, None], 2, axis=1)
    content = wav(stereo, 44_100)
    response = await upload(user.client, "di_track", content, filename="My riff.flac", notes="Bridge\npickup")
    assert response.status_code == 201
    item = response.json()
    assert response.headers["location"] == item["links"]["self"] == f"{LIBRARY}/{item['id']}"
    sha256 = hashlib.sha256(content).hexdigest()
    assert item["sha256"] == sha256
    assert item["media_type"] == "audio/wav"
    assert (item["kind"], item["name"], item["filename"]) == ("di_track", "My riff", "My riff.flac")
    assert item["notes"] == "Bridge\npickup"
    assert item["size_bytes"] == len(content)
    facts = item["facts"]
    assert (facts["samples"], facts["sample_rate_hz"], facts["channels"]) == (24_000, 44_100, 2)
    assert facts["duration_s"] == 0.544
    assert facts["peak_dbfs"] == pytest.approx(20 * np.log10(np.abs(stereo).max() / 2**15), abs=0.0051)
    assert (await user.client.get(response.headers["location"])).json() == item
    assert blobs(user.id) == [f"blobs/{sha256}"]


async def test_a_cab_ir_is_described_by_decoding_it(user: Person) -> None:
    item = (await upload(user.client, "cab_ir", ir(), name="V30")).json()
    assert (item["kind"], item["name"]) == ("cab_ir", "V30")
    assert (item["facts"]["samples"], item["facts"]["sample_rate_hz"]) == (960, RATE)


async def test_a_capture_is_described_by_loading_it(user: Person) -> None:
    metadata = {"gear_type": "amp", "name": "Plexi", "input_level_dbu": 12.2}
    item = (await upload(user.client, "capture", capture(metadata=metadata), filename="plexi.nam")).json()
    assert item["media_type"] == "application/json"
    facts = item["facts"]
    assert (facts["architecture"], facts["sample_rate_hz"], facts["parameters"]) == ("Linear", RATE, 1)
    assert (facts["gear"], facts["name"], facts["input_level_dbu"]) == ("amp", "Plexi", 12.2)


async def test_problems_of_a_recording_are_among_its_facts(user: Person) -> None:
    clipped = np.clip(8 * playing().astype(np.int32), -32_768, 32_767).astype(np.int16)
    facts = (await upload(user.client, "di_track", wav(clipped))).json()["facts"]
    (notice,) = facts["notices"]
    assert notice["code"] == "clipped"
    count = int(np.isin(clipped, (-32_768, -32_767, 32_767)).sum())
    assert notice["detail"].startswith(f"{count} samples are clipped at full scale, the first at 0.00")


async def test_a_file_with_padded_samples_has_its_true_length(user: Person) -> None:
    facts = (await upload(user.client, "di_track", extensible(16, 32))).json()["facts"]
    assert facts["samples"] == FRAMES


async def test_uploading_again_corrects_facts_of_an_earlier_version(user: Person, session_maker: Sessions) -> None:
    first = (await upload(user.client, "di_track", extensible(16, 32))).json()
    async with session_maker() as session, session.begin():
        item = await session.get_one(LibraryItem, UUID(first["id"]))
        item.facts = {**item.facts, "samples": 2 * FRAMES}
    assert (await user.client.get(first["links"]["self"])).json()["facts"]["samples"] == 2 * FRAMES
    again = await upload(user.client, "di_track", extensible(16, 32))
    assert again.status_code == 200
    assert again.json()["facts"] == first["facts"]


@pytest.mark.parametrize("kind", ["di_track", "capture"])
async def test_a_saved_html_page_is_reported_as_one(user: Person, kind: str) -> None:
    response = await upload(user.client, kind, b"<!DOCTYPE html><html><title>Sign in</title></html>")
    assert response.status_code == 422
    assert "the file is an HTML page" in response.json()["errors"][0]["detail"]


async def test_the_format_is_detected_whatever_the_file_name(user: Person, tmp_path: Path) -> None:
    content = flac(playing().astype(np.float32) / 2**15, tmp_path)
    item = (await upload(user.client, "di_track", content, filename="riff.wav")).json()
    assert item["media_type"] == "audio/flac"


async def test_uploading_a_file_again_returns_the_same_item(user: Person, blobs: Blobs) -> None:
    first = await upload(user.client, "di_track", di(), name="First")
    again = await upload(user.client, "di_track", di(), name="Second", notes="other")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]
    assert len(blobs(user.id)) == 1


async def test_one_file_as_two_kinds_is_two_items_stored_once(user: Person, blobs: Blobs) -> None:
    content = ir()
    as_ir = await upload(user.client, "cab_ir", content)
    as_di = await upload(user.client, "di_track", content)
    assert (as_ir.status_code, as_di.status_code) == (201, 201)
    assert as_ir.json()["id"] != as_di.json()["id"]
    assert len(blobs(user.id)) == 1
    await user.client.delete(as_di.headers["location"])
    content_path = as_ir.json()["links"]["content"]
    assert (await user.client.get(content_path)).content == content


async def test_equal_files_and_names_of_two_users_do_not_collide(
    user: Person, other_user: Person, blobs: Blobs
) -> None:
    mine, theirs = [await upload(person.client, "di_track", di(), name="Riff") for person in (user, other_user)]
    assert (mine.status_code, theirs.status_code) == (201, 201)
    assert mine.json()["id"] != theirs.json()["id"]
    assert len(blobs(user.id)) == len(blobs(other_user.id)) == 1
    await user.client.delete(mine.headers["location"])
    assert (await other_user.client.get(theirs.json()["links"]["content"])).content == di()


async def test_concurrent_uploads_of_one_file_make_one_item(user: Person, blobs: Blobs) -> None:
    responses = await asyncio.gather(*(upload(user.client, "di_track", di()) for _ in range(6)))
    assert sorted(response.status_code for response in responses) == [200, 200, 200, 200, 200, 201]
    assert len({response.json()["id"] for response in responses}) == 1
    assert len(await listed(user)) == 1
    assert len(blobs(user.id)) == 1


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


SILENT = wav(np.zeros(RATE, dtype=np.int16))
TOO_QUIET = wav(np.ones(RATE, dtype=np.int16))
NOT_FINITE = wav(np.array([0.5, np.nan, 0.25] * 1000, dtype=np.float32))
REFUSED = {
    "text named .wav": ("di_track", b"RIFF is what a text may begin with, too. " * 50, "not_audio"),
    "text as a capture": ("capture", b"no JSON at all " * 50, "not_json"),
    "an empty file": ("di_track", b"", "empty"),
    "a capture as a DI track": ("di_track", capture(), "not_audio"),
    "a DI track as a capture": ("capture", di(), "not_json"),
    "a recording cut off": ("di_track", cut(di()), "truncated"),
    "a header of three hours": ("di_track", wav_claiming(3 * 3600), "truncated"),
    "three hours, said by a FLAC header": ("di_track", b"", "too_long"),
    "an impulse response of eleven seconds": ("cab_ir", di(11.0), "too_long"),
    "a silent DI track": ("di_track", SILENT, "silent"),
    "a DI track of one bit of noise": ("di_track", TOO_QUIET, "silent"),
    "samples that are no numbers": ("di_track", NOT_FINITE, "not_finite"),
    "a playlist": ("di_track", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "not_audio"),
    "one weight too many": ("capture", capture(weights=[0.1, 0.2]), "weight_count"),
    "weights beyond every memory": (
        "capture",
        capture(config={"receptive_field": 2**24, "bias": False}),
        "too_large",
    ),
    "an architecture of its own": ("capture", capture(architecture="Perpetuum"), "unsupported"),
    "a weight that is text": ("capture", capture(weights=["1"]), "invalid_field"),
    "JSON nested past all reason": ("capture", capture()[:-1] + b',"x":' + b"[" * 500_000, "too_deep"),
    "a rate beyond hearing": ("capture", capture(sample_rate=384_000), "unsupported_rate"),
}


def long_flac(folder: Path) -> bytes:
    """Eleven minutes of noise, faint enough to be a small file."""
    noise = np.random.default_rng(7).integers(-1, 2, 11 * 60 * 8_000).astype(np.float32) / 2**15
    return flac(noise, folder, 8_000)


@pytest.mark.parametrize("case", REFUSED)
async def test_an_unusable_file_is_rejected_and_deleted(
    case: str, user: Person, blobs: Blobs, incoming: Incoming, tmp_path: Path
) -> None:
    kind, content, code = REFUSED[case]
    if case == "three hours, said by a FLAC header":
        content = with_samples(flac(playing().astype(np.float32) / 2**15, tmp_path), 3 * 3600 * RATE)
    response = await upload(user.client, kind, content, filename="riff.wav")
    assert response.status_code == 422, response.text
    problem = response.json()
    assert problem["code"] == code, problem
    assert pointers(response) == {"/file": code}
    assert "incoming" not in response.text
    assert await listed(user) == []
    assert blobs(user.id) == []
    assert incoming() == []


def with_samples(content: bytes, samples: int) -> bytes:
    """Let a FLAC header (RFC 9639, section 8.2) claim so many samples; none: unknown."""
    assert content[:4] == b"fLaC"
    high = content[21] & 0xF0 | samples >> 32
    return content[:21] + bytes([high]) + (samples & 0xFFFFFFFF).to_bytes(4, "big") + content[26:]


@pytest.mark.parametrize("honest", [True, False])
async def test_a_recording_over_the_length_limit_is_rejected_whatever_its_header(
    honest: bool, user: Person, blobs: Blobs, tmp_path: Path
) -> None:
    content = long_flac(tmp_path)
    response = await upload(user.client, "di_track", content if honest else with_samples(content, 0))
    assert (response.status_code, response.json()["code"]) == (422, "too_long")
    assert blobs(user.id) == []


async def test_a_file_over_the_size_limit_is_rejected(user: Person, settings: Settings, blobs: Blobs) -> None:
    response = await upload(user.client, "di_track", bytes(settings.limits.upload_bytes + 1))
    assert response.status_code == 413
    assert pointers(response) == {"/file": "too_large"}
    assert blobs(user.id) == []


@pytest.mark.parametrize("fields_first", [True, False])
async def test_a_capture_over_its_limit_is_rejected_whatever_the_field_order(
    fields_first: bool, user: Person, settings: Settings
) -> None:
    content = capture(metadata={"name": "x" * settings.limits.capture_bytes})
    file, kind = ("file", ("x.nam", content)), ("kind", (None, "capture"))
    parts: Any = [kind, file] if fields_first else [file, kind]
    response = await user.client.post(LIBRARY, files=parts)
    assert response.status_code == 413
    assert str(settings.limits.capture_bytes) in response.json()["detail"]


FAR = 100
"""Times the limit: how much is on its way when the answer is seen depends on the kernel's buffers."""


@pytest.fixture
async def raw(base_url: str, user: Person) -> AsyncGenerator[Raw, None]:
    connection = Raw(base_url, user)
    yield connection
    await connection.close()


async def test_a_body_with_too_large_a_content_length_is_rejected_unread(raw: Raw) -> None:
    await raw.open("Content-Length: 1000000000000")
    assert await raw.status() == 413


async def test_an_endless_body_is_rejected_at_the_limit(raw: Raw, settings: Settings, incoming: Incoming) -> None:
    await raw.open("Transfer-Encoding: chunked")
    await raw.send(b'--b\r\nContent-Disposition: form-data; name="kind"\r\n\r\ncapture\r\n')
    await raw.send(b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.nam"\r\n\r\n')
    while not raw.answered and raw.sent < FAR * settings.limits.capture_bytes:
        await raw.send(bytes(65_536))
    assert await raw.status() == 413
    assert settings.limits.capture_bytes < raw.sent < FAR * settings.limits.capture_bytes
    await eventually(lambda: not incoming())


async def test_an_endless_text_field_is_rejected_early(raw: Raw) -> None:
    await raw.open("Transfer-Encoding: chunked")
    await raw.send(b'--b\r\nContent-Disposition: form-data; name="notes"\r\n\r\n')
    while not raw.answered and raw.sent < 4_000_000:
        await raw.send(bytes(16_384))
    assert await raw.status() == 413


async def test_an_interrupted_upload_leaves_nothing(raw: Raw, incoming: Incoming, user: Person) -> None:
    await raw.open("Transfer-Encoding: chunked")
    await raw.send(b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n' + bytes(100_000))
    await eventually(incoming)
    await raw.close()
    await eventually(lambda: not incoming())
    assert await listed(user) == []


FORMS: dict[str, tuple[list[tuple[str, Any]], dict[str, str]]] = {
    "no kind": ([("file", ("x", b"1"))], {"/kind": "missing"}),
    "an unknown kind": ([("kind", (None, "song")), ("file", ("x", b"1"))], {"/kind": "invalid"}),
    "no file": ([("kind", (None, "di_track"))], {"/file": "missing"}),
    "two files": ([("file", ("x", b"1")), ("file", ("y", b"2"))], {"/file": "repeated"}),
    "a field twice": ([("kind", (None, "capture")), ("kind", (None, "cab_ir"))], {"/kind": "repeated"}),
    "an unknown field": (
        [("kind", (None, "capture")), ("owner", (None, "me")), ("file", ("x", b"1"))],
        {"/owner": "unknown_field"},
    ),
    "an empty name": (
        [("kind", (None, "capture")), ("name", (None, "")), ("file", ("x", b"1"))],
        {"/name": "invalid"},
    ),
    "a name of control characters": (
        [("kind", (None, "capture")), ("name", (None, "a\x00b")), ("file", ("x", b"1"))],
        {"/name": "invalid"},
    ),
    "a long name": (
        [("kind", (None, "capture")), ("name", (None, "a" * 81)), ("file", ("x", b"1"))],
        {"/name": "invalid"},
    ),
    "text that is no UTF-8": ([("name", (None, b"\xff\xfe"))], {"/name": "invalid"}),
}


@pytest.mark.parametrize("case", FORMS)
async def test_an_undocumented_form_is_rejected_with_the_field(case: str, user: Person) -> None:
    parts, expected = FORMS[case]
    response = await user.client.post(LIBRARY, files=parts)
    assert response.status_code == 400
    assert response.json()["code"] == "invalid_request"
    assert pointers(response) == expected
    assert await listed(user) == []


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data; boundary=b", b"--b\r\nno header\r\n\r\n"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nab',
        ),
        ("multipart/form-data; boundary=" + "b" * 5000, b"--b--\r\n"),
    ],
)
async def test_a_body_that_is_not_a_form_is_rejected(content_type: str, body: bytes, user: Person) -> None:
    response = await user.client.post(LIBRARY, content=body, headers={"Content-Type": content_type})
    assert response.status_code == (400 if content_type.startswith("multipart/") else 415)
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("sent", "kept", "name"),
    [
        ("../../etc/passwd", "passwd", "passwd"),
        ("C:\\Tones\\Riff in E.wav", "Riff in E.wav", "Riff in E"),
        ("riff\u202egnp.wav", "riffgnp.wav", "riffgnp"),
        ("/", "unnamed", "unnamed"),
        ("Straße ☕.wav", "Straße ☕.wav", "Straße ☕"),
        ("r" * 400 + ".wav", "r" * 251 + ".wav", "r" * 80),
    ],
)
async def test_a_file_name_is_sanitized(sent: str, kept: str, name: str, user: Person) -> None:
    item = (await upload(user.client, "di_track", di(), filename=sent)).json()
    assert (item["filename"], item["name"]) == (kept, name)
    disposition = (await user.client.get(item["links"]["content"])).headers["content-disposition"]
    assert disposition.isascii()
    assert "/" not in disposition
    assert "\\" not in disposition


async def test_metadata_of_a_capture_is_sanitized(user: Person) -> None:
    metadata = {"name": "evil\x00\x1b[31m\u202ename" + "x" * 100_000, "gear_type": "amp\x00"}
    response = await upload(user.client, "capture", capture(metadata=metadata))
    assert response.status_code == 201
    facts = response.json()["facts"]
    assert facts["name"].startswith("evil[31mnamexxx")
    assert len(facts["name"]) <= 200
    assert facts["gear"] == "amp"
