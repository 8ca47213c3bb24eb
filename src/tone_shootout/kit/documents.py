"""Stored documents that an older version of the code can read too."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import NODEFAULT, UNSET, Struct

_ABSENT: Final = object()


def to_document(value: Any) -> Any:
    """Return what is stored of a value: as `msgspec.to_builtins`, without fields that are empty by default.

    During a rolling upgrade, code of the last version reads what this version writes, and it rejects fields that it
    does not know. A new field is optional: as long as nobody uses it, it has its default, which is None, false, zero or
    empty (a table: of nothing but such fields), and is not stored. Other defaults are stored, so that a later change of
    one does not change what was stored.

    Args:
        value: a struct, or what may be in one.
    """
    if isinstance(value, Struct):
        kind = type(value)
        document = {} if (tag := _tag(kind)) is None else {tag[0]: tag[1]}
        for name, encoded, default in _fields(kind):
            content = getattr(value, name)
            if content is UNSET:
                continue
            written = to_document(content)
            if written or default is _ABSENT or content != default:
                document[encoded] = written
        return document
    if isinstance(value, Mapping):
        return {key: to_document(content) for key, content in value.items()}
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [to_document(content) for content in value]
    return msgspec.to_builtins(value)


@cache
def _tag(kind: type[Struct]) -> tuple[str, str | int] | None:
    config = kind.__struct_config__
    return None if config.tag_field is None or config.tag is None else (config.tag_field, config.tag)


@cache
def _fields(kind: type[Struct]) -> list[tuple[str, str, Any]]:
    """Return name, name in documents, and default of the fields of a struct."""
    found = []
    for field in msgspec.structs.fields(kind):
        default = field.default
        if default is NODEFAULT:
            default = _ABSENT if field.default_factory is NODEFAULT else field.default_factory()
        found.append((field.name, field.encode_name, default))
    return found
