"""What users and programs hold on to, as plain data that two states of the code can be compared by.

`uv run python -m tests.support.surface` writes `tests/reference/surface.json`. Texts and examples are left out; paths,
parameters, status codes, schemas, fields, types, bounds, commands, options and settings are in.
"""

import json
from dataclasses import fields, is_dataclass
from typing import Any

import click
import msgspec

from tests.support.openapi import document
from tests.support.shared import PROJECT
from tone_shootout.accounts import guards
from tone_shootout.cli import main
from tone_shootout.jobs.dtos import Event
from tone_shootout.kit.settings import PREFIX, Settings
from tone_shootout.rendering.output.manifest import Manifest
from tone_shootout.rendering.spec.document import SpecDocument

REFERENCE = PROJECT / "tests" / "reference" / "surface.json"
TEXTS = frozenset({"title", "description", "summary", "examples", "example", "tags", "operationId", "deprecated"})


def surface() -> dict[str, Any]:
    """Return the whole surface, in an order of its own that does not depend on the code's."""
    found = {
        "rest": rest(),
        "schemas": schemas(),
        "commands": _commands(main),
        "settings": settings(),
        "spec": _schema(SpecDocument),
        "manifest": _schema(Manifest),
        "event": _schema(Event),
        "close_codes": {"not_signed_in": guards.NOT_SIGNED_IN, "origin_refused": guards.ORIGIN_REFUSED},
    }
    ordered: dict[str, Any] = json.loads(json.dumps(found, sort_keys=True, default=str))
    return ordered


def written(found: dict[str, Any]) -> str:
    """Return the surface as JSON with a line for each entry of each part, so that a change reads well."""
    parts = []
    for name, part in found.items():
        entries = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in part.items())
        parts.append(f" {json.dumps(name)}: {{\n{entries}\n }}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def rest() -> dict[str, Any]:
    """Return every operation of the REST API, every message of webhooks and the WebSocket."""
    found = document()
    operations = {
        f"{method.upper()} {path}": {
            "parameters": _parameters(operation),
            "body": _plain(operation.get("requestBody")),
            "answers": {
                # A problem has one shape; what tells them apart is the status.
                status: sorted(answer.get("content", {})) if status >= "400" else _plain(answer)
                for status, answer in operation["responses"].items()
            },
            "security": operation.get("security"),
        }
        for path, item in found["paths"].items()
        for method, operation in item.items()
    }
    messages = {
        f"MESSAGE {name}": {"parameters": _parameters(item["post"]), "body": _plain(item["post"]["requestBody"])}
        for name, item in found["webhooks"].items()
    }
    sockets = {
        f"WS {path}": {"parameters": _parameters(socket), "message": _plain(socket["message"])}
        for path, socket in found["x-websockets"].items()
    }
    return {**operations, **messages, **sockets}


def schemas() -> dict[str, Any]:
    """Return every schema of the REST API by name: generators name classes after them."""
    return {name: _plain(schema) for name, schema in document()["components"]["schemas"].items()}


def _parameters(operation: dict[str, Any]) -> dict[str, Any]:
    return {
        f"{parameter['in']} {parameter['name']}": {
            "required": parameter.get("required", False),
            "schema": _plain(parameter["schema"]),
        }
        for parameter in operation.get("parameters", [])
    }


def settings() -> dict[str, Any]:
    """Return every setting by its environment variable, with its default."""
    found: dict[str, Any] = {}
    for group in fields(Settings):
        kind = group.default_factory
        if isinstance(kind, type) and is_dataclass(kind):
            for field in fields(kind):
                default = field.default_factory() if callable(field.default_factory) else field.default
                found[f"{PREFIX}_{group.name}_{field.name}".upper()] = default
    return found


def _commands(command: click.Command, name: str = "shootout") -> dict[str, Any]:
    """Return every command by its whole name."""
    with click.Context(command) as context:
        found: dict[str, Any] = {
            name: {
                parameter.name or "": {
                    "declared": sorted(parameter.opts + parameter.secondary_opts),
                    "type": getattr(parameter.type, "choices", None) or type(parameter.type).__name__,
                    "required": parameter.required,
                    "many": parameter.multiple or parameter.nargs != 1,
                }
                for parameter in command.params
            }
        }
        if isinstance(command, click.Group):
            for inner in command.list_commands(context):
                found |= _commands(command.get_command(context, inner) or command, f"{name} {inner}")
    return found


def _schema(kind: Any) -> Any:
    schema = msgspec.json.schema(kind)
    return _plain(schema, schema.get("$defs", {}))


def _plain(node: Any, definitions: dict[str, Any] | None = None) -> Any:
    """Leave texts out; write references to definitions out, and keep others as names."""
    if isinstance(node, list):
        return [_plain(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[1]
        return {"$ref": name} if definitions is None else _plain(definitions[name], definitions)
    plain: dict[str, Any] = {}
    for key, value in node.items():
        if key == "properties":
            plain[key] = {name: _plain(field, definitions) for name, field in value.items()}
        elif key == "mapping":
            plain[key] = sorted(value)
        elif key == "headers" and isinstance(value, dict):
            # Every answer has the id of its request, and those of limited requests the limits.
            if named := sorted(value.keys() - {"X-Request-ID", "RateLimit", "RateLimit-Policy"}):
                plain[key] = named
        elif key not in TEXTS and key != "$defs":
            plain[key] = _plain(value, definitions)
    return plain


if __name__ == "__main__":
    REFERENCE.parent.mkdir(exist_ok=True)
    REFERENCE.write_text(written(surface()))
