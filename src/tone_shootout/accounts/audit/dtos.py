"""The audit log in responses."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from msgspec import Meta, Struct

from tone_shootout.accounts.audit.models import AuditEvent
from tone_shootout.accounts.audit.services import AuditAction


class AuditEventRead(Struct, kw_only=True):
    """An event of the audit log."""

    at: Annotated[datetime, Meta(description="When it happened.")]
    action: Annotated[AuditAction, Meta(description="What happened.", examples=["role_changed"])]
    actor_id: Annotated[UUID | None, Meta(description="User who did it; null: not a user who was signed in.")]
    actor_name: Annotated[
        str | None,
        Meta(
            description="Name of that user at that time, or of a command on the server; null: nobody, or deleted.",
            examples=["root"],
        ),
    ]
    user_id: Annotated[UUID | None, Meta(description="User whom it concerns, if any.")]
    user_name: Annotated[
        str | None, Meta(description="Name of that user at that time; null: none, or deleted.", examples=["ada"])
    ]
    object_id: Annotated[
        str | None,
        Meta(
            description="Id of the token, session, job or announcement that it concerns, if any.",
            examples=["01a22705-e685-707e-87d2-b59b2421cf27"],
        ),
    ]
    data: Annotated[
        dict[str, Any],
        Meta(description="Details, depending on the action.", examples=[{"role": "administrator", "previous": "user"}]),
    ]
    request_id: Annotated[
        str | None,
        Meta(
            description="`X-Request-ID` of the request, as in the logs.", examples=["4f1d3c0a9be2477d8a55c6e0f1b2d3c4"]
        ),
    ]
    address: Annotated[str | None, Meta(description="IP address of the client.", examples=["192.0.2.7"])]

    @classmethod
    def of(cls, event: AuditEvent) -> Self:
        """Return the representation of an event."""
        return cls(
            at=event.at,
            action=event.action,  # type: ignore[arg-type]  # `AuditLog` writes no others
            actor_id=event.actor_id,
            actor_name=event.actor_name,
            user_id=event.user_id,
            user_name=event.user_name,
            object_id=event.object_id,
            data=event.data,
            request_id=event.request_id,
            address=event.address,
        )
