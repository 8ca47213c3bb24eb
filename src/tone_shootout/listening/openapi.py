"""What the OpenAPI document says that Litestar can't derive: bodies that a handler reads itself, forms of results."""

from typing import Any

Json = dict[str, Any]


def describe_listening(document: Json) -> None:
    """Add the body of a picture, and results as CSV."""
    paths = document["paths"]
    # Generators of clients know no images: the content decides, whatever its type is called.
    schema = {"type": "string", "format": "binary", "description": "A JPEG, PNG or WebP file."}
    paths["/api/v1/shares/{slug}/picture"]["put"]["requestBody"] = {
        "required": True,
        "content": {"application/octet-stream": {"schema": schema}},
    }
    results = paths["/api/v1/tests/{test_id}/results"]["get"]["responses"]["200"]
    results["content"]["text/csv"] = {
        "schema": {"type": "string", "description": "A row for each answer."},
        "example": "listener,trial,label,segment,chain,answer,correct\r\n1,1,X,1,Plexi,1,true\r\n",
    }
