"""What can go wrong with library items and shootouts, as a client is told."""

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
from tone_shootout.rendering.spec.schema import SpecError
from tone_shootout.shootouts.config import Config, config_pointer

NAMED = 10
"""How many of the things in the way are named."""


class ItemNotFoundError(NotFoundError):
    """No such library item among the asker's own."""

    code = "library_item_not_found"

    def __init__(self, item_id: UUID) -> None:
        super().__init__(f"There is no library item {item_id}.")


class ShootoutNotFoundError(NotFoundError):
    """No such shootout among the asker's own."""

    code = "shootout_not_found"

    def __init__(self, shootout_id: UUID) -> None:
        super().__init__(f"There is no shootout {shootout_id}.")


class UnusableFileError(InvalidError):
    """A file that is not what it is meant to be, or not fit for it."""

    def __init__(self, code: str, detail: str, *, pointer: str = "/file") -> None:
        text = f"{pointer}: {detail}" if pointer else detail
        super().__init__(text, code=code, errors=[Fault(code=code, pointer=pointer, detail=detail)])


class ItemInUseError(ConflictError):
    """A library item that something still needs."""

    code = "in_use"

    def __init__(self, shootouts: Sequence[tuple[UUID, str]]) -> None:
        names = ", ".join(f"“{title}”" for _, title in shootouts[:NAMED])
        more = f" and {len(shootouts) - NAMED} more" if len(shootouts) > NAMED else ""
        super().__init__(
            f"Used by {names}{more}."
            if shootouts
            else "Used by a job that is not finished: wait for its end, or cancel it.",
            errors=[
                Fault(code="in_use", pointer="", detail=f"“{title}” (/api/v1/shootouts/{shootout_id})")
                for shootout_id, title in shootouts[:NAMED]
            ],
        )


class InvalidConfigError(InvalidError):
    """A config that can't be rendered, with everything that is wrong with it."""

    code = "invalid_config"

    def __init__(self, errors: Sequence[SpecError], config: Config) -> None:
        faults = [Fault(code=e.code, pointer=config_pointer(e.pointer, config), detail=e.detail) for e in errors]
        super().__init__("; ".join(f"{fault.pointer or '/'}: {fault.detail}" for fault in faults), errors=faults)


class QuotaExceededError(ForbiddenError):
    """More than one user may keep here."""

    code = "quota_exceeded"


class BadFormError(ProblemError):
    """Not a form with one file and known fields."""

    code = "invalid_request"
