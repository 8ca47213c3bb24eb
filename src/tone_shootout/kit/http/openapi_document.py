"""The OpenAPI document as published: what Litestar generates, completed where it offers no setting."""

from dataclasses import dataclass, fields
from typing import Any, Final, cast

from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import OpenAPI

from tone_shootout.error_codes import CLOSE_CODES, all_codes

_REQUEST_ID: Final = {
    "description": "Id of the request: the one that the client sent as `X-Request-ID` (1 to 64 letters, digits, dots, "
    "underscores and hyphens), or a new one. It is in the logs of the service and in `request_id` of problems.",
    "schema": {"type": "string", "examples": ["4f1d3c0a9be2477d8a55c6e0f1b2d3c4"]},
}


@dataclass
class Document(OpenAPI):
    """The document, with the parts that no handler declares."""

    def to_schema(self) -> dict[str, Any]:
        """Return the document as plain data."""
        document = super().to_schema()
        schemas = document["components"]["schemas"]
        schemas.update({"ErrorCode": _error_codes(), "CloseCode": _close_codes()})
        document["components"]["schemas"] = dict(sorted(schemas.items()))
        document["components"]["headers"] = {"RequestId": _REQUEST_ID}
        for item in document["paths"].values():
            for operation in item.values():
                for response in operation["responses"].values() if isinstance(operation, dict) else ():
                    named = {"X-Request-ID": {"$ref": "#/components/headers/RequestId"}}
                    response["headers"] = {**response.get("headers", {}), **named}
        return document


@dataclass
class DocumentConfig(OpenAPIConfig):
    """Configuration that generates a `Document`."""

    def to_openapi_schema(self) -> OpenAPI:
        """Return the document without paths and schemas, which Litestar adds."""
        made = super().to_openapi_schema()
        return Document(**{field.name: cast(Any, getattr(made, field.name)) for field in fields(made)})


def _error_codes() -> dict[str, Any]:
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


def _close_codes() -> dict[str, Any]:
    rows = [f"| {entry.code} | {entry.title} | {entry.action} |" for entry in CLOSE_CODES]
    head = "Codes that close a WebSocket.\n\n| code | meaning | what to do |\n|---|---|---|"
    return {
        "type": "integer",
        "title": "CloseCode",
        "enum": [entry.code for entry in CLOSE_CODES],
        "description": "\n".join([head, *rows]),
    }
