"""What the OpenAPI document says about uploads: Litestar can't derive the form, because the handler parses it."""

from typing import Any, Final

from tone_shootout.shootouts.library.uploads import UploadForm

Json = dict[str, Any]

UPLOAD_TYPES: Final[dict[str, Any]] = {"UploadForm": UploadForm}


def describe_upload(document: Json) -> None:
    """Add the form of uploads to the document."""
    form = document["components"]["schemas"]["UploadForm"]
    for name, field in form["properties"].items():
        if "oneOf" in field:  # a form has no null
            form["properties"][name] = {**field["oneOf"][0], **{key: field[key] for key in field if key != "oneOf"}}
    form["properties"]["file"] = {"type": "string", "format": "binary", "description": "The file. Send it last."}
    form["required"].append("file")
    document["paths"]["/api/v1/library"]["post"]["requestBody"] = {
        "required": True,
        "content": {"multipart/form-data": {"schema": {"$ref": "#/components/schemas/UploadForm"}}},
    }
