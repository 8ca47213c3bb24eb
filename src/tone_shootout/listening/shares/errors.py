"""Errors of shares."""

from tone_shootout.kit.http.problems import ConflictError, NotFoundError, ProblemError


class ShareNotFoundError(NotFoundError):
    """There is no such share, it was withdrawn, or it belongs to another user."""

    code = "share_not_found"

    def __init__(self) -> None:
        super().__init__("Share not found. Its owner may have withdrawn it.")


class SharedFileNotFoundError(NotFoundError):
    """The share has no public file at this path."""

    code = "shared_file_not_found"

    def __init__(self) -> None:
        super().__init__("The share has no such file. Its `files` are all that is public.")


class AlreadySharedError(ConflictError):
    """The job has a share."""

    code = "already_shared"

    def __init__(self, slug: str) -> None:
        super().__init__(f"The job is shared already, as {slug}. Change that share, or delete it first.")


class NotShareableError(ConflictError):
    """Only the results of a completed job can be shared."""

    code = "not_shareable"


class UnsupportedFormatError(ProblemError):
    """Players are described in JSON only."""

    status = 501
    code = "unsupported_oembed_format"

    def __init__(self) -> None:
        super().__init__("Descriptions of players are JSON. Send `format=json`, or leave it out.")
