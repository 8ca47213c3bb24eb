"""Errors of jobs, as responses."""

from uuid import UUID

from tone_shootout.jobs.status import JobStatus
from tone_shootout.kit.http.problems import ConflictError, NotFoundError, TooManyRequestsError

RETRY_AFTER_S = 30
"""`Retry-After` of responses about limits, in seconds."""


class JobNotFoundError(NotFoundError):
    """The user has no such job."""

    code = "job_not_found"

    def __init__(self, job_id: UUID) -> None:
        super().__init__(f"You have no job {job_id}. List your jobs to find its id.")


class ArtifactNotFoundError(NotFoundError):
    """The job has no artifact at this path."""

    code = "artifact_not_found"

    def __init__(self, path: str) -> None:
        super().__init__(f"The job has no artifact {path}. List its artifacts to find the path.")


class SegmentNotFoundError(NotFoundError):
    """The job has no segment at this position."""

    code = "segment_not_found"

    def __init__(self, position: int, segments: int) -> None:
        super().__init__(f"The job has no segment {position}. It has 1 to {segments}.")


class NoMatchError(ConflictError):
    """No equalizer brings one segment to the other."""

    code = "no_match"

    def __init__(self, reason: str) -> None:
        super().__init__(f"The segments can't be matched: {reason}. Choose others, or submit the shootout again.")


class JobFinishedError(ConflictError):
    """A finished job can't be cancelled."""

    code = "job_finished"

    def __init__(self, status: JobStatus) -> None:
        super().__init__(f"The job has already {status} and can't be cancelled.")


class NothingToRetryError(ConflictError):
    """Only a failed or cancelled job can be retried."""

    code = "nothing_to_retry"

    def __init__(self, status: JobStatus) -> None:
        super().__init__(f"The job is {status}. Only a failed or cancelled job can be retried.")


class TooManyJobsError(TooManyRequestsError):
    """The owner has reached the limit of unfinished jobs."""

    code = "too_many_jobs"

    def __init__(self, limit: int) -> None:
        detail = f"You have {limit} unfinished jobs, which is the limit. Wait until one has finished, or cancel one."
        super().__init__(detail, wait_s=RETRY_AFTER_S)


class TooManyStreamsError(TooManyRequestsError):
    """The user has reached the limit of open streams."""

    code = "too_many_streams"

    def __init__(self, limit: int) -> None:
        super().__init__(f"You have {limit} open streams, which is the limit. Close one first.", wait_s=RETRY_AFTER_S)


class UnfinishedJobError(ConflictError):
    """An unfinished job can't be deleted, nor can its shootout, and its results can't be downloaded as one."""

    code = "job_unfinished"

    def __init__(self, detail: str = "A job of this shootout is not finished. Cancel it first.") -> None:
        super().__init__(detail)


class NoResultsError(NotFoundError):
    """The job has finished without results."""

    code = "no_results"

    def __init__(self) -> None:
        super().__init__("The job has no results: it failed or was cancelled before a segment was rendered.")
