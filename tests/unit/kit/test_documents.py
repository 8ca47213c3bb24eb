"""Stored documents have no fields that an older version would not know and nobody uses."""

from typing import Any

import msgspec
import pytest
from msgspec import UNSET, Struct, UnsetType, field

from tone_shootout.kit.documents import to_document


class _Old(Struct, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="old"):
    name: str
    gain_db: float = 1.0


class _Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    is_blind: bool = False


class _New(_Old, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="old"):
    parts: tuple[_Old, ...] = ()
    note: str | None = None
    tail_s: float = 0.0
    is_wide: bool = field(default=False, name="wide")
    extra: dict[str, int] = field(default_factory=dict)
    left_out: int | UnsetType = UNSET
    options: _Options = _Options()


def test_what_is_empty_by_default_is_left_out_and_read_by_an_older_version() -> None:
    stored = to_document(_New(name="a"))
    assert stored == {"type": "old", "name": "a", "gain_db": 1.0}
    assert msgspec.convert(stored, _Old) == _Old(name="a")
    assert msgspec.convert(stored, _New) == _New(name="a")


@pytest.mark.parametrize(
    ("changes", "stored"),
    [
        ({"parts": (_Old(name=""),)}, {"parts": [{"type": "old", "name": "", "gain_db": 1.0}]}),
        ({"gain_db": 0.0}, {"gain_db": 0.0}),
        ({"options": _Options(is_blind=True)}, {"options": {"is_blind": True}}),
        ({"is_wide": True, "note": ""}, {"wide": True, "note": ""}),
        ({"extra": {"n": 0}, "left_out": 0}, {"extra": {"n": 0}, "left_out": 0}),
    ],
)
def test_everything_else_is_stored_and_comes_back(changes: dict[str, Any], stored: dict[str, Any]) -> None:
    value = _New(name="a", **changes)
    document = to_document(value)
    assert document == {"type": "old", "name": "a", "gain_db": 1.0, **stored}
    assert msgspec.convert(document, _New) == value
    assert msgspec.json.decode(msgspec.json.encode(document), type=_New) == value
