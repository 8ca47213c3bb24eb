"""The OpenAPI document is the same in every instance, and written in the forms that generators of clients read best."""

import re
from typing import Annotated, Literal

import jsonschema_rs
import pytest
from msgspec import UNSET, Meta, Struct, UnsetType

from tests.support.openapi import document, new_app, nodes, operations
from tone_shootout.kit.http.openapi_schemas import component_schemas


def test_every_instance_of_the_application_publishes_the_same_document() -> None:
    assert new_app().openapi_schema.to_schema() == document()


def test_null_is_written_in_one_way() -> None:
    for pointer, node in nodes(document()["components"]["schemas"]):
        if pointer.endswith("/properties"):
            continue
        assert "anyOf" not in node, pointer
        assert "allOf" not in node, pointer
        assert not isinstance(node.get("type"), list), pointer
        assert None not in node.get("enum", []), pointer
        if {"type": "null"} in (branches := node.get("oneOf", [])):
            assert branches[-1] == {"type": "null"}, pointer
            if len(branches) == 2:
                assert not node.keys() & {"minimum", "maximum", "maxLength", "pattern", "enum"}, pointer


def test_every_union_of_objects_has_a_discriminator() -> None:
    unions = 0
    for pointer, node in nodes(document()["components"]["schemas"]):
        branches = [branch for branch in node.get("oneOf", []) if isinstance(branch, dict) and "$ref" in branch]
        if len(branches) > 1:
            unions += 1
            field = node["discriminator"]["propertyName"]
            for value, name in node["discriminator"]["mapping"].items():
                assert {"$ref": name} in branches, pointer
                schema = document()["components"]["schemas"][name.rsplit("/", 1)[1]]
                assert schema["properties"][field] == {"type": "string", "const": value}
                assert field in schema["required"]
    assert unions >= 3, "blocks, facts of library items, events"


def test_every_enumeration_and_constant_has_a_type() -> None:
    for pointer, node in nodes(document()):
        if ("enum" in node or "const" in node) and not pointer.endswith("/properties"):
            assert node["type"] in ("string", "integer"), pointer


def test_patterns_work_in_every_language() -> None:
    """Some engines (RE2, Rust) know no look-around."""
    for pointer, node in nodes(document()):
        if isinstance(pattern := node.get("pattern"), str):
            assert not re.search(r"\(\?[=!<]", pattern), pointer
            jsonschema_rs.Draft202012Validator({"type": "string", "pattern": pattern})


def test_parameters_are_never_null() -> None:
    for place, operation in operations(document()):
        for parameter in operation.get("parameters", []):
            assert "null" not in str(parameter["schema"]), f"{place} {parameter['name']}"


def test_every_reference_leads_somewhere() -> None:
    for pointer, node in nodes(document()):
        if isinstance(node.get("$ref"), str):
            target = document()
            for step in node["$ref"].removeprefix("#/").split("/"):
                assert step in target, f"{pointer}: {node['$ref']}"
                target = target[step]


def test_an_event_stream_names_the_schema_of_its_events() -> None:
    found = document()
    content = found["paths"]["/api/v1/jobs/{job_id}/events"]["get"]["responses"]["200"]["content"]
    assert content["text/event-stream"]["x-item-schema"] == {"$ref": "#/components/schemas/Event"}
    assert "\r" not in content["text/event-stream"]["example"]
    (socket,) = found["x-websockets"].values()
    assert socket["message"] == {"$ref": "#/components/schemas/Event"}
    assert socket["closeCodes"] == {"$ref": "#/components/schemas/CloseCode"}


def test_every_webhook_event_that_can_be_subscribed_to_has_its_message() -> None:
    found = document()
    events = found["components"]["schemas"]["WebhookCreate"]["properties"]["events"]["items"]["enum"]
    assert found["webhooks"].keys() == {*events, "webhook.test"}


class Part(Struct, forbid_unknown_fields=True):
    name: Annotated[str, Meta(max_length=3, pattern=r"^a$(?!\n)")]
    kind: Literal["one"] = "one"


class Sent(Struct, forbid_unknown_fields=True):
    part: Part
    size: Annotated[int, Meta(ge=1, le=9)] | None = None
    note: str | UnsetType = UNSET


class Received(Struct):
    parts: list[Part] = []
    note: str | UnsetType = UNSET


def test_limits_stand_inside_the_schema_that_may_be_null() -> None:
    found = component_schemas({"Sent": Sent}, {"Sent": Sent})
    limited = {"type": "integer", "minimum": 1, "maximum": 9}
    assert found["Sent"]["properties"]["size"] == {"oneOf": [limited, {"type": "null"}]}
    assert found["Sent"]["additionalProperties"] is False
    assert found["Part"]["properties"]["kind"] == {"type": "string", "const": "one", "default": "one"}
    assert found["Part"]["properties"]["name"]["pattern"] == "^a$"


@pytest.mark.parametrize(("sent", "required"), [({}, ["parts"]), ({"Received": Received}, [])])
def test_a_field_with_a_default_is_required_in_responses_only(sent: dict[str, type], required: list[str]) -> None:
    assert component_schemas({"Received": Received}, sent)["Received"]["required"] == required
