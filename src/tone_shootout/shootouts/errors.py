"""Errors of shootouts."""

from collections.abc import Sequence
from uuid import UUID

from tone_shootout.kit.http.problems import Fault, InvalidError, NotFoundError
from tone_shootout.rendering.spec.schema import SpecError
from tone_shootout.shootouts.config import Config, config_pointer


class ShootoutNotFoundError(NotFoundError):
    """The user has no shootout with this id."""

    code = "shootout_not_found"

    def __init__(self, shootout_id: UUID) -> None:
        super().__init__(f"Shootout {shootout_id} does not exist.")


class InvalidConfigError(InvalidError):
    """The config can't be rendered; `errors` lists every reason."""

    code = "invalid_config"

    def __init__(self, errors: Sequence[SpecError], config: Config) -> None:
        faults = [Fault(code=e.code, pointer=config_pointer(e.pointer, config), detail=e.detail) for e in errors]
        super().__init__("; ".join(f"{fault.pointer or '/'}: {fault.detail}" for fault in faults), errors=faults)
