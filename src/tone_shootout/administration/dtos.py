"""Maintenance mode and announcements in requests and responses."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from msgspec import Meta, Struct

from tone_shootout.administration.models import MAX_TEXT, Announcement, MaintenanceMode
from tone_shootout.kit.http.period import Time

ANNOUNCEMENTS_PATH = "/api/v1/admin/announcements"
TEXT_PATTERN = r"^[^\x00-\x09\x0b-\x1f\x7f]*$(?!\n)"
Severity = Literal["info", "warning", "critical"]


class MaintenanceRead(Struct, kw_only=True):
    """Maintenance mode."""

    active: Annotated[bool, Meta(description="Whether maintenance mode is on.")]
    message: Annotated[str, Meta(description="What users are told.", examples=["We move to larger disks."])]
    retry_after_s: Annotated[
        int | None, Meta(description="`Retry-After` of refused requests, in seconds; null while off.", examples=[600])
    ]
    workers_paused: Annotated[bool, Meta(description="Whether workers claim no further jobs.")]
    started_at: Annotated[datetime | None, Meta(description="When it was turned on; null while off.")]
    started_by: Annotated[str | None, Meta(description="User name of the administrator.", examples=["root"])]

    @classmethod
    def of(cls, mode: MaintenanceMode | None) -> Self:
        """Return the representation of maintenance mode; None: it is off."""
        if mode is None:
            return cls(
                active=False, message="", retry_after_s=None, workers_paused=False, started_at=None, started_by=None
            )
        return cls(
            active=True,
            message=mode.message,
            retry_after_s=mode.retry_after_s,
            workers_paused=mode.pauses_workers,
            started_at=mode.started_at,
            started_by=mode.started_by,
        )


class MaintenanceUpdate(Struct, kw_only=True, forbid_unknown_fields=True):
    """Maintenance mode to turn on."""

    message: Annotated[
        str,
        Meta(
            description="What users are told, in pages and in refused responses.",
            examples=["We move to larger disks, until about 16:00 UTC."],
            max_length=MAX_TEXT,
            pattern=TEXT_PATTERN,
        ),
    ] = ""
    retry_after_s: Annotated[
        int, Meta(ge=1, le=86_400, description="`Retry-After` of refused requests, in seconds.", examples=[600])
    ] = 600
    pause_workers: Annotated[
        bool, Meta(description="Let workers finish what runs and claim no further jobs.", examples=[True])
    ] = False


class AnnouncementLinks(Struct, kw_only=True):
    """Links of an announcement."""

    self: Annotated[str, Meta(description="The announcement, for administrators; DELETE to remove it.")]


class AnnouncementRead(Struct, kw_only=True):
    """An announcement."""

    id: Annotated[UUID, Meta(description="Id of the announcement.")]
    text: Annotated[str, Meta(description="Plain text.", examples=["New: stereo cab IRs."])]
    severity: Annotated[Severity, Meta(description="How much it matters.", examples=["info"])]
    starts_at: Annotated[datetime, Meta(description="From when it is shown.")]
    ends_at: Annotated[datetime | None, Meta(description="Until when it is shown; null: until it is deleted.")]
    links: Annotated[AnnouncementLinks, Meta(description="Links.")]

    @classmethod
    def of(cls, announcement: Announcement) -> Self:
        """Return the representation of an announcement."""
        return cls(
            id=announcement.id,
            text=announcement.text,
            severity=announcement.severity,  # type: ignore[arg-type]  # the table's CHECK allows no others
            starts_at=announcement.starts_at,
            ends_at=announcement.ends_at,
            links=AnnouncementLinks(self=f"{ANNOUNCEMENTS_PATH}/{announcement.id}"),
        )


class AnnouncementCreate(Struct, kw_only=True, forbid_unknown_fields=True):
    """A new announcement."""

    text: Annotated[
        str,
        Meta(
            description="Plain text, without markup.",
            examples=["New: stereo cab IRs."],
            min_length=1,
            max_length=MAX_TEXT,
            pattern=TEXT_PATTERN,
        ),
    ]
    severity: Annotated[Severity, Meta(description="How much it matters.", examples=["info"])] = "info"
    starts_at: Annotated[
        Time | None,
        Meta(description="From when it is shown. Default: now.", examples=["2026-11-29T14:00:00Z"]),
    ] = None
    ends_at: Annotated[
        Time | None,
        Meta(description="Until when it is shown. Default: until it is deleted.", examples=["2026-11-30T14:00:00Z"]),
    ] = None
