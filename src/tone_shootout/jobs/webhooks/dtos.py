"""Webhooks as clients see them."""

from datetime import datetime
from typing import Annotated, Literal, cast
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from tone_shootout.jobs.webhooks.events import EventName
from tone_shootout.jobs.webhooks.models import Webhook, WebhookDelivery
from tone_shootout.jobs.webhooks.services import IssuedSecret

DeliveryState = Literal["pending", "delivered", "failed"]
DisabledReason = Literal["owner", "gone", "failing"]

_Url = Annotated[
    str,
    Meta(
        description="Where messages are sent to: `https://` and public; redirects are not followed.",
        examples=["https://studio.example.org/hooks/shootout"],
        min_length=1,
        max_length=1000,
    ),
]
_Description = Annotated[
    str,
    Meta(
        description="What you know it by, without control characters.",
        examples=["posts results to the band chat"],
        max_length=200,
        pattern=r"^[^\x00-\x1f\x7f]*$",
    ),
]
_Events = Annotated[
    list[EventName],
    Meta(
        description="What it hears of: `job.` and the status that one of your jobs has entered.",
        examples=[["job.completed", "job.failed"]],
        min_length=1,
        max_length=20,
    ),
]
_Enabled = Annotated[
    bool,
    Meta(
        description="False: nothing is sent, nothing is kept to be sent. True: what waits is sent now.", examples=[True]
    ),
]


class WebhookCreate(Struct, kw_only=True, forbid_unknown_fields=True):
    """A webhook to be made."""

    url: _Url
    description: _Description = ""
    events: _Events = msgspec.field(default_factory=lambda: ["job.completed", "job.failed", "job.cancelled"])


class WebhookUpdate(Struct, kw_only=True, forbid_unknown_fields=True):
    """What to change; the rest stays."""

    url: _Url | UnsetType = UNSET
    description: _Description | UnsetType = UNSET
    events: _Events | UnsetType = UNSET
    enabled: _Enabled | UnsetType = UNSET


class WebhookRead(Struct, kw_only=True):
    """An address of yours that hears of your jobs."""

    id: Annotated[UUID, Meta(description="The webhook's id.")]
    url: Annotated[str, Meta(description="Where messages are sent to.")]
    description: Annotated[str, Meta(description="What you know it by.")]
    events: Annotated[list[EventName], Meta(description="What it hears of.")]
    enabled: Annotated[bool, Meta(description="Whether messages are sent.", examples=[True])]
    disabled_reason: Annotated[
        DisabledReason | None,
        Meta(description="`owner`: you wanted it; `gone`: it answered 410; `failing`: nothing arrived for a day."),
    ]
    last_success_at: Annotated[datetime | None, Meta(description="When something last arrived.")]
    created_at: Annotated[datetime, Meta(description="When it was made.")]

    @classmethod
    def of(cls, webhook: Webhook) -> "WebhookRead":
        """Show a webhook to its owner, without what makes its signatures."""
        return cls(
            id=webhook.id,
            url=webhook.url,
            description=webhook.description,
            events=cast("list[EventName]", webhook.events),
            enabled=webhook.disabled_reason is None,
            disabled_reason=cast("DisabledReason | None", webhook.disabled_reason),
            last_success_at=webhook.succeeded_at,
            created_at=webhook.created_at,
        )


class WebhookSecretRead(Struct, kw_only=True):
    """A webhook with a fresh secret."""

    secret: Annotated[str, Meta(description="Verifies what is sent. Shown this once.", examples=["whsec_…"])]
    previous_until: Annotated[
        datetime | None, Meta(description="Until then messages carry a signature of the previous secret, too.")
    ]
    webhook: Annotated[WebhookRead, Meta(description="What is shown of it from now on.")]

    @classmethod
    def of(cls, issued: IssuedSecret) -> "WebhookSecretRead":
        """Show a secret for the first and last time."""
        return cls(
            secret=issued.secret,
            previous_until=issued.webhook.previous_until,
            webhook=WebhookRead.of(issued.webhook),
        )


class DeliveryAttemptRead(Struct, kw_only=True):
    """One try to deliver a message."""

    at: Annotated[datetime, Meta(description="When it was made.")]
    ms: Annotated[int, Meta(description="Milliseconds that it took.", examples=[84])]
    status: Annotated[int | None, Meta(description="The answer's HTTP status, if one came.", examples=[204])]
    error: Annotated[
        str | None,
        Meta(
            description="Why none came: `address_refused`, `not_reached`, `tls_failed`, `timeout`, `connection_lost`, "
            "`not_http`, `unreadable_secret`, `internal_error`.",
            examples=["timeout"],
        ),
    ]


class DeliveryRead(Struct, kw_only=True):
    """A message to a webhook."""

    id: Annotated[UUID, Meta(description="The delivery's id; the message's is `msg_` and its hexadecimal digits.")]
    type: Annotated[str, Meta(description="What it tells of.", examples=["job.completed"])]
    state: Annotated[DeliveryState, Meta(description="Whether it has arrived.")]
    attempts: Annotated[int, Meta(description="How often it was tried.", examples=[1])]
    next_attempt_at: Annotated[datetime | None, Meta(description="When it is tried next, while it is pending.")]
    last_attempt: Annotated[DeliveryAttemptRead | None, Meta(description="How it went last.")]
    created_at: Annotated[datetime, Meta(description="When what it tells of happened.")]

    @classmethod
    def of(cls, delivery: WebhookDelivery) -> "DeliveryRead":
        """Show a delivery."""
        attempts = _attempts(delivery)
        return cls(
            id=delivery.id,
            type=delivery.type,
            state=cast("DeliveryState", delivery.state),
            attempts=delivery.attempts,
            next_attempt_at=delivery.next_attempt_at,
            last_attempt=attempts[-1] if attempts else None,
            created_at=delivery.created_at,
        )


class DeliveryDetailRead(Struct, kw_only=True):
    """A message to a webhook, whole."""

    delivery: Annotated[DeliveryRead, Meta(description="As in the list.")]
    payload: Annotated[str, Meta(description="The body, as it is signed and sent.", examples=['{"type": …}'])]
    attempts: Annotated[list[DeliveryAttemptRead], Meta(description="How it went, the last 20 times.")]

    @classmethod
    def of(cls, delivery: WebhookDelivery) -> "DeliveryDetailRead":
        """Show a delivery with what was sent and how that went."""
        return cls(delivery=DeliveryRead.of(delivery), payload=delivery.payload, attempts=_attempts(delivery))


def _attempts(delivery: WebhookDelivery) -> list[DeliveryAttemptRead]:
    return msgspec.convert(delivery.log, list[DeliveryAttemptRead])
