"""Corrections of the OpenAPI document that Litestar generates."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

from litestar import Request
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.plugins import SwaggerRenderPlugin
from litestar.openapi.spec import (
    OpenAPIFormat,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Reference,
    Schema,
)
from litestar.params import ParameterKwarg
from litestar.plugins import OpenAPISchemaPlugin
from litestar.typing import FieldDefinition

from tone_shootout.kit.db.pagination import Page

if TYPE_CHECKING:
    from litestar._openapi.schema_generation import SchemaCreator

ANY_TYPE: Final = "*/*"
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


class TupleSchemaPlugin(OpenAPISchemaPlugin):
    """Describes `tuple[T, ...]` as an array of T, because Litestar treats the ellipsis as a second type."""

    @staticmethod
    def is_plugin_supported_type(value: Any) -> bool:
        """Return False: only fields are supported."""
        del value
        return False

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        """Return whether the field is a tuple of any length."""
        return field_definition.origin is tuple and field_definition.args[1:] == (Ellipsis,)

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: "SchemaCreator") -> Schema:
        """Return the schema of the array, with the same constraints."""
        as_list = FieldDefinition.from_kwarg(
            annotation=list[field_definition.args[0]],  # type: ignore[name-defined]  # a value, not a type
            name=field_definition.name,
            default=field_definition.default,
            kwarg_definition=field_definition.kwarg_definition,
        )
        found = schema_creator.for_field_definition(as_list)
        assert isinstance(found, Schema)  # noqa: S101 - arrays are inlined, never referenced
        return found


class BinarySchemaPlugin(OpenAPISchemaPlugin):
    """Describes `bytes` as binary content, because Litestar describes it as text."""

    @staticmethod
    def is_plugin_supported_type(value: Any) -> bool:
        """Return whether the value is `bytes`."""
        return value is bytes

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: "SchemaCreator") -> Schema:  # noqa: ARG002 - as Litestar calls it
        """Return the schema."""
        return Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)


class PageSchemaPlugin(OpenAPISchemaPlugin):
    """Names the schema of `Page[JobRead]` `JobPage`; client generators reject Litestar's name, a module path."""

    @staticmethod
    def is_plugin_supported_type(value: Any) -> bool:
        """Return False: only fields are supported."""
        del value
        return False

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        """Return whether the field is a page without a name."""
        named = getattr(field_definition.kwarg_definition, "schema_component_key", None)
        return field_definition.origin is Page and not named

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: "SchemaCreator") -> Schema:
        """Return a reference to the named schema."""
        name = f"{field_definition.args[0].__name__.removesuffix('Read')}Page"
        named = FieldDefinition.from_annotation(
            Annotated[field_definition.annotation, ParameterKwarg(schema_component_key=name)]
        )
        found = schema_creator.for_field_definition(named)
        assert isinstance(found, Reference)  # noqa: S101 - structs are components
        schema_creator.schema_registry.from_reference(found).schema.title = name
        return found  # type: ignore[return-value]  # a reference works, too


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
