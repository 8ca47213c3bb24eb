"""Client of a Tone Shootout service, synchronous (`Client`) and asynchronous (`AsyncClient`).

From files to a finished, downloaded shootout::

    from tone_shootout.client import Client

    with Client("http://127.0.0.1:8000", token) as client:
        job = client.submit_spec("crunch.toml")
        for event in client.watch(job.id):
            print(event.seq, event.type)
        client.download(job.id, "two-crunches")

It needs none of the service's own modules.
"""

from tone_shootout.client._async import AsyncClient
from tone_shootout.client._sync import Client
from tone_shootout.client.errors import (
    ApiError,
    ArtifactNotFoundError,
    ClientError,
    ConflictError,
    ConnectionFailedError,
    Fault,
    ForbiddenError,
    IdempotencyInFlightError,
    IdempotencyKeyReusedError,
    InternalServerError,
    InUseError,
    InvalidConfigError,
    InvalidCredentialsError,
    InvalidError,
    InvalidResponseError,
    JobFinishedError,
    JobNotFoundError,
    JobUnfinishedError,
    LibraryItemNotFoundError,
    LocalFileError,
    MalformedError,
    NotFoundError,
    NothingToRetryError,
    QuotaExceededError,
    ReadOnlyTokenError,
    ShootoutNotFoundError,
    TooLargeError,
    TooManyJobsError,
    TooManyRequestsError,
    TooManyStreamsError,
    UnauthorizedError,
    UnavailableError,
    UnsupportedMediaTypeError,
    UserDisabledError,
)
from tone_shootout.client.models import (
    Artifact,
    Event,
    Job,
    JobError,
    Kind,
    LibraryItem,
    Notice,
    Progress,
    UploadResult,
)

__all__ = [
    "ApiError",
    "Artifact",
    "ArtifactNotFoundError",
    "AsyncClient",
    "Client",
    "ClientError",
    "ConflictError",
    "ConnectionFailedError",
    "Event",
    "Fault",
    "ForbiddenError",
    "IdempotencyInFlightError",
    "IdempotencyKeyReusedError",
    "InUseError",
    "InternalServerError",
    "InvalidConfigError",
    "InvalidCredentialsError",
    "InvalidError",
    "InvalidResponseError",
    "Job",
    "JobError",
    "JobFinishedError",
    "JobNotFoundError",
    "JobUnfinishedError",
    "Kind",
    "LibraryItem",
    "LibraryItemNotFoundError",
    "LocalFileError",
    "MalformedError",
    "NotFoundError",
    "NothingToRetryError",
    "Notice",
    "Progress",
    "QuotaExceededError",
    "ReadOnlyTokenError",
    "ShootoutNotFoundError",
    "TooLargeError",
    "TooManyJobsError",
    "TooManyRequestsError",
    "TooManyStreamsError",
    "UnauthorizedError",
    "UnavailableError",
    "UnsupportedMediaTypeError",
    "UploadResult",
    "UserDisabledError",
]
