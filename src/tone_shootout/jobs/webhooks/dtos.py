"""Request and response bodies of webhooks."""

from datetime import datetime
from typing import Annotated, Final, Literal, cast
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from tone_shootout.jobs.webhooks.events import EventName
from tone_shootout.jobs.webhooks.models import Webhook, WebhookDelivery
from tone_shootout.jobs.webhooks.services import IssuedSecret

DeliveryStatus = Literal["pending", "delivered", "failed"]
PATH: Final = "/api/v1/webhooks"

DisabledReason = Literal["owner", "gone", "failing"]

_Url = Annotated[
    str,
    Meta(
        description="URL that messages are sent to: `https://` and public; redirects are not followed.",
        examples=["https://studio.example.org/hooks/shootout"],
        min_length=1,
        max_length=1000,
    ),
]
_Description = Annotated[
    str,
    Meta(
        description="Description, without control characters.",
        examples=["posts results to the band chat"],
        max_length=200,
        pattern=r"^[^\x00-\x1f\x7f]*$(?!\n)",
    ),
]
_Events = Annotated[
    list[EventName],
    Meta(
        description="Events to send: `job.` and the status that a job enters.",
        examples=[["job.completed", "job.failed"]],
        min_length=1,
        max_length=20,
    ),
]
_Enabled = Annotated[
    bool,
    Meta(description="False: no messages are queued or sent. True: pending messages are sent now.", examples=[True]),
]


class WebhookCreate(Struct, kw_only=True, forbid_unknown_fields=True):
    """A webhook to create."""

    url: _Url
    description: _Description = ""
    events: _Events = msgspec.field(default_factory=lambda: ["job.completed", "job.failed", "job.cancelled"])


class WebhookUpdate(Struct, kw_only=True, forbid_unknown_fields=True):
    """Fields to change; others keep their value."""

    url: _Url | UnsetType = UNSET
    description: _Description | UnsetType = UNSET
    events: _Events | UnsetType = UNSET
    enabled: _Enabled | UnsetType = UNSET


class WebhookLinks(Struct, kw_only=True):
    """Links of a webhook."""

    self: Annotated[str, Meta(description="The webhook.")]
    deliveries: Annotated[str, Meta(description="Its deliveries.")]
    test: Annotated[str, Meta(description="POST here to send a test message.")]
    secret: Annotated[str, Meta(description="POST here for a new secret.")]


class WebhookRead(Struct, kw_only=True):
    """A webhook."""

    id: Annotated[UUID, Meta(description="Webhook id.")]
    url: Annotated[str, Meta(description="URL that messages are sent to.")]
    description: Annotated[str, Meta(description="Description.")]
    events: Annotated[list[EventName], Meta(description="Events that are sent.")]
    enabled: Annotated[bool, Meta(description="Whether messages are sent.", examples=[True])]
    disabled_reason: Annotated[
        DisabledReason | None,
        Meta(description="`owner`: by you; `gone`: it responded with 410; `failing`: no delivery succeeded for a day."),
    ]
    last_success_at: Annotated[datetime | None, Meta(description="Time of the last successful delivery.")]
    created_at: Annotated[datetime, Meta(description="Time of creation.")]
    links: Annotated[WebhookLinks, Meta(description="Links.")]

    @classmethod
    def of(cls, webhook: Webhook) -> "WebhookRead":
        """Return the response body of a webhook, without its secret."""
        path = webhook_path(webhook.id)
        return cls(
            id=webhook.id,
            url=webhook.url,
            description=webhook.description,
            events=cast("list[EventName]", webhook.events),
            enabled=webhook.disabled_reason is None,
            disabled_reason=cast("DisabledReason | None", webhook.disabled_reason),
            last_success_at=webhook.succeeded_at,
            created_at=webhook.created_at,
            links=WebhookLinks(
                self=path, deliveries=f"{path}/deliveries", test=f"{path}/test", secret=f"{path}/secret"
            ),
        )


class WebhookSecretRead(Struct, kw_only=True):
    """A webhook with its new secret."""

    secret: Annotated[str, Meta(description="Key of the signatures. Shown only once.", examples=["whsec_…"])]
    previous_until: Annotated[
        datetime | None, Meta(description="Until then, messages are also signed with the previous secret.")
    ]
    webhook: Annotated[WebhookRead, Meta(description="The webhook.")]

    @classmethod
    def of(cls, issued: IssuedSecret) -> "WebhookSecretRead":
        """Return the response body with the secret."""
        return cls(
            secret=issued.secret,
            previous_until=issued.webhook.previous_until,
            webhook=WebhookRead.of(issued.webhook),
        )


class DeliveryAttemptRead(Struct, kw_only=True):
    """One attempt at a delivery."""

    at: Annotated[datetime, Meta(description="Time of the attempt.")]
    duration_ms: Annotated[int, Meta(description="Duration in milliseconds.", examples=[84])]
    http_status: Annotated[int | None, Meta(description="HTTP status of the response, if any.", examples=[204])]
    error: Annotated[
        str | None,
        Meta(
            description="Why there was no response: `address_refused`, `not_reached`, `tls_failed`, `timeout`, "
            "`connection_lost`, `not_http`, `unreadable_secret`, `internal_error`.",
            examples=["timeout"],
        ),
    ]


class DeliveryLinks(Struct, kw_only=True):
    """Links of a delivery."""

    self: Annotated[str, Meta(description="The delivery, with its body and attempts.")]
    webhook: Annotated[str, Meta(description="The webhook.")]
    redeliver: Annotated[str, Meta(description="POST here to send the message again.")]


class DeliveryRead(Struct, kw_only=True):
    """A delivery of a message to a webhook."""

    id: Annotated[UUID, Meta(description="Delivery id; the message id is `msg_` and its hexadecimal digits.")]
    type: Annotated[str, Meta(description="Event type.", examples=["job.completed"])]
    status: Annotated[DeliveryStatus, Meta(description="Status of the delivery.")]
    attempts: Annotated[int, Meta(description="Number of attempts.", examples=[1])]
    next_attempt_at: Annotated[datetime | None, Meta(description="Time of the next attempt, while pending.")]
    last_attempt: Annotated[DeliveryAttemptRead | None, Meta(description="The last attempt.")]
    created_at: Annotated[datetime, Meta(description="Time of the event.")]
    links: Annotated[DeliveryLinks, Meta(description="Links.")]

    @classmethod
    def of(cls, delivery: WebhookDelivery) -> "DeliveryRead":
        """Return the response body of a delivery."""
        attempts = _attempts(delivery)
        return cls(
            id=delivery.id,
            type=delivery.type,
            status=cast("DeliveryStatus", delivery.status),
            attempts=delivery.attempts,
            next_attempt_at=delivery.next_attempt_at,
            last_attempt=attempts[-1] if attempts else None,
            created_at=delivery.created_at,
            links=DeliveryLinks(
                self=delivery_path(delivery),
                webhook=webhook_path(delivery.webhook_id),
                redeliver=f"{delivery_path(delivery)}/redeliver",
            ),
        )


class DeliveryDetailRead(Struct, kw_only=True):
    """A delivery with its body and attempts."""

    delivery: Annotated[DeliveryRead, Meta(description="The delivery.")]
    payload: Annotated[str, Meta(description="Body as signed and sent.", examples=['{"type": …}'])]
    attempts: Annotated[list[DeliveryAttemptRead], Meta(description="The last 20 attempts.")]

    @classmethod
    def of(cls, delivery: WebhookDelivery) -> "DeliveryDetailRead":
        """Return the response body with payload and attempts."""
        return cls(delivery=DeliveryRead.of(delivery), payload=delivery.payload, attempts=_attempts(delivery))


def _attempts(delivery: WebhookDelivery) -> list[DeliveryAttemptRead]:
    return msgspec.convert(delivery.log, list[DeliveryAttemptRead])


def webhook_path(webhook_id: UUID) -> str:
    """Return the URL path of a webhook."""
    return f"{PATH}/{webhook_id}"


def delivery_path(delivery: WebhookDelivery) -> str:
    """Return the URL path of a delivery."""
    return f"{webhook_path(delivery.webhook_id)}/deliveries/{delivery.id}"
