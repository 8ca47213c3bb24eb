"""Request and response bodies of shares."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final, Literal, Self, cast
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from tone_shootout.listening.shares.addresses import embed_path, page_path
from tone_shootout.listening.shares.facts import SharedFacts, SharedLevel, SharedSegment
from tone_shootout.listening.shares.models import MAX_NOTES, MAX_TITLE, Share
from tone_shootout.listening.shares.services import SharedFile
from tone_shootout.validation import ONE_LINE

SHARES: Final = "/api/v1/shares"

ShareVisibility = Literal["unlisted", "public"]

_Visibility = Annotated[
    ShareVisibility,
    Meta(description="`unlisted`: for those who have the link. `public`: listed for everybody.", examples=["unlisted"]),
]
_Title = Annotated[
    str,
    Meta(
        description="Title of the share.",
        examples=["Two crunches"],
        min_length=1,
        max_length=MAX_TITLE,
        pattern=ONE_LINE,
    ),
]
_Notes = Annotated[
    str,
    Meta(
        description="Text beside the sound, published as plain text.",
        examples=["Bridge pickup, no pedal."],
        max_length=MAX_NOTES,
        pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$",
    ),
]


class ShareCreate(Struct, kw_only=True, forbid_unknown_fields=True):
    """How to share a job."""

    visibility: _Visibility = "unlisted"
    title: Annotated[
        _Title | None, Meta(description="Title of the share. Default: the job's.", examples=["Two crunches"])
    ] = None
    notes: _Notes = ""


class ShareUpdate(Struct, kw_only=True, forbid_unknown_fields=True):
    """Fields to change; others keep their value."""

    visibility: _Visibility | UnsetType = UNSET
    title: _Title | UnsetType = UNSET
    notes: _Notes | UnsetType = UNSET


class ShareLinks(Struct, kw_only=True):
    """Links of a share."""

    self: Annotated[str, Meta(description="The share.", examples=[f"{SHARES}/q3ZlN7c0Yx8aB1uT"])]
    page: Annotated[str, Meta(description="Its page for people.", examples=["/s/q3ZlN7c0Yx8aB1uT"])]
    embed: Annotated[
        str, Meta(description="Its player alone, which other sites may frame.", examples=["/embed/q3ZlN7c0Yx8aB1uT"])
    ]
    tests: Annotated[str, Meta(description="Its listening tests.", examples=[f"{SHARES}/q3ZlN7c0Yx8aB1uT/tests"])]
    files: Annotated[str, Meta(description="Its files, by their paths.", examples=[f"{SHARES}/q3ZlN7c0Yx8aB1uT/files"])]
    picture: Annotated[
        str | None,
        Meta(description="Its picture; null: it has none.", examples=[f"{SHARES}/q3ZlN7c0Yx8aB1uT/picture"]),
    ]
    poster: Annotated[
        str | None,
        Meta(
            description="Image of 1200 × 630 pixels for previews of links; null: the job is of an earlier version.",
            examples=[f"{SHARES}/q3ZlN7c0Yx8aB1uT/files/listen/poster.png"],
        ),
    ]

    @classmethod
    def of(cls, share: Share) -> Self:
        """Return the links of a share."""
        path = share_path(share.slug)
        return cls(
            self=path,
            page=page_path(share.slug),
            embed=embed_path(share.slug),
            tests=f"{path}/tests",
            files=f"{path}/files",
            picture=f"{path}/picture" if share.picture_sha256 else None,
            poster=f"{path}/files/{poster}" if (poster := share.facts.get("poster")) else None,
        )


class ShareItemRead(Struct, kw_only=True):
    """A share in a list."""

    slug: Annotated[str, Meta(description="Address of the share.", examples=["q3ZlN7c0Yx8aB1uT"])]
    visibility: Annotated[ShareVisibility, Meta(description="Who finds it.", examples=["unlisted"])]
    title: Annotated[str, Meta(description="Title.", examples=["Two crunches"])]
    segments: Annotated[int, Meta(description="Number of segments.", examples=[6])]
    job_id: Annotated[UUID | None, Meta(description="The job; null in lists for everybody.")]
    created_at: Annotated[datetime, Meta(description="Time of publication.")]
    links: Annotated[ShareLinks, Meta(description="Links.")]

    @classmethod
    def of(cls, share: Share, *, for_owner: bool) -> Self:
        """Return a share as an item of a list."""
        return cls(
            slug=share.slug,
            visibility=cast("ShareVisibility", share.visibility),
            title=share.title,
            segments=len(share.facts["segments"]),
            job_id=share.job_id if for_owner else None,
            created_at=share.created_at,
            links=ShareLinks.of(share),
        )


class SharedFileRead(Struct, kw_only=True):
    """A file of a share."""

    path: Annotated[str, Meta(description="Path.", examples=["segments/01-riff-in-e--plexi-v30.flac"])]
    media_type: Annotated[str, Meta(description="Media type.", examples=["audio/flac"])]
    size_bytes: Annotated[int, Meta(description="Size.", examples=[775_161])]
    sha256: Annotated[str, Meta(description="SHA-256 of the content, also its `ETag`.")]


class ShareRead(Struct, kw_only=True):
    """A share: everything that is public of a job."""

    slug: Annotated[str, Meta(description="Address of the share.", examples=["q3ZlN7c0Yx8aB1uT"])]
    visibility: Annotated[ShareVisibility, Meta(description="Who finds it.", examples=["unlisted"])]
    title: Annotated[str, Meta(description="Title.", examples=["Two crunches"])]
    notes: Annotated[str, Meta(description="Text beside the sound.", examples=["Bridge pickup, no pedal."])]
    level: Annotated[SharedLevel, Meta(description="The level match.")]
    segments: Annotated[list[SharedSegment], Meta(description="All segments.")]
    credits: Annotated[
        list[str],
        Meta(
            description="Authors and licenses of captures and cab IRs, to publish with the sound.",
            examples=[["“Plexi” by valve-shed (CC BY 4.0)"]],
        ),
    ]
    files: Annotated[list[SharedFileRead], Meta(description="All files that are public.")]
    created_at: Annotated[datetime, Meta(description="Time of publication.")]
    updated_at: Annotated[datetime, Meta(description="Time of the last change.")]
    links: Annotated[ShareLinks, Meta(description="Links.")]

    @classmethod
    def of(cls, share: Share, files: Sequence[SharedFile]) -> Self:
        """Return a share with its public files."""
        facts = msgspec.convert(share.facts, SharedFacts)
        return cls(
            slug=share.slug,
            visibility=cast("ShareVisibility", share.visibility),
            title=share.title,
            notes=share.notes,
            level=facts.level,
            segments=list(facts.segments),
            credits=list(facts.credits),
            files=[
                SharedFileRead(path=each.path, media_type=each.media_type, size_bytes=each.size, sha256=each.sha256)
                for each in files
            ],
            created_at=share.created_at,
            updated_at=share.updated_at,
            links=ShareLinks.of(share),
        )


def share_path(slug: str) -> str:
    """Return the URL path of a share."""
    return f"{SHARES}/{slug}"
