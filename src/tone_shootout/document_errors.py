"""All errors of a decoded document at once, and the place of each in words.

`msgspec` stops at the first error. Here the parts of a document that fails are converted one by one.
"""

import re
import types
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any, Final, Union, get_args, get_origin

import msgspec

from tone_shootout.validation import Explanation, explain, pointer_step, printable_line, value_at

MOST: Final = 100
"""Errors that are reported of one document."""
_NOUNS: Final = {
    "di_tracks": "DI track",
    "chains": "chain",
    "blocks": "block",
    "bands": "band",
    "paths": "path",
    "pedals": "pedal",
    "captures": "capture",
    "cab_irs": "cab IR",
    "template": "block of the template",
}
"""What the items of a list are called."""
_LONGEST_VALUE: Final = 60
_TYPE_IN_PATH: Final = re.compile(r"/paths/\d+/blocks/\d+/type$")
_NESTED_SPLIT: Final = (
    "; a path has no split: write each way as a path of one split, what paths share at their start runs once"
)


def explain_all(document: object, kind: Any) -> list[Explanation]:
    """Return the errors of a document, at most 100, in its order; empty if it is valid.

    Args:
        document: the decoded document.
        kind: its type.
    """
    return list(islice(_errors(document, kind, ""), MOST))


def place_of(pointer: str, document: object) -> str:
    """Return where a JSON pointer leads, in words: `chain “Plexi”, block 2 (eq)`; empty for the root.

    Args:
        pointer: JSON pointer (RFC 6901).
        document: the decoded document.
    """
    words: list[str] = []
    rest: list[str] = []
    noun = None
    for step in pointer.split("/")[1:]:
        document = value_at(document, step.replace("~1", "/").replace("~0", "~"))
        if noun and step.isdigit():
            words.append(_name(noun, int(step) + 1, document))
            rest = []
        else:
            rest.append(step)
        noun = _NOUNS.get(step)
    return printable_line(", ".join([*words, *([".".join(rest)] if rest else [])]))


def in_words(pointer: str, document: object, detail: str) -> str:
    """Return the text of an error after its place in words."""
    place = place_of(pointer, document)
    return f"{place}: {detail}" if place else detail


def _name(noun: str, number: int, item: object) -> str:
    name, type_ = (item.get("name"), item.get("type")) if isinstance(item, dict) else (None, None)
    if isinstance(name, str) and name.strip():
        return f"{noun} “{printable_line(name, _LONGEST_VALUE)}”"
    return f"{noun} {number}" + (f" ({printable_line(type_, _LONGEST_VALUE)})" if isinstance(type_, str) else "")


def _errors(value: object, kind: Any, pointer: str) -> Iterator[Explanation]:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        inner = _inner(value, kind, pointer)
        first = next(inner, None)
        if first is not None:
            yield first
            yield from inner
        else:
            code, place, detail = explain(error, kind, value)
            if not place and "got" not in detail and isinstance(value, str | int | float):
                detail += f", got {printable_line(msgspec.json.encode(value).decode(), _LONGEST_VALUE)}"
            if detail.endswith("got 'split'") and _TYPE_IN_PATH.search(f"{pointer}{place}"):
                detail += _NESTED_SPLIT
            yield Explanation(code, f"{pointer}{place}", detail)


def _inner(value: object, kind: Any, pointer: str) -> Iterator[Explanation]:
    """Yield the errors of the parts of a value."""
    member = _member(kind, value)
    if isinstance(value, dict) and isinstance(member, type) and issubclass(member, msgspec.Struct):
        yield from _of_struct(value, member, pointer)
    elif isinstance(value, dict) and get_origin(member) is dict:
        for name, item in value.items():
            yield from _errors(item, get_args(member)[1], f"{pointer}/{pointer_step(str(name))}")
    elif isinstance(value, list) and get_origin(member) in (list, tuple, frozenset, set):
        for index, item in enumerate(value):
            yield from _errors(item, get_args(member)[0], f"{pointer}/{index}")


def _of_struct(value: dict[str, object], kind: type[msgspec.Struct], pointer: str) -> Iterator[Explanation]:
    fields = msgspec.structs.fields(kind)
    config = kind.__struct_config__
    for field in fields:
        place = f"{pointer}/{field.encode_name}"
        if field.encode_name in value:
            yield from _errors(value[field.encode_name], field.type, place)
        elif field.required:
            text = f"Object missing required field `{field.encode_name}`"
            yield Explanation("missing", place, explain(text, kind, value).detail)
    if config.forbid_unknown_fields:
        known = {field.encode_name for field in fields} | {config.tag_field}
        for name in value:
            if name not in known:
                found = explain(f"Object contains unknown field `{name}`", kind, value)
                yield Explanation(found.code, f"{pointer}{found.pointer}", found.detail)


def _member(kind: Any, value: object) -> Any:
    """Return the type without annotations; of a union, the member that the value means."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) not in (Union, types.UnionType):
        return kind
    members = [_member(each, value) for each in get_args(kind)]
    if isinstance(value, list):
        return next((each for each in members if get_origin(each) in (list, tuple)), None)
    structs = [each for each in members if isinstance(each, type) and issubclass(each, msgspec.Struct)]
    if isinstance(value, dict) and len(structs) > 1:
        return next((each for each in structs if _is_tagged(each, value)), None)
    return structs[0] if structs else None


def _is_tagged(kind: type[msgspec.Struct], value: dict[str, object]) -> bool:
    config = kind.__struct_config__
    return config.tag_field is not None and value.get(config.tag_field) == config.tag
