"""Library items, shootouts and plans as clients see them."""

import math
from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from tone_shootout.rendering.engine.schedule import Step, schedule
from tone_shootout.rendering.media_info import Kind, MediaInfo
from tone_shootout.rendering.notices import Notice
from tone_shootout.rendering.plan.planner import PlannedSegment
from tone_shootout.rendering.spec.schema import files_of
from tone_shootout.shootouts.assets import WantedModel, facts_of
from tone_shootout.shootouts.config import Config
from tone_shootout.shootouts.library.provenance import Provenance
from tone_shootout.shootouts.library.quota import ENDLESS, StorageQuota, Usage
from tone_shootout.shootouts.library.uploads import ItemName, Notes
from tone_shootout.shootouts.models import LibraryItem, Shootout
from tone_shootout.shootouts.services import Snapshot, Visibility

ItemOrder = Literal["created_at", "-created_at", "name", "-name", "size", "-size"]
ShootoutOrder = Literal["created_at", "-created_at", "updated_at", "-updated_at", "title", "-title"]

_Visibility = Annotated[
    Visibility,
    Meta(description="`public`: its title and its owner's name are listed for every user.", examples=["private"]),
]


class ItemSource(Provenance, frozen=True, kw_only=True):
    """Where a library item comes from."""

    gone_at: Annotated[
        datetime | None,
        Meta(description="When it was noticed that TONE3000 does not show it to you any more. The item stays usable."),
    ]

    @classmethod
    def of_item(cls, item: LibraryItem) -> Self | None:
        """Show where an item comes from; None: it was uploaded."""
        if item.provenance is None:
            return None
        return cls(**msgspec.structs.asdict(item.provenance), gone_at=item.source_gone_at)


class ItemLinks(Struct, kw_only=True):
    """Where to go from a library item."""

    self: Annotated[str, Meta(description="The item.")]
    content: Annotated[str, Meta(description="Its file.")]


class UsageRead(Struct, kw_only=True):
    """What is stored for you, and what may be."""

    library_bytes: Annotated[int, Meta(description="Bytes of your library's files.", examples=[48_000_000])]
    results_bytes: Annotated[int, Meta(description="Bytes of your jobs' results.", examples=[120_000_000])]
    max_bytes: Annotated[
        int | None, Meta(description="Bytes that both may have together; null: any number.", examples=[20_000_000_000])
    ]
    items: Annotated[int, Meta(description="Items in your library.", examples=[12])]
    max_items: Annotated[int | None, Meta(description="Items that there may be; null: any number.", examples=[5000])]

    @classmethod
    def of(cls, usage: Usage, quota: StorageQuota) -> Self:
        """Show it."""
        return cls(
            library_bytes=usage.library_bytes,
            results_bytes=usage.results_bytes,
            max_bytes=None if quota.max_bytes == ENDLESS else quota.max_bytes,
            items=usage.items,
            max_items=None if quota.max_items == ENDLESS else quota.max_items,
        )


class LibraryItemRead(Struct, kw_only=True):
    """A library item."""

    id: Annotated[UUID, Meta(description="The item's id: an `asset` of a config.")]
    kind: Annotated[Kind, Meta(description="What it is.", examples=["di_track"])]
    name: Annotated[str, Meta(description="What you call it.", examples=["Riff in E"])]
    notes: Annotated[str, Meta(description="What you want to remember about it.")]
    filename: Annotated[str, Meta(description="What the file was called.", examples=["riff.wav"])]
    size: Annotated[int, Meta(description="Bytes.", examples=[1_152_044])]
    sha256: Annotated[str, Meta(description="Its hash, which is the content's ETag too.")]
    media_type: Annotated[str, Meta(description="What the file turned out to be.", examples=["audio/wav"])]
    facts: Annotated[MediaInfo, Meta(description="What decoding it has shown.")]
    source: Annotated[ItemSource | None, Meta(description="The model of TONE3000 that it is; null: uploaded.")]
    created_at: Annotated[datetime, Meta(description="When it came into the library.")]
    updated_at: Annotated[datetime, Meta(description="When it was changed last.")]
    links: Annotated[ItemLinks, Meta(description="Where to go from here.")]

    @classmethod
    def of(cls, item: LibraryItem) -> Self:
        """Show an item."""
        path = item_path(item.id)
        return cls(
            id=item.id,
            kind=msgspec.convert(item.kind, Kind),
            name=item.name,
            notes=item.notes,
            filename=item.filename,
            size=item.size,
            sha256=item.sha256,
            media_type=item.media_type,
            facts=facts_of(item),
            source=ItemSource.of_item(item),
            created_at=item.created_at,
            updated_at=item.updated_at,
            links=ItemLinks(self=path, content=f"{path}/content"),
        )


class LibraryItemUpdate(Struct, kw_only=True, forbid_unknown_fields=True):
    """What can be changed of a library item; what is left out stays as it is."""

    name: ItemName | UnsetType = UNSET
    notes: Notes | UnsetType = UNSET


class ShootoutCreate(Struct, kw_only=True, forbid_unknown_fields=True):
    """A shootout to be made."""

    config: Annotated[Config, Meta(description="What is compared.")]
    visibility: _Visibility = "private"
    submit: Annotated[bool, Meta(description="Submit its first job in the same step.", examples=[False])] = False


class ShootoutUpdate(Struct, kw_only=True, forbid_unknown_fields=True):
    """What can be changed of a shootout; what is left out stays as it is."""

    config: Annotated[Config | UnsetType, Meta(description="What is compared, all of it.")] = UNSET
    visibility: _Visibility | UnsetType = UNSET


class ShootoutLinks(Struct, kw_only=True):
    """Where to go from a shootout."""

    self: Annotated[str, Meta(description="The shootout.")]
    plan: Annotated[str, Meta(description="Its plan.")]
    jobs: Annotated[str, Meta(description="POST here to submit a job.")]
    job: Annotated[str | None, Meta(description="The job that was submitted with it, where that was asked for.")]


class ShootoutRead(Struct, kw_only=True):
    """A shootout."""

    id: Annotated[UUID, Meta(description="The shootout's id.")]
    title: Annotated[str, Meta(description="Its config's title.", examples=["Two crunches"])]
    visibility: Annotated[Visibility, Meta(description="Who sees its title.")]
    config: Annotated[Config, Meta(description="What is compared.")]
    created_at: Annotated[datetime, Meta(description="When it was made.")]
    updated_at: Annotated[datetime, Meta(description="When it was changed last.")]
    links: Annotated[ShootoutLinks, Meta(description="Where to go from here.")]

    @classmethod
    def of(cls, shootout: Shootout, *, job_id: UUID | None = None) -> Self:
        """Show a shootout to its owner."""
        path = shootout_path(shootout.id)
        return cls(
            id=shootout.id,
            title=shootout.title,
            visibility=msgspec.convert(shootout.visibility, Visibility),
            config=msgspec.convert(shootout.config, Config),
            created_at=shootout.created_at,
            updated_at=shootout.updated_at,
            links=ShootoutLinks(
                self=path,
                plan=f"{path}/plan",
                jobs=f"{path}/jobs",
                job=None if job_id is None else f"/api/v1/jobs/{job_id}",
            ),
        )


class PublicShootoutRead(Struct, kw_only=True):
    """What everybody sees of a public shootout."""

    id: Annotated[UUID, Meta(description="The shootout's id.")]
    title: Annotated[str, Meta(description="What it is called.", examples=["Two crunches"])]
    owner: Annotated[str, Meta(description="Who made it.", examples=["ada"])]
    created_at: Annotated[datetime, Meta(description="When it was made.")]

    @classmethod
    def of(cls, shootout: Shootout, owner: str) -> Self:
        """Show a shootout to everybody."""
        return cls(id=shootout.id, title=shootout.title, owner=owner, created_at=shootout.created_at)


class PlannedSegmentRead(Struct, kw_only=True):
    """One DI track through one chain."""

    position: Annotated[int, Meta(description="Its place, from 1.", examples=[1])]
    di_track: Annotated[str, Meta(description="What the DI track is called.", examples=["Riff in E"])]
    chain: Annotated[str, Meta(description="What the chain is called.", examples=["Plexi, V30"])]
    render_key: Annotated[
        str | None,
        Meta(description="Content hash of everything that shapes its samples; null while a file has to be fetched."),
    ]
    seconds: Annotated[float, Meta(description="Its length.", examples=[8.0])]
    cache_hit: Annotated[bool, Meta(description="Whether it was rendered before and is still there.")]
    inferences: Annotated[
        int, Meta(description="Captures that have to run for it: none whose sound is there or shared.", examples=[1])
    ]
    estimated_s: Annotated[
        float, Meta(description="Estimated seconds of rendering what is not there, on one core.", examples=[0.6])
    ]
    calibration: Annotated[str, Meta(description="How the drive into the first capture is set.")]

    @classmethod
    def of(cls, segment: PlannedSegment, step: Step | None, *, cache_hit: bool, is_known: bool) -> Self:
        """Show a segment of a plan; `step` is what has to be done for it, if anything."""
        return cls(
            position=segment.position,
            di_track=segment.di_name,
            chain=segment.chain_name,
            render_key=segment.render_key if is_known else None,
            seconds=segment.seconds,
            cache_hit=cache_hit,
            inferences=step.inferences if step else 0,
            estimated_s=round(step.cost, 3) if step else 0.0,
            calibration=segment.calibration,
        )


class NoticeRead(Struct, kw_only=True):
    """Something to know before comparing or publishing; nothing that stops a rendering."""

    code: Annotated[str, Meta(description="Stable, for programs.", examples=["non_commercial_licence"])]
    pointer: Annotated[str, Meta(description="JSON pointer into the config.", examples=["/chains/0/blocks/0"])]
    detail: Annotated[str, Meta(description="One sentence for people.")]

    @classmethod
    def of(cls, notice: Notice) -> Self:
        """Show a notice."""
        return cls(code=notice.code, pointer=notice.pointer, detail=notice.detail)


class PlanRead(Struct, kw_only=True):
    """A shootout's expansion, before anything runs."""

    segments: Annotated[list[PlannedSegmentRead], Meta(description="Every DI track through every chain.")]
    seconds: Annotated[float, Meta(description="Seconds of audio in all segments.", examples=[16.0])]
    cache_hits: Annotated[int, Meta(description="How many of them were rendered before.", examples=[0])]
    inferences: Annotated[int, Meta(description="Captures that have to run.", examples=[2])]
    estimated_s: Annotated[
        float, Meta(description="Estimated seconds of rendering what is not there, on one core.", examples=[1.2])
    ]

    to_fetch: Annotated[
        list[WantedModel],
        Meta(description="Models of TONE3000 that the job fetches first. What depends on them is estimated."),
    ]
    notices: Annotated[list[NoticeRead], Meta(description="What to know before comparing or publishing.")]

    @classmethod
    def of(cls, snapshot: Snapshot, there: Collection[str]) -> Self:
        """Show a shootout's plan, when the sounds whose keys are `there` need not be made."""
        plan = snapshot.plan
        steps = {step.segment.position: step for steps in schedule(plan, there) for step in steps}
        wanted = {model.file for model in snapshot.wanted}
        known = [wanted.isdisjoint(files_of(chain)) for chain in plan.spec.chains]
        segments = [
            PlannedSegmentRead.of(
                segment,
                steps.get(segment.position),
                cache_hit=segment.render_key in there,
                is_known=known[segment.chain],
            )
            for segment in plan.segments
        ]
        return cls(
            segments=segments,
            seconds=plan.seconds,
            cache_hits=sum(segment.cache_hit for segment in segments),
            inferences=sum(segment.inferences for segment in segments),
            estimated_s=round(math.fsum(step.cost for step in steps.values()), 3),
            to_fetch=list(snapshot.wanted),
            notices=[NoticeRead.of(notice) for notice in snapshot.notices],
        )


def item_path(item_id: UUID) -> str:
    """Return the address of a library item."""
    return f"/api/v1/library/{item_id}"


def shootout_path(shootout_id: UUID) -> str:
    """Return the address of a shootout."""
    return f"/api/v1/shootouts/{shootout_id}"
