"""Errors of the library."""

from collections.abc import Sequence
from uuid import UUID

from tone_shootout.kit.http.problems import (
    ConflictError,
    Fault,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    ProblemError,
)

MAX_LISTED = 10
"""Number of shootouts that an error names."""


class ItemNotFoundError(NotFoundError):
    """The user has no library item with this id."""

    code = "library_item_not_found"

    def __init__(self, item_id: UUID) -> None:
        super().__init__(f"Library item {item_id} does not exist.")


class UnusableFileError(InvalidError):
    """The file is not of the stated kind, or can't be used as one."""

    def __init__(self, code: str, detail: str, *, pointer: str = "/file") -> None:
        text = f"{pointer}: {detail}" if pointer else detail
        super().__init__(text, code=code, errors=[Fault(code=code, pointer=pointer, detail=detail)])


class NoGearError(InvalidError):
    """Only captures have a gear type."""

    code = "wrong_kind"

    def __init__(self, kind: str) -> None:
        detail = f"expected no gear type: the item is of kind `{kind}`, and only captures have one"
        super().__init__(f"gear: {detail}", errors=[Fault(code=self.code, pointer="/gear", detail=detail)])


class ItemInUseError(ConflictError):
    """A shootout or an unfinished job uses the library item."""

    code = "in_use"

    def __init__(self, shootouts: Sequence[tuple[UUID, str]]) -> None:
        titles = ", ".join(f"“{title}”" for _, title in shootouts[:MAX_LISTED])
        more = f" and {len(shootouts) - MAX_LISTED} more" if len(shootouts) > MAX_LISTED else ""
        super().__init__(
            f"Used by {titles}{more}."
            if shootouts
            else "Used by an unfinished job. Wait until the job has finished, or cancel it.",
            errors=[
                Fault(code="in_use", detail=f"“{title}” (/api/v1/shootouts/{shootout_id})")
                for shootout_id, title in shootouts[:MAX_LISTED]
            ],
        )


class KindTakenError(ConflictError):
    """The library has the same file as another kind already."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The library has this file as that kind already: “{name}”. Delete one of the two.")


class QuotaExceededError(ForbiddenError):
    """The user's storage quota is used up."""

    code = "quota_exceeded"


class BadFormError(ProblemError):
    """The body is not a form with one file and known fields."""

    code = "invalid_request"
