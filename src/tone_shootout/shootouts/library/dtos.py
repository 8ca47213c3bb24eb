"""Library items as the API represents them."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from tone_shootout.rendering.media_info import CaptureInfo, Kind, MediaInfo
from tone_shootout.rendering.spec.schema import GearType
from tone_shootout.shootouts.library.models import ItemRow, LibraryItem
from tone_shootout.shootouts.library.provenance import Provenance
from tone_shootout.shootouts.library.quota import Bounds, Usage
from tone_shootout.shootouts.library.tags import Tags
from tone_shootout.shootouts.library.uploads import ItemName, Notes

ItemOrder = Literal["created_at", "-created_at", "name", "-name", "size_bytes", "-size_bytes"]


class ItemSource(Provenance, frozen=True, kw_only=True):
    """Source of an imported library item."""

    gone_at: Annotated[
        datetime | None,
        Meta(description="When TONE3000 was found not to show it to you any more. The item stays usable."),
    ]

    @classmethod
    def of_item(cls, item: LibraryItem | ItemRow) -> Self | None:
        """Return the source of an item; None: it was uploaded."""
        source = item.provenance
        return None if source is None else cls(**msgspec.structs.asdict(source), gone_at=item.source_gone_at)


class ItemLinks(Struct, kw_only=True):
    """Links of a library item."""

    self: Annotated[str, Meta(description="The item.")]
    content: Annotated[str, Meta(description="The item's file.")]
    usage: Annotated[str, Meta(description="The shootouts that use the item.")]
    picture: Annotated[
        str | None,
        Meta(
            description="The picture of its gear; null: it has none.",
            examples=["/api/v1/library/0197a6c2-5d5e-7b1a-8f3c-2b9d64e0a111/picture"],
        ),
    ]


class UsageRead(Struct, kw_only=True):
    """Your storage usage and limits."""

    library_bytes: Annotated[int, Meta(description="Size of your library's files in bytes.", examples=[48_000_000])]
    results_bytes: Annotated[int, Meta(description="Size of your jobs' results in bytes.", examples=[120_000_000])]
    max_bytes: Annotated[
        int | None, Meta(description="Limit for both together in bytes; null: no limit.", examples=[20_000_000_000])
    ]
    used_items: Annotated[int, Meta(description="Number of items in your library.", examples=[12])]
    max_items: Annotated[
        int | None, Meta(description="Limit for the number of items; null: no limit.", examples=[5000])
    ]

    @classmethod
    def of(cls, usage: Usage, bounds: Bounds) -> Self:
        """Return usage and limits."""
        return cls(
            library_bytes=usage.library_bytes,
            results_bytes=usage.results_bytes,
            max_bytes=bounds.stated_max_bytes,
            used_items=usage.items,
            max_items=bounds.stated_max_items,
        )


class LibraryItemRead(Struct, kw_only=True):
    """A library item."""

    id: Annotated[UUID, Meta(description="Id of the item, used as `asset` in a config.")]
    kind: Annotated[Kind, Meta(description="Kind of the item.", examples=["di_track"])]
    name: Annotated[str, Meta(description="Name in the library.", examples=["Riff in E"])]
    notes: Annotated[str, Meta(description="Your notes.")]
    tags: Annotated[list[str], Meta(description="Tags, sorted.", examples=[["clean", "edge of breakup"]])]
    gear: Annotated[
        str | None,
        Meta(
            description="Gear type of a capture, which the chain grammar uses: as you state it, else TONE3000, else "
            "the file. Null: unknown, or no capture.",
            examples=["amp"],
        ),
    ]
    filename: Annotated[str, Meta(description="Name of the uploaded file.", examples=["riff.wav"])]
    size_bytes: Annotated[int, Meta(description="Size of the file in bytes.", examples=[1_152_044])]
    sha256: Annotated[str, Meta(description="SHA-256 of the file, also its ETag.")]
    media_type: Annotated[str, Meta(description="Media type, detected from the content.", examples=["audio/wav"])]
    facts: Annotated[MediaInfo, Meta(description="Media info, from decoding the file.")]
    source: Annotated[
        ItemSource | None, Meta(description="The model of TONE3000 it was imported from; null: uploaded.")
    ]
    created_at: Annotated[datetime, Meta(description="When it was added.")]
    updated_at: Annotated[datetime, Meta(description="When it was last updated.")]
    links: Annotated[ItemLinks, Meta(description="Links.")]

    @classmethod
    def of(cls, item: LibraryItem | ItemRow) -> Self:
        """Return an item's representation."""
        path, info = item_path(item.id), item.published_info
        return cls(
            id=item.id,
            kind=msgspec.convert(item.kind, Kind),
            name=item.name,
            notes=item.notes,
            tags=item.tags,
            gear=info.catalog_gear or info.gear if isinstance(info, CaptureInfo) else None,
            filename=item.filename,
            size_bytes=item.size,
            sha256=item.sha256,
            media_type=item.media_type,
            facts=info,
            source=ItemSource.of_item(item),
            created_at=item.created_at,
            updated_at=item.updated_at,
            links=ItemLinks(
                self=path,
                content=f"{path}/content",
                usage=f"{path}/usage",
                picture=f"{path}/picture" if item.picture_sha256 else None,
            ),
        )


class LibraryItemUpdate(Struct, kw_only=True, forbid_unknown_fields=True):
    """Changes to a library item. Fields left out stay unchanged."""

    kind: Annotated[
        Kind | UnsetType,
        Meta(description="Kind of the file, which is decoded again as one.", examples=["cab_ir"]),
    ] = UNSET
    name: ItemName | UnsetType = UNSET
    notes: Notes | UnsetType = UNSET
    tags: Annotated[Tags | UnsetType, Meta(description="The new tags, complete.")] = UNSET
    gear: Annotated[
        GearType | UnsetType | None,
        Meta(
            description="Gear type of a capture; null: that of TONE3000 or of the file.",
            examples=["amp"],
        ),
    ] = UNSET


def item_path(item_id: UUID) -> str:
    """Return the URL path of a library item."""
    return f"/api/v1/library/{item_id}"
