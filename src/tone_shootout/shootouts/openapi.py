"""What the OpenAPI document says about bodies that Litestar can't derive: forms, and the merge patch of a config."""

from typing import Any, Final

from tone_shootout.shootouts.library.batch import BatchForm
from tone_shootout.shootouts.library.uploads import UploadForm

Json = dict[str, Any]

UPLOAD_TYPES: Final[dict[str, Any]] = {"UploadForm": UploadForm, "BatchForm": BatchForm}

_PREFIX: Final = "#/components/schemas/"
_NULL: Final = {"type": "null"}


def describe_upload(document: Json) -> None:
    """Add the forms of uploads to the document; their handlers parse them themselves."""
    form = _add_form(document, "/api/v1/library", "UploadForm")
    form["properties"]["file"] = _binary("The file. Send it last.")
    form["required"].append("file")
    form = _add_form(document, "/api/v1/library/batch", "BatchForm")
    for name, description in (
        (
            "file",
            (
                "Files whose kinds are recognized by their content, a part of the form for each: captures are JSON; a "
                "sound file that begins soon and decays within 0.1 s is a cab IR, any other a DI track."
            ),
        ),
        ("di_track", "DI tracks, a part of the form for each."),
        ("capture", "Captures, a part of the form for each."),
        ("cab_ir", "Cab IRs, a part of the form for each."),
        ("archive", "ZIP archives of captures and sound files, a part of the form for each."),
    ):
        form["properties"][name] = {"type": "array", "items": _binary(), "description": description}


def describe_patch(document: Json) -> None:
    """Add the schema of a config's merge patch: the config, with every field of it and its objects optional.

    A list is replaced as a whole. Null removes a field; a required one can't be removed.
    """
    schemas = document["components"]["schemas"]
    update = schemas["ShootoutUpdate"]["properties"]
    description = update["config"]["description"]
    update["config"] = {"$ref": _PREFIX + _add_patch(schemas, "Config", description), "description": description}


def _add_form(document: Json, path: str, name: str) -> Json:
    form: Json = document["components"]["schemas"][name]
    for field, schema in form["properties"].items():
        if "oneOf" in schema:  # a form has no null
            rest = {key: value for key, value in schema.items() if key != "oneOf"}
            form["properties"][field] = {**schema["oneOf"][0], **rest}
    document["paths"][path]["post"]["requestBody"] = {
        "required": True,
        "content": {"multipart/form-data": {"schema": {"$ref": _PREFIX + name}}},
    }
    return form


def _binary(description: str = "") -> Json:
    return {"type": "string", "format": "binary", **({"description": description} if description else {})}


def _add_patch(schemas: Json, name: str, description: str) -> str:
    """Add the schema of a patch of an object to `schemas`; return its name."""
    patch = f"{name.removeprefix('Asset')}Patch"
    whole = schemas[name]
    properties = {}
    for field, schema in whole["properties"].items():
        branches = [branch for branch in schema.get("oneOf", [schema]) if branch != _NULL]
        if len(branches) == 1 and "$ref" in branches[0]:
            inner = branches[0]["$ref"].removeprefix(_PREFIX)
            if schemas[inner].get("type") == "object":
                about = schema.get("description", "")
                branches = [{"$ref": _PREFIX + _add_patch(schemas, inner, about)}]
        about = {key: value for key, value in schema.items() if key in ("description", "examples")}
        if field in whole.get("required", ()):
            properties[field] = {**branches[0], **about}
            continue
        limits = [{key: value for key, value in branch.items() if key not in about} for branch in branches]
        properties[field] = {"oneOf": [*limits, _NULL], **about}
    schemas[patch] = {
        "title": patch,
        "type": "object",
        "description": description,
        "properties": properties,
        "additionalProperties": False,
    }
    return patch
