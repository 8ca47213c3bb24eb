"""The OpenAPI document is the same in every instance, and written in the forms that generators of clients read best."""

import re
from collections import Counter
from functools import cache
from typing import Annotated, Any, Literal

import jsonschema_rs
import msgspec
import pytest
from msgspec import UNSET, Meta, Struct, UnsetType

from tests.support.openapi import changes, document, new_app, nodes, operations, validator
from tone_shootout.kit.http.openapi_headers import COOKIES, FOUND
from tone_shootout.kit.http.openapi_schemas import component_schemas
from tone_shootout.kit.merge_patch import merge_patch
from tone_shootout.openapi_enums import NAMED_ENUMS
from tone_shootout.openapi_examples import BODIES, FIELDS, Examples
from tone_shootout.shootouts.config import Config
from tone_shootout.shootouts.dtos import ShootoutUpdate


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


def test_every_named_enumeration_is_used_and_every_enumeration_that_is_used_twice_has_a_name() -> None:
    found, inline = document(), Counter[str]()
    used = {node["$ref"] for _, node in nodes(found) if isinstance(node.get("$ref"), str)}
    for name in NAMED_ENUMS:
        assert f"#/components/schemas/{name}" in used, name
    for pointer, node in nodes(found):
        if isinstance(node.get("enum"), list) and pointer.count("/") > 3:
            inline[str(sorted(node["enum"]))] += 1
    assert not [values for values, count in inline.items() if count > 1 and "-created_at" not in values]


def test_headers_are_documented_for_operations_and_responses_that_exist() -> None:
    documented = {operation["operationId"]: operation["responses"] for _, operation in operations(document())}
    for statuses_of in (FOUND, COOKIES):
        for operation_id, statuses in statuses_of.items():
            assert documented[operation_id].keys() >= set(statuses), operation_id


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
    events = found["components"]["schemas"]["WebhookEvent"]["enum"]
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
    assert found["Part"]["properties"]["kind"] == {
        "type": "string",
        "const": "one",
        "description": "Default: `one`.",
    }
    assert found["Part"]["properties"]["name"]["pattern"] == "^a$"


@pytest.mark.parametrize(("sent", "required"), [({}, ["parts"]), ({"Received": Received}, [])])
def test_a_field_with_a_default_is_required_in_responses_only(sent: dict[str, type], required: list[str]) -> None:
    assert component_schemas({"Received": Received}, sent)["Received"]["required"] == required


def _bodies() -> list[tuple[str, dict[str, Any]]]:
    bodies = []
    for place, operation in operations(document()):
        answers = [(f"{place} {status}", answer) for status, answer in operation["responses"].items()]
        for name, body in [(place, operation.get("requestBody", {})), *answers]:
            bodies += [(f"{name} {kind}", media) for kind, media in body.get("content", {}).items()]
    return bodies


def test_every_body_has_a_whole_example_that_its_schema_accepts() -> None:
    for place, media in _bodies():
        if media["schema"].get("format") == "binary":
            continue
        examples = [media["example"]] if "example" in media else [item["value"] for item in media["examples"].values()]
        for example in examples:
            errors = [str(error) for error in validator(media["schema"]).iter_errors(example)]
            assert not errors, f"{place}: {errors}"


def _requests() -> list[tuple[str, Any, dict[str, Any]]]:
    """Place, type and example of each JSON body that clients send."""
    app = new_app()
    app.openapi_schema.to_schema()
    types = app.openapi_schema.source.structs  # type: ignore[attr-defined]  # our subclass has it
    return [
        (place, types[media["schema"]["$ref"].rpartition("/")[2]], media)
        for place, operation in operations(document())
        for kind, media in operation.get("requestBody", {}).get("content", {}).items()
        if kind == "application/json" and not place.startswith("webhook")
    ]


@cache
def _complete_config() -> dict[str, Any]:
    """A body with a block of each type and every field."""
    schemas = document()["components"]["schemas"]
    blocks = schemas["AssetChain"]["properties"]["blocks"]["items"]["oneOf"]
    examples = Examples(schemas)
    chain = {**examples.of(schemas["AssetChain"]), "blocks": [examples.of(block) for block in blocks]}
    config = {**examples.of(schemas["Config"]), "di_tracks": [examples.of(schemas["AssetDiTrack"])], "chains": [chain]}
    return {"config": config, "metadata": {"session": "1"}, "visibility": "private", "submit": False}


def test_what_the_document_allows_is_what_the_types_accept() -> None:
    """Each value of each example is changed to values at and beyond the limits."""
    schemas = document()["components"]["schemas"]
    tried, different = 0, []
    for place, kind, media in _requests():
        check = validator(media["schema"])
        bodies = [media["example"]]
        if kind.__name__ == "ShootoutCreate":
            bodies.append(_complete_config())
        for body in bodies:
            for change, changed in ("none", body), *changes(media["schema"], body, schemas):
                if check.is_valid(changed) != _is_accepted(changed, kind):
                    different.append(f"{place}: {change}")
                tried += 1
    assert not different
    assert tried > 500


def _is_accepted(value: Any, kind: Any) -> bool:
    try:
        found = msgspec.json.decode(msgspec.json.encode(value), type=kind)
        if isinstance(found, ShootoutUpdate) and found.config is not UNSET:
            # What a patch makes of a config is validated, not the patch.
            msgspec.convert(merge_patch(_complete_config()["config"], found.config), Config)
    except msgspec.ValidationError:
        return False
    return True


def test_what_replaces_an_example_names_existing_fields() -> None:
    schemas = document()["components"]["schemas"]
    for name, body in BODIES.items():
        assert body.keys() <= schemas[name]["properties"].keys(), name
    fields = {field for schema in schemas.values() for field in schema.get("properties", {})}
    for name in FIELDS:
        schema, _, field = name.rpartition(".")
        assert field in (schemas[schema]["properties"] if schema else fields), name
