"""What the OpenAPI document says about jobs beyond their operations: events, the WebSocket and webhooks."""

from typing import Any, Final, get_args

from tone_shootout.jobs.event_schemas import AnyEvent
from tone_shootout.jobs.webhooks.events import TEST_EVENT, EventName, JobMessage, WebhookTestMessage

Json = dict[str, Any]

FURTHER_TYPES: Final[dict[str, Any]] = {
    "Event": AnyEvent,
    "JobMessage": JobMessage,
    "WebhookTestMessage": WebhookTestMessage,
}
"""Types of messages that no operation sends or returns."""
WEBSOCKET: Final = "/api/v1/jobs/{job_id}/ws"

_EVENT: Final = "An event of a job. Later versions may add types and fields: ignore unknown ones."
_EVENT_STREAM: Final = (
    "Server-sent events with lines that end in LF. `id` is the number of the event, `event` its type, `data` the whole "
    "event as JSON in one line: an `Event`."
)
_STREAM_EXAMPLE: Final = (
    "retry: 1000\n\n"
    "id: 7\nevent: progress\n"
    'data: {"type":"progress","seq":7,"job_id":"0197a6c2-5d5e-7b1a-8f3c-2b9d64e0a111",'
    '"at":"2026-11-28T12:00:00Z","data":{"percent":42.5,"done":1200000.0,"total":2800000.0,"eta_s":3.5}}\n\n'
)
_SOCKET: Final[Json] = {
    "summary": "Follow a job over a WebSocket",
    "description": (
        "Sends a snapshot, then all later events (or those after `after`), up to `done`. Each text message is an "
        "`Event`, the same as in server-sent events. Messages of the client are ignored. After `done` the service "
        "closes the connection with 1000.\n\n"
        "Programs send `Authorization: Bearer …`. Pages of the service send the session cookie, and their `Origin` is "
        "checked. Other pages request a ticket with `POST /api/v1/jobs/{job_id}/ticket` and append it as "
        "`?ticket=…`; it opens one connection, within seconds. Never put a token in the URL."
    ),
    "parameters": [
        {
            "name": "job_id",
            "in": "path",
            "required": True,
            "description": "The job's id.",
            "schema": {"type": "string", "format": "uuid"},
        },
        {
            "name": "after",
            "in": "query",
            "description": "Number of the last event received; later events are sent.",
            "schema": {"type": "integer", "minimum": 0},
        },
        {
            "name": "ticket",
            "in": "query",
            "description": "A ticket, in place of other credentials.",
            "schema": {"type": "string", "maxLength": 100},
        },
    ],
    "message": {"$ref": "#/components/schemas/Event"},
    "closeCodes": {"$ref": "#/components/schemas/CloseCode"},
    "security": [{"bearer": []}, {"cookie": []}, {}],
}
_SIGNED_HEADERS: Final = {
    "webhook-id": ("Id of the message, the same in all attempts.", "msg_0197a6c25d5e7b1a8f3c2b9d64e0a111"),
    "webhook-timestamp": ("Time of this attempt, in seconds since 1970.", "1795867200"),
    "webhook-signature": (
        "One or more signatures, separated by spaces: `v1,` and the HMAC-SHA256 of id, timestamp and body in Base64.",
        "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
    ),
}


def describe_jobs(document: Json) -> None:
    """Add the content of event streams, the WebSocket and the webhooks to the document."""
    follow = document["paths"]["/api/v1/jobs/{job_id}/events"]["get"]
    stream = follow["responses"]["200"]["content"]["text/event-stream"]
    stream["schema"] = {"type": "string", "description": _EVENT_STREAM}
    stream["x-item-schema"] = {"$ref": "#/components/schemas/Event"}
    stream["example"] = _STREAM_EXAMPLE
    document["components"]["schemas"]["Event"]["description"] = _EVENT
    document["x-websockets"] = {WEBSOCKET: _SOCKET}
    document["webhooks"] = {
        **{
            name: _webhook(name, f"The job's status is now `{name.removeprefix('job.')}`", "JobMessage")
            for name in get_args(EventName)
        },
        TEST_EVENT: _webhook(TEST_EVENT, "A test that was requested", "WebhookTestMessage"),
    }


def _webhook(name: str, summary: str, schema: str) -> Json:
    """Return the request that the service sends to a webhook."""
    return {
        "post": {
            "operationId": f"on_{name.replace('.', '_')}",
            "summary": summary,
            "description": "Sent to the URL of each webhook that is subscribed to it. Verify the signature first. The "
            "same message can arrive twice.",
            "tags": ["webhooks"],
            "security": [],
            "parameters": [
                {
                    "name": header,
                    "in": "header",
                    "required": True,
                    "description": text,
                    "schema": {"type": "string", "examples": [example]},
                }
                for header, (text, example) in _SIGNED_HEADERS.items()
            ],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
            },
            "responses": {
                "2XX": {"description": "The message is delivered"},
                "410": {"description": "The webhook is disabled"},
                "429": {"description": "Retried after `Retry-After`"},
                "503": {"description": "Retried after `Retry-After`"},
                "default": {"description": "Retried with growing delays for a day"},
            },
        }
    }
