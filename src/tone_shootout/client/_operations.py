"""What a client can do, as calls in order."""

from collections.abc import Callable, Collection, Sequence
from typing import Any
from urllib.parse import quote
from uuid import UUID

import msgspec

from tone_shootout.client._calls import Call, Params, Steps, Upload, new_key
from tone_shootout.client._spec_files import LocalFile, SpecFile
from tone_shootout.client.errors import InvalidResponseError
from tone_shootout.client.models import (
    Artifact,
    Job,
    Kind,
    LibraryItem,
    NewShootout,
    Page,
)

OnUpload = Callable[[LibraryItem], None]
_PAGE = 100
_HASHES = 50
"""SHA-256 sums in one request; its URL stays within the 8 KB that proxies accept."""


def request(method: str, path: str, params: Params, json: Any) -> Steps[Any]:
    """Send a request and return the decoded body, None if there is none."""
    headers = new_key() if method.upper() == "POST" else {}
    reply = yield Call(method.upper(), path, params=params, json=json, headers=headers)
    reply.check()
    return reply.decode(object) if reply.content else None


def library(kind: Kind | None, q: str | None, sha256: Sequence[str] = ()) -> Steps[list[LibraryItem]]:
    """Return all items of the library, newest first; with `sha256`, those of these contents."""
    found: dict[UUID, LibraryItem] = {}
    offset, has_more = 0, True
    while has_more:
        params: dict[str, str | int | Sequence[str]] = {"limit": _PAGE, "offset": offset}
        params |= {name: value for name, value in (("kind", kind), ("q", q), ("sha256", sha256)) if value}
        page = (yield Call("GET", "/library", params=params)).decode(Page[LibraryItem])
        found |= {item.id: item for item in page.items}
        offset, has_more = offset + _PAGE, page.has_more
    return list(found.values())


def upload(file: LocalFile, notes: str) -> Steps[LibraryItem]:
    """Add a file to the library, unless the library has it."""
    known = yield from _known([file])
    return known.get((file.kind, file.sha256)) or (yield from _add(file, notes))


def delete_item(item_id: UUID | str) -> Steps[None]:
    """Delete an item of the library."""
    reply = yield Call("DELETE", f"/library/{item_id}")
    if reply.status != 404 or reply.attempts == 1:  # else an earlier attempt has deleted it
        reply.check()


def submit(config: dict[str, Any]) -> Steps[Job]:
    """Create a shootout and submit it."""
    body = {"config": config, "submit": True}
    made = (yield Call("POST", "/shootouts", json=body, headers=new_key())).decode(NewShootout)
    if made.job is None:
        raise InvalidResponseError("the response names no job")
    return made.job


def submit_spec(spec: SpecFile, on_upload: OnUpload | None) -> Steps[Job]:
    """Upload the files of a spec that the library does not have, create the shootout and submit it."""
    known = yield from _known(spec.files.values())
    assets: dict[tuple[Kind, str], str] = {}
    for key, file in spec.files.items():
        found = known.get((file.kind, file.sha256))
        if found is None:
            found = yield from _add(file, "")
            known[file.kind, file.sha256] = found
        if on_upload is not None:
            on_upload(found)
        assets[key] = str(found.id)
    return (yield from submit(spec.config(assets)))


def jobs(status: str | None, limit: int) -> Steps[list[Job]]:
    """Return the newest jobs."""
    params: Params = {"limit": limit} | ({"status": status} if status else {})
    return (yield Call("GET", "/jobs", params=params)).decode(Page[Job]).items


def job(job_id: UUID | str) -> Steps[Job]:
    """Return a job."""
    return (yield Call("GET", _job_path(job_id))).decode(Job)


def cancel(job_id: UUID | str) -> Steps[Job]:
    """Cancel a job."""
    return (yield Call("POST", f"{_job_path(job_id)}/cancel", headers=new_key())).decode(Job)


def retry(job_id: UUID | str) -> Steps[Job]:
    """Retry a job."""
    return (yield Call("POST", f"{_job_path(job_id)}/retry", headers=new_key())).decode(Job)


def artifacts(job_id: UUID | str) -> Steps[list[Artifact]]:
    """Return the files that a job has produced."""
    found: list[Artifact] = []
    has_more = True
    while has_more:
        reply = yield Call("GET", f"{_job_path(job_id)}/artifacts", params={"offset": len(found)})
        page = reply.decode(Page[Artifact])
        found += page.items
        has_more = page.has_more
    return found


def artifact_path(job_id: UUID | str, path: str) -> str:
    """Return the path of the content of an artifact."""
    return f"{_job_path(job_id)}/artifacts/{quote(path)}"


def socket_path(job_id: UUID | str) -> str:
    """Return the path of the live channel of a job."""
    return f"{_job_path(job_id)}/ws"


def _job_path(job_id: UUID | str) -> str:
    return f"/jobs/{quote(str(job_id), safe='')}"


def _known(files: Collection[LocalFile]) -> Steps[dict[tuple[Kind, str], LibraryItem]]:
    """Return the items that the library has of some files, by kind and SHA-256."""
    known: dict[tuple[Kind, str], LibraryItem] = {}
    hashes = list(dict.fromkeys(file.sha256 for file in files))
    for start in range(0, len(hashes), _HASHES):
        items = yield from library(None, None, hashes[start : start + _HASHES])
        known |= {(item.kind, item.sha256): item for item in items}
    return known


def _add(file: LocalFile, notes: str) -> Steps[LibraryItem]:
    fields = {"kind": file.kind} | {key: text for key, text in (("name", file.name), ("notes", notes)) if text}
    reply = yield Call("POST", "/library", upload=Upload(file.path, fields))
    item = reply.decode(LibraryItem)
    return msgspec.structs.replace(item, is_new=reply.status == 201)
