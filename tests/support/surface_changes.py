"""Changes of the surface between two states, each with whether it breaks clients by the policy of docs/api.md.

`tests/reference/released_surface.json` is the surface that clients were promised; `accepted_breaks.json` lists what may
break, with a reason for each. `uv run python -m tests.support.surface_changes` prints all changes since the release;
`--release` makes the current surface the released one and empties the list.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tests.support.shared import PROJECT
from tests.support.surface import surface, written

RELEASED = PROJECT / "tests" / "reference" / "released_surface.json"
ACCEPTED = PROJECT / "tests" / "reference" / "accepted_breaks.json"

_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_NULL = {"type": "null"}

Json = dict[str, Any]


class Change(NamedTuple):
    """One change: where, what, and whether it breaks clients."""

    place: str
    what: str
    breaks: bool

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


def changes(old: Json, new: Json) -> list[Change]:
    """Return all changes from one surface to another, each once."""
    rest = _Comparison(old["schemas"], new["schemas"])
    plain = _Comparison({}, {})
    found = [
        *_each(old["rest"], new["rest"], "operation", rest.operation),
        *rest.named(_sent(old), _received(old)),
        *_each(old["commands"], new["commands"], "command", _command),
        *plain.schema("spec", old["spec"], new["spec"], sent=True),
        *plain.schema("manifest", old["manifest"], new["manifest"], sent=False),
        *plain.schema("event", old["event"], new["event"], sent=False),
        *_each(old["settings"], new["settings"], "setting", _value, breaks=False),
        *_each(old["close_codes"], new["close_codes"], "close code", _value, breaks=True),
    ]
    breaking = {(change.place, change.what) for change in found if change.breaks}
    once = {(change.place, change.what): change for change in found}
    return [change._replace(breaks=key in breaking) for key, change in once.items()]


def unaccepted(found: list[Change], accepted: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Return breaking changes that are not accepted, and accepted ones that do not exist."""
    breaking = {str(change) for change in found if change.breaks}
    return sorted(breaking - accepted.keys()), sorted(accepted.keys() - breaking)


def _each(old: Json, new: Json, noun: str, compare: Any, **options: Any) -> Iterator[Change]:
    for name in old.keys() - new.keys():
        yield Change(name, f"{noun} removed", breaks=True)
    for name in new.keys() - old.keys():
        yield Change(name, f"{noun} added", breaks=False)
    for name in sorted(old.keys() & new.keys()):
        if old[name] != new[name]:
            yield from compare(name, old[name], new[name], **options)


def _value(place: str, old: object, new: object, *, breaks: bool) -> Iterator[Change]:
    yield Change(place, f"{json.dumps(old)} is now {json.dumps(new)}", breaks)


def _command(place: str, old: Json, new: Json) -> Iterator[Change]:
    for name in old.keys() - new.keys():
        yield Change(place, f"{name} removed", breaks=True)
    for name in new.keys() - old.keys():
        yield Change(place, f"{name} added", breaks=new[name]["required"])
    for name in sorted(old.keys() & new.keys()):
        before, after = old[name], new[name]
        for spelling in sorted(set(before["declared"]) - set(after["declared"])):
            yield Change(place, f"{spelling} removed", breaks=True)
        if before["required"] != after["required"]:
            yield Change(place, f"{name} required: {after['required']}", breaks=after["required"])
        if before["many"] != after["many"]:
            yield Change(place, f"{name} repeatable: {after['many']}", breaks=before["many"])
        if before["type"] != after["type"]:
            lists = isinstance(before["type"], list) and isinstance(after["type"], list)
            fewer = not lists or bool(set(before["type"]) - set(after["type"]))
            yield Change(place, f"{name} takes {after['type']} instead of {before['type']}", breaks=fewer)


def _without_null(schema: Json) -> tuple[Json, bool]:
    for key in ("oneOf", "anyOf"):
        if _NULL in (branches := schema.get(key, ())):
            others = [branch for branch in branches if branch != _NULL]
            rest = {name: value for name, value in schema.items() if name != key}
            return ({**others[0], **rest} if len(others) == 1 else {**rest, key: others}), True
    return schema, False


def _resolved(schema: Json, schemas: Json) -> Json:
    while "$ref" in schema:
        schema = schemas[schema["$ref"]]
    return schema


def _variants(schema: Json, schemas: Json) -> Json:
    """Return the branches of a union by the value of their discriminator."""
    field = schema.get("discriminator", {}).get("propertyName")
    branches: list[Json] = schema.get("oneOf") or schema.get("anyOf") or []
    if not field:
        return {json.dumps(branch): branch for branch in branches}
    values = [_allowed(_resolved(branch, schemas)["properties"][field]) or [] for branch in branches]
    return {"/".join(map(str, found)): branch for found, branch in zip(values, branches, strict=True)}


def _allowed(schema: Json) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _values(place: str, old: Json, new: Json, *, sent: bool) -> Iterator[Change]:
    before, after = _allowed(old), _allowed(new)
    if before is None or after is None:
        if before != after:
            yield Change(place, "any value" if after is None else "listed values only", breaks=sent == (before is None))
        return
    for value in [value for value in before if value not in after]:
        yield Change(place, f"value {value} removed", breaks=True)
    for value in [value for value in after if value not in before]:
        yield Change(place, f"value {value} added", breaks=not sent)


def _limits(place: str, old: Json, new: Json, *, sent: bool) -> Iterator[Change]:
    for name in (*_LOWER, *_UPPER):
        was, now = old.get(name), new.get(name)
        if was != now:
            narrower = now is not None and (was is None or (now > was if name in _LOWER else now < was))
            yield Change(place, f"{name} {was} is now {now}", breaks=sent and narrower)
    for name in ("pattern", "format", "propertyNames"):
        was, now = old.get(name), new.get(name)
        if was != now:
            breaks = now is not None if sent else name == "format" and was is not None
            yield Change(place, f"{name} {was} is now {now}", breaks)
    if old.get("default") != new.get("default"):
        yield Change(place, f"default {old.get('default')} is now {new.get('default')}", breaks=sent)


def _references(node: Any, schemas: Json, found: set[str]) -> set[str]:
    """Add the names of all schemas that a node refers to, directly or through others."""
    if isinstance(node, list):
        for item in node:
            _references(item, schemas, found)
    elif isinstance(node, dict):
        name = node.get("$ref")
        if isinstance(name, str) and name not in found:
            found.add(name)
            _references(schemas[name], schemas, found)
        for item in node.values():
            _references(item, schemas, found)
    return found


def _sent(surface_: Json) -> set[str]:
    found: set[str] = set()
    for name, operation in surface_["rest"].items():
        if not name.startswith("MESSAGE "):
            _references([operation["parameters"], operation.get("body")], surface_["schemas"], found)
    return found


def _received(surface_: Json) -> set[str]:
    found: set[str] = set()
    for name, operation in surface_["rest"].items():
        parts = [operation.get("answers"), operation.get("message")]
        if name.startswith("MESSAGE "):
            parts = [operation["parameters"], operation["body"]]
        _references(parts, surface_["schemas"], found)
    return found


class _Comparison:
    """Compares what has references to named schemas.

    Args:
        old: schemas by name, before.
        new: schemas by name, now.
    """

    def __init__(self, old: Json, new: Json) -> None:
        self._old = old
        self._new = new

    def named(self, sent: set[str], received: set[str]) -> Iterator[Change]:
        """Compare the schemas of one name, in the directions in which they were used."""
        for name in sorted(self._old):
            if name not in self._new:
                yield Change(name, "schema removed or renamed", breaks=True)
                continue
            # A list of codes that nothing refers to can grow.
            if name in sent or name not in received:
                yield from self.schema(name, self._old[name], self._new[name], sent=True)
            if name in received:
                yield from self.schema(name, self._old[name], self._new[name], sent=False)
        for name in sorted(self._new.keys() - self._old.keys()):
            yield Change(name, "schema added", breaks=False)

    def operation(self, place: str, old: Json, new: Json) -> Iterator[Change]:
        """Compare an operation, a message of a webhook or a WebSocket."""
        received = place.startswith("MESSAGE ")
        yield from self._parameters(place, old["parameters"], new["parameters"], sent=not received)
        yield from self._content(f"{place} body", old.get("body"), new.get("body"), sent=not received)
        if "message" in old:
            yield from self.schema(f"{place} message", old["message"], new["message"], sent=False)
        if old.get("security") != new.get("security"):
            yield Change(place, "security changed", breaks=new.get("security") != [{}])
        answers = old.get("answers", {}), new.get("answers", {})
        for status in answers[0].keys() - answers[1].keys():
            yield Change(place, f"status {status} removed", breaks=True)
        for status in answers[1].keys() - answers[0].keys():
            yield Change(place, f"status {status} added", breaks=status < "400")
        for status in sorted(answers[0].keys() & answers[1].keys()):
            yield from self._answer(f"{place} {status}", answers[0][status], answers[1][status])

    def _parameters(self, place: str, old: Json, new: Json, *, sent: bool) -> Iterator[Change]:
        for name in old.keys() - new.keys():
            yield Change(place, f"{name} removed", breaks=True)
        for name in new.keys() - old.keys():
            yield Change(place, f"{name} added", breaks=sent and new[name]["required"])
        for name in sorted(old.keys() & new.keys()):
            if old[name]["required"] != new[name]["required"]:
                word = "required" if new[name]["required"] else "optional"
                yield Change(place, f"{name} is now {word}", breaks=new[name]["required"] == sent)
            yield from self.schema(f"{place} {name}", old[name]["schema"], new[name]["schema"], sent=sent)

    def _answer(self, place: str, old: Any, new: Any) -> Iterator[Change]:
        if isinstance(old, list) or isinstance(new, list):  # media types of a problem
            if old != new:
                yield Change(place, f"{old} is now {new}", breaks=True)
            return
        yield from self._content(place, old, new, sent=False)
        for name in set(old.get("headers", ())) - set(new.get("headers", ())):
            yield Change(place, f"header {name} removed", breaks=True)
        for name in set(new.get("headers", ())) - set(old.get("headers", ())):
            yield Change(place, f"header {name} added", breaks=False)

    def _content(self, place: str, old: Json | None, new: Json | None, *, sent: bool) -> Iterator[Change]:
        old, new = old or {}, new or {}
        if old.get("required", False) != new.get("required", False):
            word = "required" if new.get("required") else "optional"
            yield Change(place, f"is now {word}", breaks=bool(new.get("required")) == sent)
        before, after = old.get("content", {}), new.get("content", {})
        for name in before.keys() - after.keys():
            yield Change(place, f"{name} removed", breaks=True)
        for name in after.keys() - before.keys():
            yield Change(place, f"{name} added", breaks=False)
        for name in sorted(before.keys() & after.keys()):
            yield from self.schema(place, before[name]["schema"], after[name]["schema"], sent=sent)

    def schema(self, place: str, old: Json, new: Json, *, sent: bool) -> Iterator[Change]:
        """Compare schemas of what clients send, or of what they receive."""
        if old == new:
            return
        old, old_null = _without_null(old)
        new, new_null = _without_null(new)
        if old_null != new_null:
            yield Change(place, "may be null" if new_null else "may not be null any more", breaks=new_null != sent)
        if "$ref" in old and old == new:
            return  # `named` compares it
        old, new = _resolved(old, self._old), _resolved(new, self._new)
        before, after = _variants(old, self._old), _variants(new, self._new)
        if before or after:
            yield from self._union(place, before, after, sent=sent)
            return
        if old.get("type") != new.get("type"):
            numbers = (old.get("type"), new.get("type")) == (("integer", "number") if sent else ("number", "integer"))
            what = f"{old.get('type', 'any')} is now {new.get('type', 'any')}"
            yield Change(place, what, breaks=not numbers)
            if not numbers:
                return
        yield from _values(place, old, new, sent=sent)
        yield from _limits(place, old, new, sent=sent)
        yield from self._properties(place, old, new, sent=sent)
        if "items" in old and "items" in new:
            yield from self.schema(f"{place}[]", old["items"], new["items"], sent=sent)
        if isinstance(old.get("additionalProperties"), dict) and isinstance(new.get("additionalProperties"), dict):
            yield from self.schema(f"{place}.*", old["additionalProperties"], new["additionalProperties"], sent=sent)

    def _union(self, place: str, old: Json, new: Json, *, sent: bool) -> Iterator[Change]:
        # Clients have to ignore new types of events.
        is_open = sent or "snapshot" in old
        for name in old.keys() - new.keys():
            yield Change(place, f"variant {name} removed", breaks=True)
        for name in new.keys() - old.keys():
            yield Change(place, f"variant {name} added", breaks=not is_open)
        for name in sorted(old.keys() & new.keys()):
            yield from self.schema(f"{place}<{name}>", old[name], new[name], sent=sent)

    def _properties(self, place: str, old: Json, new: Json, *, sent: bool) -> Iterator[Change]:
        before, after = old.get("properties", {}), new.get("properties", {})
        needed_before, needed_after = set(old.get("required", ())), set(new.get("required", ()))
        for name in before.keys() - after.keys():
            yield Change(f"{place}.{name}", "field removed", breaks=True)
        for name in after.keys() - before.keys():
            yield Change(f"{place}.{name}", "field added", breaks=sent and name in needed_after)
        for name in sorted(before.keys() & after.keys()):
            if (name in needed_before) != (name in needed_after):
                word = "required" if name in needed_after else "optional"
                yield Change(f"{place}.{name}", f"is now {word}", breaks=(name in needed_after) == sent)
            yield from self.schema(f"{place}.{name}", before[name], after[name], sent=sent)
        if (old.get("additionalProperties") is False) != (new.get("additionalProperties") is False):
            closed = new.get("additionalProperties") is False
            yield Change(place, f"other fields are {'refused' if closed else 'allowed'}", breaks=sent and closed)


def main() -> None:
    """Print the changes since the release, or make the current surface the released one."""
    now = surface()
    if "--release" in sys.argv:
        RELEASED.write_text(written(now))
        ACCEPTED.write_text("{}\n")
        return
    for change in changes(json.loads(RELEASED.read_text()), now):
        print("breaking  " if change.breaks else "compatible", change)


if __name__ == "__main__":
    main()
