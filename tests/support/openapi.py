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
