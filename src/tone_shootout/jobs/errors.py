"""What can go wrong with a job, as a client is told."""

from uuid import UUID

from tone_shootout.jobs.status import JobStatus
from tone_shootout.kit.http.problems import ConflictError, NotFoundError, TooManyRequestsError

TRY_AGAIN_S = 30
"""What a client is told to wait when it has too many jobs."""


class JobNotFoundError(NotFoundError):
    """No such job among the asker's own."""

    code = "job_not_found"

    def __init__(self, job_id: UUID) -> None:
        super().__init__(f"There is no job {job_id}.")


class ArtifactNotFoundError(NotFoundError):
    """The job has made no such file."""

    code = "artifact_not_found"

    def __init__(self, path: str) -> None:
        super().__init__(f"The job has no artifact {path}.")


class JobFinishedError(ConflictError):
    """Too late to cancel."""

    code = "job_finished"

    def __init__(self, status: JobStatus) -> None:
        super().__init__(f"The job has already {status}.")


class NothingToRetryError(ConflictError):
    """Only what failed or was cancelled can begin again."""

    code = "nothing_to_retry"

    def __init__(self, status: JobStatus) -> None:
        super().__init__(f"The job is {status}; only a failed or cancelled one can be retried.")


class TooManyJobsError(TooManyRequestsError):
    """The owner has as many unfinished jobs as the operator allows."""

    code = "too_many_jobs"

    def __init__(self, limit: int) -> None:
        detail = f"You have {limit} jobs that are not finished, which is the limit. Wait until one ends, or cancel one."
        super().__init__(detail, wait_s=TRY_AGAIN_S)


class TooManyStreamsError(TooManyRequestsError):
    """The asker follows as many jobs as one user may."""

    code = "too_many_streams"

    def __init__(self, limit: int) -> None:
        super().__init__(f"You have {limit} streams open, which is the limit. Close some.", wait_s=TRY_AGAIN_S)


class UnfinishedJobError(ConflictError):
    """The shootout can't be deleted under its job."""

    code = "job_unfinished"

    def __init__(self) -> None:
        super().__init__("A job of this shootout is not finished; cancel it first.")
