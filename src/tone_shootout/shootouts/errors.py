"""Errors of shootouts."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self
from uuid import UUID

import msgspec
from msgspec import to_builtins

from tone_shootout.document_errors import in_words
from tone_shootout.kit.http.problems import Fault, InvalidError, MalformedError, NotFoundError, faults_of, summary
from tone_shootout.rendering.spec.schema import SpecError
from tone_shootout.shootouts.config import Config, config_pointer
from tone_shootout.validation import printable_line

CONFIG: Final = "/config"
"""Where a config stands in bodies, and in the shootout. All pointers into a config begin with it."""


class ShootoutNotFoundError(NotFoundError):
    """The user has no shootout with this id."""

    code = "shootout_not_found"

    def __init__(self, shootout_id: UUID) -> None:
        super().__init__(f"Shootout {shootout_id} does not exist.")


class InvalidPatchError(MalformedError):
    """A shootout with these changes has not the documented form; pointers lead into the changed shootout."""

    def __init__(self, errors: Sequence[Fault], document: object = None) -> None:
        super().__init__(summary(errors), errors=errors)
        self.document = document
        """The changed part; None if it could not be changed."""

    @classmethod
    def of(cls, document: object, kind: Any, pointer: str) -> Self:
        """Return the error for a changed part of a shootout that does not fit its type."""
        faults = faults_of(document, kind)
        return cls([msgspec.structs.replace(each, pointer=f"{pointer}{each.pointer}") for each in faults], document)


class InvalidConfigError(InvalidError):
    """The config can't be rendered; `errors` lists every reason, with a pointer to `/config/…`.

    So it is in the bodies that carry a config, and in the shootout that is read.
    """

    code = "invalid_config"

    def __init__(self, errors: Sequence[SpecError], config: Config, names: Mapping[str, str]) -> None:
        """Make the error; `names` are those of library items by id, which errors show in place of ids."""
        document = to_builtins(config)
        faults = []
        for error in errors:
            pointer = config_pointer(error.pointer, config)
            detail = error.detail
            for file, name in names.items():
                detail = detail.replace(repr(file), f"“{printable_line(name)}”")
            detail = in_words(pointer, document, detail)
            faults.append(Fault(code=error.code, pointer=f"{CONFIG}{pointer}", detail=detail))
        super().__init__(summary(faults), errors=faults)
