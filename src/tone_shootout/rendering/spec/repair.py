"""Replaces the malformed parts of a spec, so that the other parts can be checked together with it.

A malformed block, chain or DI track becomes a harmless one at the same place, so that pointers stay. Errors that only
follow from a replacement are recognized by `Repaired.concerns`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, get_args

from tone_shootout.rendering.spec.schema import Override

_RULES: Final = get_args(Override)
_CONTEXT: Final = frozenset({*_RULES, "beyond_nyquist", "invalid_slice", "too_short", "silent", "sides_cancel"})
"""Codes of errors that depend on more than one field of a chain or DI track."""
_BLOCK: Final = {"type": "gain", "gain_db": 0.0}
_INDEPENDENT: Final = frozenset({"name", "trim_db"})
"""Fields of a chain that its grammar does not depend on."""


@dataclass(frozen=True, slots=True)
class Repaired:
    """A repaired document.

    Attributes:
        document: the document.
        replaced: pointers to parts that were replaced as a whole.
        incomplete: pointers to chains, DI tracks and the grid of which a part was replaced.
    """

    document: dict[str, Any]
    replaced: tuple[str, ...]
    incomplete: tuple[str, ...]

    def concerns(self, code: str, pointer: str) -> bool:
        """Return whether an error of the repaired document is one of the original, too."""
        if any(_is_within(pointer, part) for part in self.replaced):
            return False
        return code not in _CONTEXT or not any(_is_within(pointer, part) for part in self.incomplete)

    def is_intact(self, pointer: str) -> bool:
        """Return whether the part at a pointer is as in the original, with the chain or DI track around it."""
        return not any(_is_within(pointer, part) for part in (*self.replaced, *self.incomplete))


def repair(document: object, pointers: Collection[str], *, source: str, placeholder: str) -> Repaired | None:
    """Replace the parts of a spec or config that are malformed; None if it is no object.

    Args:
        document: the decoded document.
        pointers: JSON pointers to its errors.
        source: the field that names the file of a DI track: `file` or `asset`.
        placeholder: a value for it that names no file.
    """
    if not isinstance(document, dict):
        return None
    errors = [pointer.split("/")[1:] for pointer in pointers if pointer]
    repairs = _Repairs(errors, source, placeholder)
    made = {name: value for name, value in document.items() if not repairs.has_errors(name) or name in _PARTS}
    made["di_tracks"] = repairs.tracks(document.get("di_tracks"))
    made["chains"] = repairs.chains(document.get("chains", []))
    if (grid := repairs.grid(document.get("grid"))) is not None:
        made["grid"] = grid
    if repairs.has_errors("grid") or repairs.has_errors("allow"):
        # Without its grid or its permissions, the document would have errors that it does not have.
        made["allow"] = list(_RULES) if repairs.has_errors("allow") else made.get("allow", [])
        made["chains"] = made["chains"] or [repairs.chain(0)]
    return Repaired(made, tuple(repairs.replaced), tuple(repairs.incomplete))


_PARTS: Final = ("di_tracks", "chains")
_GRID_PARTS: Final = frozenset({"pedals", "captures", "cab_irs"})


class _Repairs:
    def __init__(self, errors: list[list[str]], source: str, placeholder: str) -> None:
        self._errors = errors
        self._source = source
        self._placeholder = placeholder
        self.replaced: list[str] = []
        self.incomplete: list[str] = []

    def has_errors(self, *steps: str) -> bool:
        """Return whether a part of the document or something within it has an error."""
        return any(error[: len(steps)] == list(steps) for error in self._errors)

    def tracks(self, found: object) -> list[Any]:
        """Return the DI tracks."""
        if not isinstance(found, list) or not found or ["di_tracks"] in self._errors:
            self.replaced.append("/di_tracks")
            return [{"name": "1", self._source: self._placeholder}]
        return [
            self._track(index, item) if self.has_errors("di_tracks", str(index)) else item
            for index, item in enumerate(found)
        ]

    def chains(self, found: object) -> list[Any]:
        """Return the chains."""
        if not isinstance(found, list) or ["chains"] in self._errors:
            self.replaced.append("/chains")
            return [self.chain(0)]
        return [
            self._chain(index, item) if self.has_errors("chains", str(index)) else item
            for index, item in enumerate(found)
        ]

    def grid(self, found: object) -> dict[str, Any] | None:
        """Return the grid with a file that is not there in place of each malformed entry; None if nothing is left."""
        if not isinstance(found, dict):
            return None
        if not self.has_errors("grid"):
            return found
        self.incomplete.append("/grid")
        made: dict[str, Any] = {}
        for name, value in found.items():
            if name in _GRID_PARTS and isinstance(value, list) and ["grid", name] not in self._errors:
                made[name] = [self._entry(name, index, item) for index, item in enumerate(value)]
            elif not self.has_errors("grid", name):
                made[name] = value
        return made if _GRID_PARTS & made.keys() else None

    def _entry(self, name: str, index: int, item: object) -> object:
        if not self.has_errors("grid", name, str(index)):
            return item
        self.replaced.append(f"/grid/{name}/{index}")
        return {self._source: self._placeholder, "name": f"({name} {index + 1})"}  # no two entries have one name

    @staticmethod
    def chain(index: int) -> dict[str, Any]:
        """Return a chain without errors."""
        return {"name": str(index + 1), "allow": list(_RULES), "blocks": [_BLOCK]}

    def _track(self, index: int, item: object) -> dict[str, Any]:
        place = ("di_tracks", str(index))
        fields = self._valid(item, place)
        (self.incomplete if self._source in fields else self.replaced).append("/" + "/".join(place))
        return {"name": str(index + 1), self._source: self._placeholder} | {
            name: fields[name] for name in ("name", self._source) if name in fields
        }

    def _chain(self, index: int, item: object) -> dict[str, Any]:
        place = ("chains", str(index))
        pointer = "/" + "/".join(place)
        blocks = item.get("blocks") if isinstance(item, dict) else None
        if not isinstance(blocks, list) or not blocks or [*place, "blocks"] in self._errors:
            self.replaced.append(pointer)
            return self.chain(index)
        fields = self._valid(item, place)
        made = self.chain(index) | {name: fields[name] for name in ("name", "trim_db") if name in fields}
        if {error[2] for error in self._errors if error[:2] == list(place) and len(error) > 2} <= _INDEPENDENT:
            made["allow"] = fields.get("allow", [])
        else:
            self.incomplete.append(pointer)
        broken = {number for number in range(len(blocks)) if self.has_errors(*place, "blocks", str(number))}
        self.replaced += [f"{pointer}/blocks/{number}" for number in sorted(broken)]
        made["blocks"] = [_BLOCK if number in broken else block for number, block in enumerate(blocks)]
        return made

    def _valid(self, item: object, place: tuple[str, str]) -> dict[str, Any]:
        found = item if isinstance(item, dict) else {}
        return {name: value for name, value in found.items() if not self.has_errors(*place, name)}


def _is_within(pointer: str, part: str) -> bool:
    return pointer == part or pointer.startswith(f"{part}/")
