"""The OpenAPI document of an application without servers, and validators of its schemas."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jsonschema_rs
from litestar import Litestar

from tone_shootout.app import create_app
from tone_shootout.kit.http.openapi_document import METHODS
from tone_shootout.kit.settings import (
    DatabaseSettings,
    RedisSettings,
    SecuritySettings,
    Settings,
    new_encryption_key,
)


def new_app() -> Litestar:
    """A new application whose servers are never reached."""
    with TemporaryDirectory() as folder:
        return create_app(
            Settings(
                data=Path(folder),
                database=DatabaseSettings(url="postgresql://localhost/none"),
                redis=RedisSettings(url="redis://localhost/0"),
                security=SecuritySettings(secret="x" * 48, encryption_keys=[new_encryption_key()]),
            )
        )


@cache
def document() -> dict[str, Any]:
    """The document."""
    return new_app().openapi_schema.to_schema()


def operations(found: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the operations of a document with their methods and paths, then its webhooks."""
    for path, item in found["paths"].items():
        for method in METHODS:
            if method in item:
                yield f"{method} {path}", item[method]
    for name, item in found["webhooks"].items():
        yield f"webhook {name}", item["post"]


def nodes(node: Any, pointer: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield all objects of a document with their JSON pointers, without examples and defaults."""
    if isinstance(node, list):
        for index, item in enumerate(node):
            yield from nodes(item, f"{pointer}/{index}")
    elif isinstance(node, dict):
        yield pointer, node
        for name, item in node.items():
            if name not in ("example", "examples", "default") or pointer.endswith("/properties"):
                yield from nodes(item, f"{pointer}/{name}")


def validator(schema: dict[str, Any], found: dict[str, Any] | None = None) -> jsonschema_rs.Draft202012Validator:
    """A validator of a schema within a document."""
    components = (found or document())["components"]
    return jsonschema_rs.Draft202012Validator({**schema, "components": components}, validate_formats=True)


def changes(schema: dict[str, Any], value: Any, schemas: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield a valid value, changed in one place to a value at or beyond a limit, with a description of the change."""
    schema = _resolved(schema, value, schemas)
    for name, changed in _replacements(schema, value):
        yield f"{path}: {name}", changed
    if isinstance(value, dict):
        yield f"{path}: unknown field", {**value, "unknown_field": 1}
        for field in value:
            yield f"{path}: without {field}", {name: item for name, item in value.items() if name != field}
            described = schema.get("properties", {}).get(field) or schema.get("additionalProperties")
            if isinstance(described, dict):
                for name, changed in changes(described, value[field], schemas, f"{path}/{field}"):
                    yield name, {**value, field: changed}
    elif isinstance(value, list):
        for length in {schema.get("minItems", 0) - 1, schema.get("maxItems", 2), schema.get("maxItems", 2) + 1} - {-1}:
            yield f"{path}: {length} items", (value * (length + 1))[:length]
        for index, item in enumerate(value):
            for name, changed in changes(schema["items"], item, schemas, f"{path}/{index}"):
                yield name, [*value[:index], changed, *value[index + 1 :]]


def _resolved(schema: dict[str, Any], value: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema or "oneOf" in schema:
        if "$ref" in schema:
            schema = schemas[schema["$ref"].rpartition("/")[2]]
        elif "discriminator" in schema:
            named = schema["discriminator"]
            schema = {"$ref": named["mapping"][value[named["propertyName"]]]}
        else:
            schema = schema["oneOf"][0]
    return schema


def _replacements(schema: dict[str, Any], value: Any) -> Iterator[tuple[str, Any]]:
    """Yield other values in place of one."""
    yield "null", None
    yield "another type", [1] if isinstance(value, (str, dict)) else "text"
    for item in schema.get("enum", []):
        yield f"{item}", item
    if schema["type"] == "string":
        for text in ("", " ", "a", "\n", "a\n", "\x00", "\x7f", "a\u2028", "/", "//", "é", "nonsense"):
            yield repr(text), text
        for length in {schema.get("minLength", 1) - 1, schema.get("maxLength", 1), schema.get("maxLength", 1) + 1}:
            yield f"{length} characters", "a" * length
    elif schema["type"] in ("integer", "number"):
        for name in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
            if name in schema:
                for step in (-1, 0, 1):
                    yield f"{name} {step:+}", schema[name] + step
        yield "a fraction", 1.5
        yield "zero", 0
        yield "a negative number", -1
    elif schema["type"] == "object" and "additionalProperties" in schema:
        most = schema.get("maxProperties", 1)
        for count in (most, most + 1):
            yield f"{count} fields", {f"name {index}": "text" for index in range(count)}
        for key in ("", "a" * 41, "\n"):
            yield f"field {key!r}", {key: "text"}
