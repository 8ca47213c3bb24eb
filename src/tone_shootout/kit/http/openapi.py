"""Corrections of the OpenAPI document that Litestar generates."""

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Final

from litestar import Request
from litestar.constants import RESERVED_KWARGS
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.plugins import SwaggerRenderPlugin
from litestar.openapi.spec import (
    OpenAPIFormat,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    RequestBody,
    Schema,
)
from litestar.params import ParameterKwarg
from litestar.plugins import OpenAPISchemaPlugin
from litestar.types import Empty
from litestar.typing import FieldDefinition
from litestar.utils.typing import make_non_optional_union
from msgspec import Meta, Struct

from tone_shootout.kit.db.pagination import Page
from tone_shootout.kit.http.openapi_schemas import PREFIX, page_name, plain_schema

if TYPE_CHECKING:
    from litestar._openapi.schema_generation import SchemaCreator

ANY_TYPE: Final = "*/*"
MERGE_PATCH: Final = "application/merge-patch+json"
"""Media type of JSON merge patches (RFC 7396)."""
FILE_RESPONSES: Final = {
    200: ResponseSpec(bytes, generate_examples=False, media_type=ANY_TYPE, description="The file."),
    206: ResponseSpec(bytes, generate_examples=False, media_type=ANY_TYPE, description="The requested range."),
    304: ResponseSpec(None, generate_examples=False, description="Not modified."),
}
"""Responses of an operation that sends stored content (`kit.http.ranges`), in addition to problems."""


@dataclass
class DownloadOperation(Operation):
    """An operation that sends a file.

    Client generators recognize few media types as files, so `application/octet-stream` is listed in addition.
    """

    def __post_init__(self) -> None:
        """Add the media type."""
        for status, response in (self.responses or {}).items():
            if status in ("200", "206") and isinstance(response, OpenAPIResponse) and response.content:
                file = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
                response.content = {"application/octet-stream": OpenAPIMediaType(schema=file), **response.content}


@dataclass
class MergePatchOperation(Operation):
    """An operation that takes a JSON merge patch, under its own media type or as JSON."""

    def __post_init__(self) -> None:
        """Add the media type."""
        body = self.request_body
        if isinstance(body, RequestBody) and "application/json" in body.content:
            body.content = {**body.content, MERGE_PATCH: body.content["application/json"]}


class StructSchemaPlugin(OpenAPISchemaPlugin):
    """Refers to structs by plain names, and remembers them: msgspec, which validates them, makes their schemas.

    `Page[JobRead]` is named `JobPage`.

    Attributes:
        structs: all structs of requests and responses by name.
        handlers: all handlers in the document.
    """

    def __init__(self) -> None:
        self.structs: dict[str, Any] = {}
        self.handlers: list[HTTPRouteHandler] = []

    @staticmethod
    def is_plugin_supported_type(value: Any) -> bool:
        """Return whether the value is a struct."""
        return isinstance(value, type) and issubclass(value, Struct)

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        """Return whether the field is a struct or a page."""
        return field_definition.origin is Page or self.is_plugin_supported_type(field_definition.annotation)

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: "SchemaCreator") -> Schema:
        """Return a reference to the struct's schema."""
        annotation = field_definition.annotation
        name = page_name(annotation) if field_definition.origin is Page else annotation.__name__
        if self.structs.setdefault(name, annotation) != annotation:
            raise ValueError(f"two structs have the name {name}")
        registry = schema_creator.schema_registry
        named = FieldDefinition.from_annotation(Annotated[annotation, ParameterKwarg(schema_component_key=name)])
        registry.get_schema_for_field_definition(named)
        return registry.get_reference_for_field_definition(named)  # type: ignore[return-value]  # a reference works, too


class BinarySchemaPlugin(OpenAPISchemaPlugin):
    """Describes `bytes` as binary content, because Litestar describes it as text."""

    @staticmethod
    def is_plugin_supported_type(value: Any) -> bool:
        """Return whether the value is `bytes`."""
        return value is bytes

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: "SchemaCreator") -> Schema:  # noqa: ARG002 - as Litestar calls it
        """Return the schema."""
        return Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)


class DocumentationPage(SwaggerRenderPlugin):
    """Swagger UI with relative URLs, so that it works under every host and prefix."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Return the page."""
        page = super().render(request, openapi_schema)
        if request.scope["raw_path"].endswith(b"/"):
            page = page.replace(b'"docs/assets/', b'"assets/').replace(b'"openapi.json"', b'"../openapi.json"')
        return page

    @staticmethod
    def render_json(request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Return the arguments that make the page fetch the document, so that server URLs are relative to its URL."""
        del request, openapi_schema
        return b'undefined, url: "openapi.json"'


def empty_responses(handler: HTTPRouteHandler) -> dict[int, ResponseSpec]:
    """Return the OpenAPI responses without a body of an operation."""
    if handler.http_methods == {"HEAD"}:
        return {200: ResponseSpec(None, generate_examples=False, description="As GET, without the body.")}
    if handler.status_code == 204:
        return {204: ResponseSpec(None, generate_examples=False, description="Done.")}
    return {}


def parameter_fields(handler: HTTPRouteHandler) -> dict[str, FieldDefinition]:
    """Return the fields of a handler and of its dependencies that may be parameters, by the names of these."""
    providers = handler.resolve_dependencies()
    found: dict[str, FieldDefinition] = {}
    pending = [handler.parsed_fn_signature]
    while pending:
        for name, field in pending.pop().parameters.items():
            if name in providers:
                pending.append(providers[name].parsed_fn_signature)
            elif name not in RESERVED_KWARGS:
                found.setdefault(getattr(field.kwarg_definition, "name", None) or name, field)
    return found


def parameter_schema(field: FieldDefinition) -> dict[str, Any]:
    """Return the schema of a parameter with all limits and without null, which a URL or header can't express.

    Litestar's own lacks limits of parameters that may be left out.
    """
    annotation: Any = make_non_optional_union(field.annotation) if field.is_optional else field.annotation
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        schema = {"$ref": PREFIX + annotation.__name__}
    else:
        limits = field.kwarg_definition
        given = {name: getattr(limits, name, None) for name in ("ge", "gt", "le", "lt", "multiple_of", "pattern")}
        for name, of_list in (("min_length", "min_items"), ("max_length", "max_items")):
            value = getattr(limits, name, None)
            given[name] = getattr(limits, of_list, None) if value is None else value
        schema = plain_schema(Annotated[annotation, Meta(**given)])
    return schema if field.default in (None, Empty) else {**schema, "default": field.default}
