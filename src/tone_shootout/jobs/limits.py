"""REST endpoint of the limits that apply to a user."""

from typing import Annotated, Self

from litestar import Controller, get
from litestar.di import NamedDependency
from msgspec import Meta, Struct

from tone_shootout.accounts.principal import Principal
from tone_shootout.jobs.services import JobService
from tone_shootout.kit.http.problems import problems
from tone_shootout.kit.settings import Settings
from tone_shootout.shootouts.library.quota import Bounds, Usage
from tone_shootout.shootouts.library.services import LibraryService


class UploadLimits(Struct, kw_only=True):
    """Limits of one file, and of one request with several."""

    max_file_bytes: Annotated[int, Meta(description="Largest DI track or cab IR.", examples=[200_000_000])]
    max_capture_bytes: Annotated[int, Meta(description="Largest capture.", examples=[16_000_000])]
    max_batch_files: Annotated[int, Meta(description="Files in one request, with those of archives.", examples=[100])]
    max_batch_bytes: Annotated[
        int,
        Meta(description="Largest request with several files, and content of its archives.", examples=[500_000_000]),
    ]
    max_di_track_s: Annotated[float, Meta(description="Longest DI track, seconds.", examples=[600.0])]
    max_cab_ir_s: Annotated[float, Meta(description="Longest impulse response, seconds.", examples=[10.0])]


class ShootoutLimits(Struct, kw_only=True):
    """Limits of one shootout."""

    max_di_tracks: Annotated[int, Meta(description="DI tracks.", examples=[8])]
    max_chains: Annotated[int, Meta(description="Chains, with those of a grid.", examples=[16])]
    max_segments: Annotated[int, Meta(description="Segments: DI tracks times chains.", examples=[64])]


class StorageLimits(Struct, kw_only=True):
    """Your storage quota, and what you use of it."""

    max_bytes: Annotated[
        int | None, Meta(description="Library and results together; null: no limit.", examples=[20_000_000_000])
    ]
    used_bytes: Annotated[int, Meta(description="Library and results together.", examples=[168_000_000])]
    free_bytes: Annotated[int | None, Meta(description="What is left; null: no limit.", examples=[19_832_000_000])]
    max_items: Annotated[int | None, Meta(description="Items in your library; null: no limit.", examples=[5000])]
    used_items: Annotated[int, Meta(description="Items in your library.", examples=[12])]
    free_items: Annotated[int | None, Meta(description="What is left; null: no limit.", examples=[4988])]

    @classmethod
    def of(cls, usage: Usage, bounds: Bounds) -> Self:
        """Return limits and usage."""
        max_bytes, max_items = bounds.stated_max_bytes, bounds.stated_max_items
        return cls(
            max_bytes=max_bytes,
            used_bytes=usage.bytes,
            free_bytes=None if max_bytes is None else max(0, max_bytes - usage.bytes),
            max_items=max_items,
            used_items=usage.items,
            free_items=None if max_items is None else max(0, max_items - usage.items),
        )


class JobLimits(Struct, kw_only=True):
    """Limits of your jobs, and how many you have."""

    max_unfinished: Annotated[int, Meta(description="Unfinished jobs; further ones are rejected.", examples=[100])]
    unfinished: Annotated[int, Meta(description="Your unfinished jobs.", examples=[1])]
    max_running: Annotated[int, Meta(description="Jobs that run at a time; further ones wait.", examples=[4])]
    max_attempt_s: Annotated[int, Meta(description="Longest attempt at a job, seconds.", examples=[3600])]
    max_streams: Annotated[
        int | None,
        Meta(description="Open event streams in one process of the service; null: no limit.", examples=[1000]),
    ]


class RequestLimits(Struct, kw_only=True):
    """Limits of requests. `RateLimit` in each response tells what is left."""

    max_body_bytes: Annotated[int, Meta(description="Largest JSON body.", examples=[1_000_000])]
    max_per_minute: Annotated[
        int | None, Meta(description="Your requests in a minute; null: no limit.", examples=[1500])
    ]
    max_per_minute_and_address: Annotated[
        int | None,
        Meta(description="Requests from one IP address in a minute; null: no limit.", examples=[3000]),
    ]


class LimitsRead(Struct, kw_only=True):
    """What this service allows you."""

    upload: Annotated[UploadLimits, Meta(description="Limits of uploads.")]
    shootout: Annotated[ShootoutLimits, Meta(description="Limits of a shootout.")]
    storage: Annotated[StorageLimits, Meta(description="Your storage.")]
    jobs: Annotated[JobLimits, Meta(description="Your jobs.")]
    requests: Annotated[RequestLimits, Meta(description="Requests.")]

    @classmethod
    def of(cls, settings: Settings, bounds: Bounds, usage: Usage, *, unfinished: int, max_unfinished: int) -> Self:
        """Return the limits of an installation for a user."""
        limits = settings.limits
        return cls(
            upload=UploadLimits(
                max_file_bytes=limits.upload_bytes,
                max_capture_bytes=min(limits.capture_bytes, limits.upload_bytes),
                max_batch_files=limits.batch_files,
                max_batch_bytes=limits.batch_bytes,
                max_di_track_s=limits.di_seconds,
                max_cab_ir_s=limits.ir_seconds,
            ),
            shootout=ShootoutLimits(
                max_di_tracks=limits.di_tracks, max_chains=limits.chains, max_segments=limits.segments
            ),
            storage=StorageLimits.of(usage, bounds),
            jobs=JobLimits(
                max_unfinished=max_unfinished,
                unfinished=unfinished,
                max_running=limits.running_jobs,
                max_attempt_s=settings.worker.timeout_s,
                max_streams=limits.streams or None,
            ),
            requests=RequestLimits(
                max_body_bytes=limits.body_bytes,
                max_per_minute=limits.requests_per_minute or None,
                max_per_minute_and_address=limits.address_requests_per_minute or None,
            ),
        )


class LimitsController(Controller):
    """Limits."""

    path = "/api/v1/limits"
    tags = ("accounts",)

    @get(operation_id="get_limits", summary="Get your limits", responses=problems(400, 401))
    async def get_limits(
        self,
        principal: NamedDependency[Principal],
        settings: NamedDependency[Settings],
        library: NamedDependency[LibraryService],
        jobs: NamedDependency[JobService],
    ) -> LimitsRead:
        """Return what this service allows you, and what you use of it."""
        usage = await library.usage(principal.user_id)
        return LimitsRead.of(
            settings,
            await library.bounds(principal.user_id),
            usage,
            unfinished=await jobs.count_unfinished(principal.user_id),
            max_unfinished=await jobs.max_unfinished(principal.user_id),
        )
