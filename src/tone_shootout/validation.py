"""Explains validation errors of msgspec: the allowed values, and the most likely intended one.

The error of `msgspec` states the path and the violated rule. Everything else comes from inspecting the type.
"""

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import inspect

_CONTROL: Final = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
ONE_LINE: Final = rf"^[^{_CONTROL}]*[^\s{_CONTROL}][^{_CONTROL}]*$(?!\n)"
"""Pattern of text without control characters and line breaks that is not only white space."""

_PATH: Final = re.compile(r" - at `([^`]*)`$")
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_ENUM: Final = re.compile(r"Invalid (?:enum )?value (.*)", re.DOTALL)
_UNKNOWN: Final = re.compile(r"unknown field `(.*)`", re.DOTALL)
_MISSING: Final = re.compile(r"missing required field `([^`]*)`")
_QUOTED: Final = re.compile(r"`([^`]*)`")
_JSON_NAMES: Final = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "uuid": "UUID",
    "datetime": "date and time",
    "bytes": "string",
}
"""Types as JSON and JSON Schema name them, by their names in msgspec's messages."""
_LONGEST_WORD: Final = 60
_LONGEST_LINE: Final = 500
_MIN_SIMILARITY: Final = 0.6
"""Similarity (`difflib` ratio) at which a word counts as a misspelling of another."""


class Explanation(NamedTuple):
    """An explained error: a code (`invalid` or `unknown_field`), a JSON pointer (RFC 6901), and one sentence."""

    code: str
    pointer: str
    detail: str


def error_path(error: msgspec.ValidationError | str) -> list[str]:
    """Return the keys and indices of the path to the invalid value, `...` for an unknown index; empty for the root."""
    found = _PATH.search(str(error))
    return [name or index for name, index in _STEP.findall(found.group(1))] if found else []


def explain(error: msgspec.ValidationError | str, kind: Any = None, document: object = None) -> Explanation:
    """Explain a validation error of msgspec, with a suggestion where there is one.

    Args:
        error: the error.
        kind: the expected type of the document; None: unknown, no suggestions.
        document: the document, which selects among the members of tagged unions.
    """
    text = str(error)
    found = _PATH.search(text)
    detail = text[: found.start()] if found else text
    detail = detail.replace(f"`str` matching regex {ONE_LINE!r}", "text on one line, and not only white space")
    steps = error_path(error)
    pointer = "".join(f"/{step}" for step in steps)
    if unknown := _UNKNOWN.search(detail):
        name = unknown.group(1)
        known = list(_fields(_at(kind, steps, document)))
        advice = _advice(name, known)
        return Explanation("unknown_field", f"{pointer}/{pointer_step(name)}", f"{printable_line(detail)}{advice}")
    if value := _ENUM.match(detail):
        allowed = _allowed(kind, steps, document)
        if allowed:
            detail = f"expected {_one_of(allowed)}, got {value.group(1)}"
            word = value.group(1).strip("'\"")
            if close := _closest(word, [str(each) for each in allowed]):
                detail += f"; did you mean `{close}`?"
    elif (missing := _MISSING.search(detail)) and (allowed := _allowed(kind, [*steps, missing.group(1)], document)):
        detail += f", which is {_one_of(allowed)}"
    return Explanation("invalid", pointer, printable_line(_json_types(detail)))


def _json_types(detail: str) -> str:
    """Name types as JSON does: `string` and `number` for `str` and `float`."""
    if not detail.startswith("Expected `"):
        return detail

    def named(found: re.Match[str]) -> str:
        words = [_JSON_NAMES.get(word, word) for word in found.group(1).split(" | ")]
        return f"`{' | '.join(words)}`"

    return _QUOTED.sub(named, detail).replace("got `integer`", "got `number`")


def _advice(name: str, known: Sequence[str]) -> str:
    if close := _closest(name, known):
        return f"; did you mean `{close}`?"
    return f"; known fields: {', '.join(sorted(known))}" if known else ""


def _closest(word: str, known: Sequence[str]) -> str | None:
    """Return the known word most similar to a misspelled one, ignoring case and hyphens."""
    plain = {re.sub(r"[^a-z0-9]", "", each.lower()): each for each in known}
    wanted = re.sub(r"[^a-z0-9]", "", word[:_LONGEST_WORD].lower())
    if not wanted:
        return None
    close = get_close_matches(wanted, plain, n=1, cutoff=_MIN_SIMILARITY)
    if not close:
        close = [each for each in plain if len(wanted) > 2 and (wanted in each or each in wanted)]
    return plain[close[0]] if close else None


def _one_of(allowed: Sequence[object]) -> str:
    words = [f"`{each}`" for each in allowed]
    return words[0] if len(words) == 1 else f"one of {', '.join(words)}"


def printable_line(text: str, longest: int = _LONGEST_LINE) -> str:
    """Return untrusted text on one line, without control characters, truncated to `longest` characters."""
    line = "".join(char if char.isprintable() else " " for char in text)
    return line if len(line) <= longest else f"{line[:longest]}…"


def pointer_step(name: str) -> str:
    """Return a name as one step of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def value_at(document: object, step: str) -> object:
    """Return the value of a key or index of a document; None if there is none."""
    if isinstance(document, dict):
        return document.get(step)
    if isinstance(document, (list, tuple)) and step.isdigit() and int(step) < len(document):
        return document[int(step)]
    return None


def _at(kind: Any, steps: Sequence[str], document: object) -> list[inspect.Type]:
    """Return the possible types of the value at a path."""
    if kind is None:
        return []
    try:
        types = [inspect.type_info(kind)]
    except (TypeError, NameError):
        return []
    for step in steps:
        types = [inner for each in types for inner in _step(each, step, document)]
        document = value_at(document, step)
    return [member for each in types for member in _members(each, document)]


def _step(kind: inspect.Type, step: str, document: object) -> Iterator[inspect.Type]:
    for member in _members(kind, document):
        match member:
            case inspect.StructType():
                yield from (field.type for field in member.fields if field.encode_name == step)
            case inspect.ListType() | inspect.VarTupleType():
                yield member.item_type
            case inspect.TupleType():
                yield from member.item_types
            case inspect.DictType():
                yield member.value_type


def _members(kind: inspect.Type, document: object) -> list[inspect.Type]:
    """Return the members of a union; of tagged ones only the member with the document's tag, if there is one."""
    if isinstance(kind, inspect.Metadata):
        return _members(kind.type, document)
    if not isinstance(kind, inspect.UnionType):
        return [kind]
    members = [inner for each in kind.types for inner in _members(each, document)]
    if isinstance(document, dict):
        named: list[inspect.Type] = [
            each
            for each in members
            if isinstance(each, inspect.StructType) and each.tag_field and document.get(each.tag_field) == each.tag
        ]
        return named or members
    return members


def _fields(types: Sequence[inspect.Type]) -> Iterator[str]:
    for each in types:
        if isinstance(each, inspect.StructType):
            yield from (field.encode_name for field in each.fields)
            if each.tag_field:
                yield each.tag_field


def _allowed(kind: Any, steps: Sequence[str], document: object) -> list[object]:
    """Return the values of the literals at a path, or the tags of the union if the path leads to a tag."""
    found: list[object] = []
    for each in _at(kind, steps, document):
        if isinstance(each, inspect.LiteralType):
            found += each.values
        elif isinstance(each, inspect.EnumType):
            found += [member.value for member in each.cls]
    if steps and not found:
        for each in _at(kind, steps[:-1], document):
            if isinstance(each, inspect.StructType) and each.tag_field == steps[-1] and each.tag is not None:
                found.append(each.tag)
    return list(dict.fromkeys(found))
