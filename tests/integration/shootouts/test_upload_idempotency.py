"""Uploads that are sent again with their `Idempotency-Key`."""

import asyncio
from typing import Any

import httpx

from tests.integration.conftest import Person
from tests.support.uploads import LIBRARY, capture, ir

KEY = {"Idempotency-Key": "upload-1"}
BATCH = f"{LIBRARY}/batch"


async def _upload(person: Person, content: bytes, *, filename: str = "a.nam", **fields: str) -> httpx.Response:
    form = {"kind": "capture", **fields}
    return await person.client.post(LIBRARY, data=form, files={"file": (filename, content)}, headers=KEY)


async def _batch(person: Person, *files: tuple[str, tuple[str | None, bytes]]) -> httpx.Response:
    return await person.client.post(BATCH, files=list(files), headers=KEY)


def _same(first: httpx.Response, again: httpx.Response) -> bool:
    names = ("location", "etag", "content-type")
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    return (first.status_code, first.content, [first.headers.get(name) for name in names]) == (
        again.status_code,
        again.content,
        [again.headers.get(name) for name in names],
    )


def _refused(answer: httpx.Response) -> bool:
    return (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


async def _items(person: Person) -> list[Any]:
    found: list[Any] = (await person.client.get(LIBRARY)).json()["items"]
    return found


async def test_an_upload_that_is_sent_again_takes_effect_once(user: Person, other_user: Person) -> None:
    first = await _upload(user, capture(0.2))
    assert first.status_code == 201
    # Whatever happened to the item since: the request was executed.
    assert (await user.client.delete(first.headers["location"])).status_code == 204
    assert _same(first, await _upload(user, capture(0.2)))
    assert await _items(user) == []
    assert (await _upload(other_user, capture(0.2))).status_code == 201


async def test_a_key_is_not_for_an_upload_of_other_content_fields_or_names(user: Person) -> None:
    assert (await _upload(user, capture(0.2))).status_code == 201
    assert _refused(await _upload(user, capture(0.3)))
    assert _refused(await _upload(user, capture(0.2), name="Other"))
    assert _refused(await _upload(user, capture(0.2), filename="b.nam"))
    assert _refused(await _batch(user, ("capture", ("a.nam", capture(0.2)))))
    assert len(await _items(user)) == 1


async def test_a_refused_upload_leaves_the_key_free(user: Person) -> None:
    assert (await _upload(user, b"{}")).status_code == 422
    assert (await _upload(user, capture(0.2))).status_code == 201


async def test_a_batch_that_is_sent_again_takes_effect_once(user: Person) -> None:
    files = [
        ("tags", (None, b"live")),
        ("capture", ("a.nam", capture(0.2))),
        ("capture", ("broken.nam", b"{}")),
        ("capture", ("huge.nam", b"x" * 2_000_001)),
        ("cab_ir", ("v30.wav", ir())),
    ]
    first = await _batch(user, *files)
    assert [first.json()[name] for name in ("created", "failed")] == [2, 2]
    assert _same(first, await _batch(user, *files))
    assert _refused(await _batch(user, *files[1:]))
    assert _refused(await _batch(user, *files[:4]))
    assert len(await _items(user)) == 2


async def test_of_several_uploads_with_one_key_at_once_all_get_the_answer_of_one(user: Person) -> None:
    answers = await asyncio.gather(*(_upload(user, capture(0.2)) for _ in range(4)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert len(await _items(user)) == 1
