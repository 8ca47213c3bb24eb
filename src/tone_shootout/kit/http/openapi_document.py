"""The OpenAPI document as published: what Litestar generates, completed where it offers no setting."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from http import HTTPStatus
from typing import Any, Final, cast

from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import OpenAPI
from litestar.typing import FieldDefinition

from tone_shootout.error_codes import CLOSE_CODES, all_codes
from tone_shootout.kit.http.openapi import StructSchemaPlugin, parameter_fields, parameter_schema
from tone_shootout.kit.http.openapi_headers import component_headers, response_headers
from tone_shootout.kit.http.openapi_schemas import PREFIX, component_schemas, publish, refer_to_enums

Json = dict[str, Any]

METHODS: Final = ("get", "head", "post", "put", "patch", "delete")
_PHRASES: Final = {status.description: status.phrase for status in HTTPStatus if status.description}
"""Litestar describes a response with the sentence of its status."""


@dataclass
class Document(OpenAPI):
    """The document, with the parts that no handler declares.

    Attributes:
        source: has the structs and handlers of the document.
        further: types to publish in addition, or in place of structs of the same names.
        complete: functions that complete the finished document.
    """

    source: StructSchemaPlugin = field(default_factory=StructSchemaPlugin)
    further: Mapping[str, Any] = field(default_factory=dict)
    complete: tuple[Callable[[Json], None], ...] = ()
    _made: Json | None = field(default=None, init=False, repr=False)

    def to_schema(self) -> Json:
        """Return the document as plain data, always the same object: making it takes a tenth of a second."""
        if self._made is None:
            self._made = self._make()
        return self._made

    def _make(self) -> Json:
        document = super().to_schema()
        for name in {item.name for item in fields(Document)} - {item.name for item in fields(OpenAPI)}:
            document.pop(name, None)
        parameters = {handler.operation_id: parameter_fields(handler) for handler in self.source.handlers}
        for method, operation in _operations(document):
            _tidy(operation, parameters[operation["operationId"]])
            for status, response in operation["responses"].items():
                response["headers"] = response_headers(method, operation, status)
        components = document["components"]
        sent = {name for _, operation in _operations(document) for name in _references(operation.get("requestBody"))}
        types = {**self.source.structs, **self.further}
        schemas = {name: publish(schema) for name, schema in components["schemas"].items() if name not in types}
        schemas |= component_schemas(types, {name: types[name] for name in sent})
        schemas |= {"ErrorCode": _error_codes(), "CloseCode": _close_codes()}
        components["schemas"] = dict(sorted(schemas.items()))
        components["headers"] = component_headers()
        refer_to_enums(document)
        for complete in self.complete:
            complete(document)
        return document


@dataclass
class DocumentConfig(OpenAPIConfig):
    """Configuration that generates a `Document`; the attributes are those of `Document`."""

    source: StructSchemaPlugin = field(default_factory=StructSchemaPlugin)
    further: Mapping[str, Any] = field(default_factory=dict)
    complete: tuple[Callable[[Json], None], ...] = ()

    def to_openapi_schema(self) -> OpenAPI:
        """Return the document without paths and schemas, which Litestar adds."""
        made = super().to_openapi_schema()
        return Document(
            **{item.name: cast(Any, getattr(made, item.name)) for item in fields(made)},
            source=self.source,
            further=self.further,
            complete=self.complete,
        )


def _operations(document: Json) -> Iterator[tuple[str, Json]]:
    for item in document["paths"].values():
        for method in METHODS:
            if method in item:
                yield method, item[method]


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _references(item)
    elif isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"].removeprefix(PREFIX)
        for item in node.values():
            yield from _references(item)


def _tidy(operation: Json, parameters: Mapping[str, FieldDefinition]) -> None:
    """Write an operation in the usual form, without values that are defaults of OpenAPI."""
    if not operation.get("deprecated"):
        operation.pop("deprecated", None)
    for parameter in operation.get("parameters", ()):
        for name in ("deprecated", "allowEmptyValue", "allowReserved"):
            if not parameter.get(name):
                parameter.pop(name, None)
        parameter["schema"] = parameter_schema(parameters[parameter["name"]])
    if body := operation.get("requestBody"):
        for media in body["content"].values():
            if {"type": "null"} in (branches := media["schema"].get("oneOf", [])):
                (media["schema"],) = (branch for branch in branches if branch != {"type": "null"})
                body["required"] = False
            media["schema"] = _plain(media["schema"])
    for response in operation["responses"].values():
        response["description"] = _PHRASES.get(response["description"], response["description"]).rstrip(".")
        for media in response.get("content", {}).values():
            media["schema"] = _plain(media["schema"])


def _plain(schema: Json) -> Json:
    """Write `allOf` with a single schema as that schema, leave out null as a default."""
    inner = schema.get("allOf", ())
    if len(inner) == 1:
        schema = {**inner[0], **{key: value for key, value in schema.items() if key != "allOf"}}
    if schema.get("default", ...) is None:
        schema = {key: value for key, value in schema.items() if key != "default"}
    return schema


def _error_codes() -> Json:
    codes = all_codes()
    rows = [
        f"| `{entry.code}` | {', '.join(map(str, entry.statuses)) or '–'} | {entry.title} | {entry.action} |"
        for entry in codes.values()
    ]
    text = (
        "Codes of problems and the errors within them, of failed jobs, and of notices. A later version may add codes."
    )
    head = "| code | HTTP status | meaning | what to do |\n|---|---|---|---|"
    return {
        "type": "string",
        "title": "ErrorCode",
        "enum": list(codes),
        "description": "\n".join([f"{text}\n\n{head}", *rows]),
    }


def _close_codes() -> Json:
    rows = [f"| {entry.code} | {entry.title} | {entry.action} |" for entry in CLOSE_CODES]
    head = "Codes that close a WebSocket.\n\n| code | meaning | what to do |\n|---|---|---|"
    return {
        "type": "integer",
        "title": "CloseCode",
        "enum": [entry.code for entry in CLOSE_CODES],
        "description": "\n".join([head, *rows]),
    }
