"""JSON schemas of structs and parameters, made by msgspec, which validates them, in the form that generators read best.

- Null is always `oneOf: [schema, {"type": "null"}]`, with the limits inside the schema.
- A union has `oneOf` and a discriminator. A constant has `const` and a type, an enumeration a type.
- Patterns are those of ECMA 262, where `$` is the end of the text.
- A field that responses always have is required there, whether or not it has a default in Python.
- Fields have no `default`, because generators make such fields of requests required. Their descriptions state it.
"""

import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final, get_args

import msgspec
from msgspec import NODEFAULT
from msgspec.inspect import DateTimeType, Metadata, StructType, Type, UnionType, type_info

PREFIX: Final = "#/components/schemas/"
_VERBATIM: Final = frozenset({"default", "examples", "required", "const"})
_BY_NAME: Final = frozenset({"properties", "patternProperties", "$defs"})
_TYPE_NAMES: Final = {str: "string", bool: "boolean", int: "integer", float: "number"}
_END_OF_TEXT: Final = (r"$(?!\n)", "$")
"""How Python is told that `$` is the end of the text, and how ECMA 262 is."""

Json = dict[str, Any]


def page_name(page: Any) -> str:
    """Return the name of a page's schema: `JobPage` for `Page[JobRead]`."""
    return f"{get_args(page)[0].__name__.removesuffix('Read')}Page"


def plain_schema(kind: Any) -> Json:
    """Return the schema of a type without structs."""
    found, components = msgspec.json.schema_components([kind])
    if components:
        raise ValueError(f"{kind}: expected a type without structs and enumerations")
    schema: Json = publish(found[0])
    return schema


def component_schemas(types: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Json]:
    """Return the schemas of types and of all structs within them, by name.

    Args:
        types: structs, pages and unions of structs by the names of their schemas.
        sent: those of them that clients send. A field with a default is optional there; in all others, responses
            always have it.
    """
    found, components = msgspec.json.schema_components(list(types.values()), ref_template=PREFIX + "{name}")
    names = {
        schema["$ref"].removeprefix(PREFIX): name
        for name, schema in zip(types, found, strict=True)
        if "$ref" in schema  # unions stand where they are used
    }
    structs = {name: info for kind in types.values() for name, info in _structs(kind).items()}
    from_clients = {name for kind in sent.values() for name in _structs(kind)}
    published = {}
    for name, schema in components.items():
        made = publish(schema, names)
        if info := structs.get(name):
            _complete(made, info, is_sent=name in from_clients or info.cls.__struct_config__.forbid_unknown_fields)
        made["title"] = names.get(name, name)
        published[made["title"]] = made
    for (name, kind), schema in zip(types.items(), found, strict=True):
        if "$ref" not in schema:
            published[name] = {"title": name, **publish(schema, names)}
            if "enum" in published[name]:
                published[name]["enum"] = list(get_args(kind))  # in the order of the source
    return published


def refer_to_enums(document: Json) -> None:
    """Replace enumerations throughout a document by references to the named ones with the same values, in place."""
    schemas = document["components"]["schemas"]
    named = {frozenset(schema["enum"]): name for name, schema in schemas.items() if "enum" in schema}
    pending: list[Any] = [document["paths"], *(schema for schema in schemas.values() if "enum" not in schema)]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending += node
        elif isinstance(node, dict):
            values = node.get("enum")
            if isinstance(values, list) and (name := named.get(frozenset(values))):
                del node["enum"], node["type"]
                node["$ref"] = PREFIX + name
            pending += [value for key, value in node.items() if key not in _VERBATIM]


def publish(node: Any, names: Mapping[str, str] | None = None) -> Any:
    """Return a schema of msgspec in the published form.

    Args:
        node: the schema, or a part of it.
        names: other names of components.
    """
    if isinstance(node, list):
        return [publish(item, names) for item in node]
    if not isinstance(node, dict):
        return node
    made: Json = {}
    for key, value in node.items():
        if key in _VERBATIM or key == "title":
            made[key] = value
        elif key in _BY_NAME:
            made[key] = {name: publish(item, names) for name, item in value.items()}
        elif key == "$ref":
            name = value.removeprefix(PREFIX)
            made[key] = PREFIX + (names or {}).get(name, name)
        elif key == "enum":
            made["type"] = _TYPE_NAMES[type(value[0])]
            made |= {"const": value[0]} if len(value) == 1 else {"enum": value}
        elif key == "pattern":
            made[key] = value.replace(*_END_OF_TEXT)
        elif key == "description":
            made[key] = inspect.cleandoc(value)
        else:
            made["oneOf" if key == "anyOf" else key] = publish(value, names)
    if made.get("default", ...) is None:
        del made["default"]  # left out or null is the same
    return made


def _complete(schema: Json, info: StructType, *, is_sent: bool) -> None:
    """Add what msgspec leaves out of a struct's schema: formats of times, and fields that are always there."""
    config = info.cls.__struct_config__
    for field in info.fields:
        described = schema["properties"][field.encode_name]
        if _has_time(field.type):
            for branch in described.get("oneOf", [described]):
                if branch.get("type") == "string":
                    branch["format"] = "date-time"
        default = described.pop("default", None)
        if is_sent:
            _describe_default(described, default)
        elif not config.omit_defaults and (field.default, field.default_factory) != (NODEFAULT, NODEFAULT):
            schema["required"].append(field.encode_name)


def _describe_default(schema: Json, default: object) -> None:
    """Say in the description of a field what it is if it is left out."""
    if isinstance(default, str | int | float) and default != "" and "Default:" not in schema.get("description", ""):
        text = default if isinstance(default, str) else msgspec.json.encode(default).decode()
        schema["description"] = f"{schema.get('description', '')} Default: `{text}`.".strip()


def _has_time(kind: Type) -> bool:
    if isinstance(kind, Metadata):
        return _has_time(kind.type)
    if isinstance(kind, UnionType):
        return any(map(_has_time, kind.types))
    return isinstance(kind, DateTimeType)


@cache
def _structs(kind: Any) -> dict[str, StructType]:
    """Return all structs within a type by the names that msgspec gives them, without generic ones."""
    found: dict[str, StructType] = {}
    seen: set[Any] = set()
    pending: list[Type] = [type_info(kind)]
    while pending:
        part = pending.pop()
        if not isinstance(part, StructType):
            pending += _inner(part)
        elif part.cls not in seen:
            seen.add(part.cls)
            pending += [field.type for field in part.fields]
            if isinstance(part.cls, type):
                found[part.cls.__name__] = part
    return found


def _inner(part: Type) -> Iterator[Type]:
    for name in part.__struct_fields__:
        value = getattr(part, name)
        yield from (item for item in (value if isinstance(value, tuple) else (value,)) if isinstance(item, Type))
