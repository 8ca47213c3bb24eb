"""What the OpenAPI document says about pictures: Litestar can't derive a body that the handler reads itself."""

from typing import Any

Json = dict[str, Any]


def describe_pictures(document: Json) -> None:
    """Add the body of a picture to the document."""
    schema = {"type": "string", "format": "binary", "description": "The picture."}
    document["paths"]["/api/v1/shares/{slug}/picture"]["put"]["requestBody"] = {
        "required": True,
        "content": {name: {"schema": dict(schema)} for name in ("image/jpeg", "image/png", "image/webp")},
    }
