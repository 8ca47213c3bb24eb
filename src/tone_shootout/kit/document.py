"""What the description of the API would say wrongly by itself."""

from typing import TYPE_CHECKING, Any, Final

from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Schema
from litestar.plugins import OpenAPISchemaPlugin
from litestar.typing import FieldDefinition

if TYPE_CHECKING:
    from litestar._openapi.schema_generation import SchemaCreator

ANY_TYPE: Final = "*/*"
FILE_RESPONSES: Final = {
    200: ResponseSpec(Any, generate_examples=False, media_type=ANY_TYPE, description="The file"),
    206: ResponseSpec(Any, generate_examples=False, media_type=ANY_TYPE, description="The part asked for"),
    304: ResponseSpec(None, generate_examples=False, description="You have it already"),
}
"""What an operation that sends stored content may answer, besides problems (`kit.ranges`)."""


class TuplesAreLists(OpenAPISchemaPlugin):
    """Describes `tuple[T, ...]` as a list of T. Litestar takes the dots for one more type, of which anything is one."""

    @staticmethod
    def is_plugin_supported_type(value: Any) -> bool:
        """Look at fields only, whatever the value."""
        del value
        return False

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        """Whether it is a tuple of any length."""
        return field_definition.origin is tuple and field_definition.args[1:] == (Ellipsis,)

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: "SchemaCreator") -> Schema:
        """Describe the list, with the same limits."""
        as_list = FieldDefinition.from_kwarg(
            annotation=list[field_definition.args[0]],  # type: ignore[name-defined]  # made of a value, not a type
            name=field_definition.name,
            default=field_definition.default,
            kwarg_definition=field_definition.kwarg_definition,
        )
        found = schema_creator.for_field_definition(as_list)
        assert isinstance(found, Schema)  # noqa: S101 - a list is described where it stands, never by reference
        return found


def bodiless(handler: HTTPRouteHandler) -> dict[int, ResponseSpec]:
    """Return what an operation answers without a body, for its documentation."""
    if handler.http_methods == {"HEAD"}:
        return {200: ResponseSpec(None, generate_examples=False, description="As GET, without the body")}
    if handler.status_code == 204:
        return {204: ResponseSpec(None, generate_examples=False, description="Done")}
    return {}
