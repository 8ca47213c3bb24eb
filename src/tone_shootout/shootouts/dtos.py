"""Shootouts and plans as the API represents them."""

import math
from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self, cast
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from tone_shootout.kit.http.problems import Fault
from tone_shootout.rendering.engine.schedule import Step, schedule
from tone_shootout.rendering.notices import Notice
from tone_shootout.rendering.plan.planner import PlannedSegment
from tone_shootout.rendering.spec.leaves import files_of
from tone_shootout.rendering.spec.schema import ONE_LINE
from tone_shootout.shootouts.assets import WantedModel
from tone_shootout.shootouts.config import Config
from tone_shootout.shootouts.errors import CONFIG
from tone_shootout.shootouts.models import Shootout
from tone_shootout.shootouts.repositories import ShootoutRow
from tone_shootout.shootouts.services import (
    MAX_TITLE,
    Metadata,
    MetadataName,
    MetadataText,
    ShootoutSnapshot,
    Validation,
    Visibility,
)

_decode_config: Final = msgspec.json.Decoder(Config).decode

ShootoutOrder = Literal["created_at", "-created_at", "updated_at", "-updated_at", "title", "-title"]

Title = Annotated[str, Meta(min_length=1, max_length=MAX_TITLE, pattern=ONE_LINE)]
_Visibility = Annotated[
    Visibility,
    Meta(description="`public` lists its title and its owner's name for all users.", examples=["private"]),
]


class ShootoutCreate(Struct, kw_only=True, forbid_unknown_fields=True):
    """A shootout to create."""

    config: Annotated[Config, Meta(description="The config: what is compared.")]
    visibility: _Visibility = "private"
    metadata: Metadata = msgspec.field(default_factory=dict)
    submit: Annotated[bool, Meta(description="Whether to submit a job at once.", examples=[False])] = False


class ShootoutDuplicate(Struct, kw_only=True, forbid_unknown_fields=True):
    """How to duplicate a shootout."""

    title: Annotated[
        Title | None,
        Meta(
            description="Title of the duplicate. Default: the title with “ (copy)”.", examples=["Two crunches, louder"]
        ),
    ] = None
    submit: Annotated[bool, Meta(description="Whether to submit a job at once.", examples=[False])] = False


class ShootoutUpdate(Struct, kw_only=True, forbid_unknown_fields=True):
    """Changes to a shootout, a JSON merge patch (RFC 7396). Fields left out stay unchanged, at every level."""

    config: Annotated[
        dict[str, Any] | UnsetType,
        Meta(
            description="Changes to the config. Null removes a field, so that its default applies; a list replaces the "
            "whole list.",
            examples=[{"title": "Louder", "level": {"target_lufs": -14.0}}],
        ),
    ] = UNSET
    visibility: _Visibility | UnsetType = UNSET
    metadata: Annotated[
        dict[MetadataName, MetadataText | None] | UnsetType,
        Meta(description="Changes to the metadata. Null removes a text.", examples=[{"session": "2026-11-29"}]),
    ] = UNSET


class ShootoutLinks(Struct, kw_only=True):
    """Links of a shootout."""

    self: Annotated[str, Meta(description="The shootout.")]
    plan: Annotated[str, Meta(description="Its plan.")]
    jobs: Annotated[str, Meta(description="POST here to submit a job.")]


class ShootoutRead(Struct, kw_only=True):
    """A shootout."""

    id: Annotated[UUID, Meta(description="Id of the shootout.")]
    title: Annotated[str, Meta(description="Title of its config.", examples=["Two crunches"])]
    visibility: Annotated[Visibility, Meta(description="Whether its title is public.")]
    config: Annotated[Config, Meta(description="The config: what is compared.")]
    metadata: Metadata
    created_at: Annotated[datetime, Meta(description="When it was created.")]
    updated_at: Annotated[datetime, Meta(description="When it was last updated.")]
    links: Annotated[ShootoutLinks, Meta(description="Links.")]

    @classmethod
    def of(cls, shootout: Shootout | ShootoutRow) -> Self:
        """Return a shootout as its owner sees it."""
        path = shootout_path(shootout.id)
        if isinstance(shootout, ShootoutRow):
            config, metadata = _decode_config(shootout.config), msgspec.json.decode(shootout.labels)
        else:
            config, metadata = msgspec.convert(shootout.config, Config), shootout.labels
        return cls(
            id=shootout.id,
            title=shootout.title,
            visibility=cast(Visibility, shootout.visibility),  # the table's CHECK allows nothing else
            config=config,
            metadata=metadata,
            created_at=shootout.created_at,
            updated_at=shootout.updated_at,
            links=ShootoutLinks(
                self=path,
                plan=f"{path}/plan",
                jobs=f"{path}/jobs",
            ),
        )


class PublicShootoutLinks(Struct, kw_only=True):
    """Links of a public shootout."""

    self: Annotated[str | None, Meta(description="The shootout; null if it is not yours.")]


class PublicShootoutRead(Struct, kw_only=True):
    """A public shootout as all users see it."""

    id: Annotated[UUID, Meta(description="Id of the shootout.")]
    title: Annotated[str, Meta(description="Title of the shootout.", examples=["Two crunches"])]
    owner: Annotated[str, Meta(description="Name of its owner.", examples=["ada"])]
    created_at: Annotated[datetime, Meta(description="When it was created.")]
    links: Annotated[PublicShootoutLinks, Meta(description="Links.")]

    @classmethod
    def of(cls, shootout: Shootout, owner: str, reader_id: UUID) -> Self:
        """Return a shootout as a user sees it, who may own it."""
        path = shootout_path(shootout.id) if shootout.owner_id == reader_id else None
        return cls(
            id=shootout.id,
            title=shootout.title,
            owner=owner,
            created_at=shootout.created_at,
            links=PublicShootoutLinks(self=path),
        )


class PlannedSegmentRead(Struct, kw_only=True):
    """One DI track through one chain."""

    position: Annotated[int, Meta(description="Position in the plan, from 1.", examples=[1])]
    di_track: Annotated[str, Meta(description="Name of the DI track.", examples=["Riff in E"])]
    chain: Annotated[str, Meta(description="Name of the chain.", examples=["Plexi, V30"])]
    render_key: Annotated[
        str | None,
        Meta(description="Content hash of everything that shapes its samples; null while a file is to be downloaded."),
    ]
    duration_s: Annotated[float, Meta(description="Length in seconds.", examples=[8.0])]
    cache_hit: Annotated[bool, Meta(description="Whether the render cache has it.")]
    inferences: Annotated[
        int,
        Meta(
            description="Number of captures to run for it, without those whose output is cached or shared.",
            examples=[1],
        ),
    ]
    estimated_s: Annotated[
        float,
        Meta(description="Estimated rendering time on one core in seconds, without cached segments.", examples=[0.6]),
    ]
    calibration: Annotated[str, Meta(description="How the level into the first capture is set.")]

    @classmethod
    def of(cls, segment: PlannedSegment, step: Step | None, *, cache_hit: bool, is_known: bool) -> Self:
        """Return a segment's representation; `step` is the work to do for it, None if there is none."""
        return cls(
            position=segment.position,
            di_track=segment.di_name,
            chain=segment.chain_name,
            render_key=segment.render_key if is_known else None,
            duration_s=round(segment.seconds, 3),
            cache_hit=cache_hit,
            inferences=step.inferences if step else 0,
            estimated_s=round(step.cost, 3) if step else 0.0,
            calibration=segment.calibration,
        )


class NoticeRead(Struct, kw_only=True):
    """A remark on the comparison or on publishing it. It does not prevent rendering."""

    code: Annotated[str, Meta(description="Stable code for programs.", examples=["non_commercial_license"])]
    pointer: Annotated[
        str,
        Meta(description="JSON pointer into the shootout, to `/config/…`.", examples=["/config/chains/0/blocks/0"]),
    ]
    detail: Annotated[str, Meta(description="Explanation in one sentence.")]

    @classmethod
    def of(cls, notice: Notice) -> Self:
        """Return a notice's representation."""
        return cls(code=notice.code, pointer=f"{CONFIG}{notice.pointer}", detail=notice.detail)


class PlanRead(Struct, kw_only=True):
    """The plan of a shootout: all segments and their estimated cost."""

    segments: Annotated[list[PlannedSegmentRead], Meta(description="Every DI track through every chain.")]
    audio_s: Annotated[float, Meta(description="Length of all segments together in seconds.", examples=[16.0])]
    cache_hits: Annotated[int, Meta(description="Number of segments in the render cache.", examples=[0])]
    inferences: Annotated[int, Meta(description="Number of captures to run.", examples=[2])]
    estimated_s: Annotated[
        float,
        Meta(description="Estimated rendering time on one core in seconds, without cached segments.", examples=[1.2]),
    ]
    to_fetch: Annotated[
        list[WantedModel],
        Meta(description="Models of TONE3000 that the job downloads first. Values that depend on them are estimates."),
    ]
    notices: Annotated[list[NoticeRead], Meta(description="Notices.")]

    @classmethod
    def of(cls, snapshot: ShootoutSnapshot, cached: Collection[str]) -> Self:
        """Return the plan's representation; `cached` are the keys of audio in the render cache."""
        plan = snapshot.plan
        steps = {step.segment.position: step for steps in schedule(plan, cached) for step in steps}
        wanted = {model.file for model in snapshot.wanted}
        known = [wanted.isdisjoint(files_of(chain)) for chain in plan.spec.chains]
        segments = [
            PlannedSegmentRead.of(
                segment,
                steps.get(segment.position),
                cache_hit=segment.render_key in cached,
                is_known=known[segment.chain],
            )
            for segment in plan.segments
        ]
        return cls(
            segments=segments,
            audio_s=round(plan.seconds, 3),
            cache_hits=sum(segment.cache_hit for segment in segments),
            inferences=sum(segment.inferences for segment in segments),
            estimated_s=round(math.fsum(step.cost for step in steps.values()), 3),
            to_fetch=list(snapshot.wanted),
            notices=[NoticeRead.of(notice) for notice in snapshot.notices],
        )


class ValidationRead(Struct, kw_only=True):
    """Result of checking a config. Nothing was made."""

    valid: Annotated[bool, Meta(description="Whether a shootout with this config can be created.", examples=[True])]
    errors: Annotated[list[Fault], Meta(description="All errors, with JSON pointers into the body.")]
    notices: Annotated[list[NoticeRead], Meta(description="Notices; they do not prevent rendering.")]
    plan: Annotated[
        PlanRead | None, Meta(description="What a job would render and its cost; null if the config is not valid.")
    ]

    @classmethod
    def of(cls, validation: Validation, cached: Collection[str]) -> Self:
        """Return the result's representation; `cached` are the keys of audio in the render cache."""
        snapshot = validation.snapshot
        return cls(
            valid=snapshot is not None,
            errors=list(validation.errors),
            notices=[NoticeRead.of(notice) for notice in validation.notices],
            plan=None if snapshot is None else PlanRead.of(snapshot, cached),
        )


def shootout_path(shootout_id: UUID) -> str:
    """Return the URL path of a shootout."""
    return f"/api/v1/shootouts/{shootout_id}"
