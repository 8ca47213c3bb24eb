"""What the service returns. Fields that a newer service adds are ignored."""

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

from msgspec import Struct

from tone_shootout.client.errors import Fault

T = TypeVar("T")

Kind = Literal["di_track", "capture", "cab_ir"]
"""Kind of a library item."""


class LibraryItem(Struct, frozen=True, kw_only=True):
    """A DI track, capture or cab IR in the library.

    Attributes:
        id: id, used as `asset` in a config.
        kind: kind of the item.
        name: name in the library.
        filename: name of the uploaded file.
        size_bytes: size of the file, bytes.
        sha256: SHA-256 of the file.
        created_at: when it was added.
        is_new: whether the upload that returned it added it; False: the library had it.
    """

    id: UUID
    kind: Kind
    name: str
    filename: str
    size_bytes: int
    sha256: str
    created_at: datetime
    is_new: bool = False


class UploadResult(Struct, frozen=True, kw_only=True):
    """What became of one file of an upload of several.

    Attributes:
        filename: name of the file; its path in an archive.
        status: `created`, `existing`, `skipped` (no capture and no sound file) or `failed`.
        item: the created or existing item, else None.
        problem: why it was skipped or failed, else None.
        archive: name of the archive that contains it; None: none.
    """

    filename: str
    status: str
    item: LibraryItem | None = None
    problem: Fault | None = None
    archive: str | None = None


class UploadResults(Struct, frozen=True, kw_only=True):
    """The results of an upload of several files."""

    results: list[UploadResult]


class UploadLimits(Struct, frozen=True, kw_only=True):
    """How much one upload of several files may have: files, and bytes of the request."""

    max_batch_files: int = 1
    max_batch_bytes: int = 0


class Limits(Struct, frozen=True, kw_only=True):
    """The limits of the service that the client observes."""

    upload: UploadLimits


class Notice(Struct, frozen=True, kw_only=True):
    """A remark on the comparison or on publishing it; `pointer` is a JSON pointer into the config."""

    code: str
    pointer: str
    detail: str


class Progress(Struct, frozen=True, kw_only=True):
    """Progress of a job: percent, and the estimated seconds left (None: unknown)."""

    percent: float
    eta_s: float | None = None


class JobError(Struct, frozen=True, kw_only=True):
    """Error of a failed job: the segment that failed and a JSON pointer to the cause, if known."""

    code: str
    detail: str
    segment: int | None = None
    pointer: str | None = None


class Job(Struct, frozen=True, kw_only=True):
    """A job, which renders a shootout.

    Attributes:
        id: id of the job.
        shootout_id: id of the shootout.
        title: title of the shootout.
        status: `pending`, `queued`, `running`, `cancelling`, `completed`, `failed` or `cancelled`.
        phase: phase of a running job, else None.
        progress: its progress.
        attempt: number of attempts so far.
        error: error of a failed job, else None.
        notices: notices about comparability and licenses.
        created_at: time of submission.
    """

    id: UUID
    shootout_id: UUID
    title: str
    status: str
    phase: str | None
    progress: Progress
    attempt: int
    error: JobError | None
    notices: list[Notice]
    created_at: datetime


class Event(Struct, frozen=True, kw_only=True):
    """An event of a job; `docs/live-progress.md` lists types and data."""

    seq: int
    type: str
    job_id: UUID
    at: datetime
    data: dict[str, Any]


class Artifact(Struct, frozen=True, kw_only=True):
    """A file that a job has produced."""

    path: str
    size_bytes: int
    sha256: str
    media_type: str


class NewShootout(Struct, frozen=True, kw_only=True):
    """A shootout that was just created, with its job."""

    job: Job | None


class Page(Struct, Generic[T], frozen=True, kw_only=True):
    """A page of a list.

    Attributes:
        items: items of this page.
        total: number of items in the whole list.
        limit: requested number of items.
        offset: number of skipped items.
        has_more: whether the list has items after this page.
    """

    items: list[T]
    total: int
    limit: int
    offset: int
    has_more: bool
