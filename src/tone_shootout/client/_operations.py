"""What a client can do, as calls in order."""

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

import msgspec

from tone_shootout.client._calls import Call, Params, Steps, Upload, new_key
from tone_shootout.client._spec_files import LocalFile, SpecFile
from tone_shootout.client.errors import InvalidResponseError, error_class
from tone_shootout.client.models import (
    Artifact,
    Job,
    Kind,
    LibraryItem,
    Limits,
    NewShootout,
    Page,
    UploadLimits,
    UploadResult,
    UploadResults,
)

OnUpload = Callable[[LibraryItem], None]
_PAGE = 100
_FORM_BYTES = 100_000
"""More than the parts of a form take around their files."""
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


def upload_many(files: Sequence[LocalFile]) -> Steps[list[UploadResult]]:
    """Add the files to the library that it does not have, several in a request; return a result for each."""
    known = yield from _known(files)
    results = {key: UploadResult(filename=item.filename, status="existing", item=item) for key, item in known.items()}
    missing: dict[tuple[Kind, str], LocalFile] = {}
    for file in files:
        if (file.kind, file.sha256) not in known:
            missing.setdefault((file.kind, file.sha256), file)
    limits = (yield from _upload_limits()) if len(missing) > 1 else UploadLimits()
    for batch in _batches(list(missing.values()), limits):
        parts: list[tuple[str, str | Path]] = []
        for file in batch:
            parts += [("name", file.name)] if file.name else []
            parts.append((file.kind, file.path))
        for file, result in zip(batch, (yield from _add_batch(parts)), strict=True):
            results[file.kind, file.sha256] = result
    return [results[file.kind, file.sha256] for file in files]


def upload_archive(path: Path, tags: Sequence[str]) -> Steps[list[UploadResult]]:
    """Add the captures and sound files of a ZIP archive to the library; return a result for each entry."""
    return (yield from _add_batch([*([("tags", ", ".join(tags))] if tags else []), ("archive", path)]))


def delete_item(item_id: UUID | str) -> Steps[None]:
    """Delete an item of the library."""
    yield from _delete(f"/library/{item_id}")


def set_picture(item_id: UUID | str, content: bytes) -> Steps[None]:
    """Set the picture of an item of the library."""
    (yield Call("PUT", f"/library/{item_id}/picture", content=content)).check()


def remove_picture(item_id: UUID | str) -> Steps[None]:
    """Delete the picture of an item of the library."""
    yield from _delete(f"/library/{item_id}/picture")


def _delete(path: str) -> Steps[None]:
    reply = yield Call("DELETE", path)
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
    """Upload the files of a spec that the library does not have, create the shootout and submit it.

    Raises:
        ApiError: a file was rejected.
    """
    files = list(spec.files.values())
    results = yield from upload_many(files)
    for file, result in zip(files, results, strict=True):
        if result.problem is not None:
            problem = result.problem
            raise error_class(422, problem.code)(f"{file.path}: {problem.detail}", status=422, code=problem.code)
    items = [result.item for result in results if result.item is not None]
    if on_upload is not None:
        for item in items:
            on_upload(item)
    return (yield from submit(spec.config({key: str(item.id) for key, item in zip(spec.files, items, strict=True)})))


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
    form = Upload((*fields.items(), ("file", file.path)))
    reply = yield Call("POST", "/library", upload=form, headers=new_key())
    item = reply.decode(LibraryItem)
    return msgspec.structs.replace(item, is_new=reply.status == 201)


def _add_batch(parts: Sequence[tuple[str, str | Path]]) -> Steps[list[UploadResult]]:
    reply = yield Call("POST", "/library/batch", upload=Upload(tuple(parts)), headers=new_key())
    found = reply.decode(UploadResults).results
    return [
        msgspec.structs.replace(each, item=msgspec.structs.replace(each.item, is_new=each.status == "created"))
        if each.item is not None
        else each
        for each in found
    ]


def _upload_limits() -> Steps[UploadLimits]:
    return (yield Call("GET", "/limits")).decode(Limits).upload


def _batches(files: Sequence[LocalFile], limits: UploadLimits) -> Iterator[list[LocalFile]]:
    """Yield files in groups of as many as one request may have; a file that is too large is in a group of its own."""
    batch: list[LocalFile] = []
    batch_bytes = 0
    for file in files:
        too_large = batch_bytes + file.size_bytes > limits.max_batch_bytes - _FORM_BYTES
        if batch and (len(batch) == limits.max_batch_files or too_large):
            yield batch
            batch, batch_bytes = [], 0
        batch.append(file)
        batch_bytes += file.size_bytes
    if batch:
        yield batch
