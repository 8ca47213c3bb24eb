"""A change of the surface that breaks a client is recognized, and fails unless it is listed with a reason."""

import copy
import json
from typing import Any

import pytest

from tests.support.surface import surface
from tests.support.surface_changes import ACCEPTED, RELEASED, changes, unaccepted

TEXT = {"type": "string"}
NUMBER = {"type": "integer"}
EMPTY: dict[str, Any] = {
    "rest": {},
    "schemas": {},
    "commands": {},
    "spec": {},
    "manifest": {},
    "event": {},
    "settings": {},
    "close_codes": {},
}
NULLABLE = {"oneOf": [TEXT, {"type": "null"}]}


def _object(required: list[str], **fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": required, "additionalProperties": False}


def _union(**variants: dict[str, Any]) -> dict[str, Any]:
    branches = [_object(["type"], type={"type": "string", "const": name}, **more) for name, more in variants.items()]
    return {"oneOf": branches, "discriminator": {"propertyName": "type", "mapping": sorted(variants)}}


def _difference(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, bool]]:
    return [(change.what, change.breaks) for change in changes({**EMPTY, **before}, {**EMPTY, **after})]


def _of_schemas(old: dict[str, Any], new: dict[str, Any]) -> tuple[list[tuple[str, bool]], list[tuple[str, bool]]]:
    """Changes of a schema where it is sent by clients, and where it is received."""
    return _difference({"spec": old}, {"spec": new}), _difference({"manifest": old}, {"manifest": new})


@pytest.mark.parametrize(
    ("old", "new", "breaks_sender", "breaks_receiver"),
    [
        pytest.param(_object([], a=TEXT), _object([]), True, True, id="field removed"),
        pytest.param(_object([]), _object([], a=TEXT), False, False, id="optional field added"),
        pytest.param(_object([]), _object(["a"], a=TEXT), True, False, id="required field added"),
        pytest.param(_object([], a=TEXT), _object(["a"], a=TEXT), True, False, id="field becomes required"),
        pytest.param(_object(["a"], a=TEXT), _object([], a=TEXT), False, True, id="field becomes optional"),
        pytest.param(TEXT, {"type": "integer"}, True, True, id="type changed"),
        pytest.param({"type": "integer"}, {"type": "number"}, False, True, id="integer becomes number"),
        pytest.param({"type": "number"}, {"type": "integer"}, True, False, id="number becomes integer"),
        pytest.param(TEXT, NULLABLE, False, True, id="null added"),
        pytest.param(NULLABLE, TEXT, True, False, id="null removed"),
        pytest.param({**TEXT, "enum": ["a", "b"]}, {**TEXT, "const": "a"}, True, True, id="value removed"),
        pytest.param({**TEXT, "const": "a"}, {**TEXT, "enum": ["a", "b"]}, False, True, id="value added"),
        pytest.param({**TEXT, "enum": ["a"]}, TEXT, False, True, id="values become open"),
        pytest.param(TEXT, {**TEXT, "enum": ["a"]}, True, False, id="values become closed"),
        pytest.param({**TEXT, "maxLength": 9}, {**TEXT, "maxLength": 8}, True, False, id="maximum lowered"),
        pytest.param({**TEXT, "maxLength": 9}, {**TEXT, "maxLength": 10}, False, False, id="maximum raised"),
        pytest.param(TEXT, {**TEXT, "maxLength": 10}, True, False, id="maximum added"),
        pytest.param({**TEXT, "maxLength": 10}, TEXT, False, False, id="maximum removed"),
        pytest.param({**TEXT, "minLength": 1}, {**TEXT, "minLength": 2}, True, False, id="minimum raised"),
        pytest.param({**TEXT, "minLength": 2}, {**TEXT, "minLength": 1}, False, False, id="minimum lowered"),
        pytest.param(TEXT, {**TEXT, "pattern": "^a$"}, True, False, id="pattern added"),
        pytest.param({**TEXT, "pattern": "^a$"}, TEXT, False, False, id="pattern removed"),
        pytest.param({**TEXT, "format": "uuid"}, TEXT, False, True, id="format removed"),
        pytest.param({**TEXT, "default": "a"}, {**TEXT, "default": "b"}, True, False, id="default changed"),
        pytest.param({"type": "object"}, _object([]), True, False, id="other fields refused"),
        pytest.param(
            {"type": "array", "items": TEXT}, {"type": "array", "items": {"type": "integer"}}, True, True, id="items"
        ),
        pytest.param(_union(a={}, b={}), _union(a={}), True, True, id="variant removed"),
        pytest.param(_union(a={}), _union(a={}, b={}), False, True, id="variant added"),
        pytest.param(_union(snapshot={}), _union(snapshot={}, b={}), False, False, id="type of event added"),
        pytest.param(_union(a={"b": TEXT}), _union(a={}), True, True, id="field of a variant removed"),
    ],
)
def test_a_change_of_a_schema_breaks_those_who_rely_on_it(
    old: dict[str, Any], new: dict[str, Any], breaks_sender: bool, breaks_receiver: bool
) -> None:
    for found, breaks in zip(_of_schemas(old, new), (breaks_sender, breaks_receiver), strict=True):
        assert found
        assert any(breaking for _, breaking in found) == breaks, found


OPERATION: dict[str, Any] = {
    "parameters": {"query limit": {"required": False, "schema": {"type": "integer", "maximum": 100}}},
    "body": {"required": False, "content": {"application/json": {"schema": _object([], a=TEXT)}}},
    "answers": {
        "200": {"content": {"application/json": {"schema": _object(["a"], a=TEXT)}}, "headers": ["Location"]},
        "404": ["application/problem+json"],
    },
    "security": None,
}


@pytest.mark.parametrize(
    ("path", "value", "breaks"),
    [
        pytest.param(("parameters",), {}, True, id="parameter removed"),
        pytest.param(("parameters", "query q"), {"required": False, "schema": TEXT}, False, id="parameter added"),
        pytest.param(
            ("parameters", "query q"), {"required": True, "schema": TEXT}, True, id="required parameter added"
        ),
        pytest.param(("parameters", "query limit", "required"), True, True, id="parameter becomes required"),
        pytest.param(("parameters", "query limit", "schema", "maximum"), 50, True, id="parameter narrowed"),
        pytest.param(("body", "required"), True, True, id="body becomes required"),
        pytest.param(("body", "content"), {"text/plain": {"schema": TEXT}}, True, id="media type replaced"),
        pytest.param(("answers",), {"404": ["application/problem+json"]}, True, id="status removed"),
        pytest.param(("answers", "409"), ["application/problem+json"], False, id="error status added"),
        pytest.param(("answers", "202"), {}, True, id="other success"),
        pytest.param(("answers", "200", "headers"), [], True, id="header removed"),
        pytest.param(("answers", "200", "headers"), ["ETag", "Location"], False, id="header added"),
        pytest.param(("answers", "404"), ["application/json"], True, id="media type of errors changed"),
        pytest.param(("security",), [{}], False, id="becomes public"),
        pytest.param(("security",), [{"cookie": []}], True, id="security changed"),
    ],
)
def test_a_change_of_an_operation(path: tuple[str, ...], value: Any, breaks: bool) -> None:
    changed = copy.deepcopy(OPERATION)
    node = changed
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    found = _difference({"rest": {"GET /a": OPERATION}}, {"rest": {"GET /a": changed}})
    assert found
    assert any(breaking for _, breaking in found) == breaks, found


def test_operations_commands_settings_and_close_codes_may_be_added_and_not_removed() -> None:
    option = {"declared": ["--a"], "type": "Path", "required": False, "many": False}
    full = {
        "rest": {"GET /a": OPERATION},
        "commands": {"a": {"a": option}},
        "settings": {"A": 1},
        "close_codes": {"a": 1},
    }
    for part in full:
        assert [breaks for _, breaks in _difference({}, {part: full[part]})] == [False]
        assert [breaks for _, breaks in _difference({part: full[part]}, {})] == [True]
    assert _difference({"settings": {"A": 1}}, {"settings": {"A": 2}}) == [("1 is now 2", False)]
    assert _difference({"close_codes": {"a": 1}}, {"close_codes": {"a": 2}}) == [("1 is now 2", True)]


@pytest.mark.parametrize(
    ("changed", "breaks"),
    [
        ({"declared": ["--b"]}, True),
        ({"declared": ["--a", "--b"]}, None),
        ({"required": True}, True),
        ({"many": True}, False),
        ({"type": "StringParamType"}, True),
        ({"type": ["a", "b", "c"]}, False),
        ({"type": ["a"]}, True),
    ],
)
def test_a_change_of_an_option(changed: dict[str, Any], breaks: bool | None) -> None:
    option = {"declared": ["--a"], "type": ["a", "b"], "required": False, "many": False}
    found = _difference({"commands": {"a": {"a": option}}}, {"commands": {"a": {"a": {**option, **changed}}}})
    assert [breaking for _, breaking in found] == ([] if breaks is None else [breaks])


def test_messages_of_webhooks_are_received_by_clients() -> None:
    message = {"parameters": {}, "body": {"required": True, "content": {"application/json": {"schema": NULLABLE}}}}
    other = {"parameters": {}, "body": {"required": True, "content": {"application/json": {"schema": TEXT}}}}
    assert _difference({"rest": {"MESSAGE a": message}}, {"rest": {"MESSAGE a": other}})[0][1] is False
    assert _difference({"rest": {"MESSAGE a": other}}, {"rest": {"MESSAGE a": message}})[0][1] is True


def _used(schema: dict[str, Any], *, sent: bool, name: str = "A") -> dict[str, Any]:
    """A surface whose only operation uses a named schema."""
    body = {"required": True, "content": {"application/json": {"schema": {"$ref": name}}}}
    operation = {**OPERATION, "body": body} if sent else {**OPERATION, "answers": {"200": body}}
    return {"rest": {"GET /a": operation}, "schemas": {name: schema}}


@pytest.mark.parametrize("sent", [True, False])
def test_a_named_schema_is_compared_once_in_the_direction_of_its_use(sent: bool) -> None:
    before, after = _object([], a=TEXT), _object(["a"], a=TEXT)
    assert _difference(_used(before, sent=sent), _used(after, sent=sent)) == [("is now required", sent)]
    renamed = dict(_difference(_used(before, sent=sent), _used(before, sent=sent, name="B")))
    assert renamed == {"schema removed or renamed": True, "schema added": False}


def test_a_list_of_codes_may_grow() -> None:
    one, two = {**TEXT, "enum": ["a"]}, {**TEXT, "enum": ["a", "b"]}
    assert _difference({"schemas": {"ErrorCode": one}}, {"schemas": {"ErrorCode": two}}) == [("value b added", False)]
    assert _difference({"schemas": {"ErrorCode": two}}, {"schemas": {"ErrorCode": one}}) == [("value b removed", True)]


def test_an_accepted_break_has_to_exist() -> None:
    found = changes({**EMPTY, "settings": {"A": 1}}, EMPTY)
    assert unaccepted(found, {}) == (["A: setting removed"], [])
    assert unaccepted(found, {"A: setting removed": "It had no effect."}) == ([], [])
    assert unaccepted([], {"A: setting removed": "It had no effect."}) == ([], ["A: setting removed"])


def test_nothing_breaks_clients_since_the_release_but_what_is_listed() -> None:
    """A break on purpose: list it in `tests/reference/accepted_breaks.json` with its reason, and in CHANGELOG.md.

    Before the first release: `uv run python -m tests.support.surface_changes --release`.
    """
    found = changes(json.loads(RELEASED.read_text()), surface())
    assert unaccepted(found, json.loads(ACCEPTED.read_text())) == ([], [])
