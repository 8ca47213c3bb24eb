"""The summary of a completed job: what a list of jobs shows without reading the manifests."""

from collections.abc import Mapping
from typing import Annotated, Self

from msgspec import Meta, Struct

from tone_shootout.jobs.status import Phase
from tone_shootout.rendering.output.manifest import Manifest

DurationS = Annotated[float, Meta(ge=0)]


class JobSummary(Struct, frozen=True, kw_only=True):
    """Key figures of a completed job."""

    segments: Annotated[int, Meta(description="Number of segments.", examples=[6])]
    cache_hits: Annotated[int, Meta(description="Number of segments that were in the render cache.", examples=[0])]
    audio_s: Annotated[float, Meta(description="Length of all segments together, seconds.", examples=[48.0])]
    requested_lufs: Annotated[float, Meta(description="Requested loudness, LUFS.", examples=[-16.0])]
    target_lufs: Annotated[float, Meta(description="Common loudness of all segments, LUFS.", examples=[-16.0])]
    limiting_segment: Annotated[
        int | None,
        Meta(
            description="Position of the segment that limits the loudness to less than requested; null: none does.",
            examples=[2],
        ),
    ]
    notices: Annotated[int, Meta(description="Number of notices.", examples=[0])]
    elapsed_s: Annotated[float, Meta(description="Duration of the attempt, seconds.", examples=[5.2])]
    phases_s: Annotated[
        dict[Phase, DurationS],
        Meta(description="Duration of each phase of the attempt, seconds.", examples=[{"render": 2.1, "video": 1.6}]),
    ]

    @classmethod
    def of(cls, manifest: Manifest, phases_s: Mapping[Phase, float], *, notices: int) -> Self:
        """Return the summary of a result.

        Args:
            manifest: the result's manifest.
            phases_s: duration of each phase, in order.
            notices: number of the job's notices; the manifest has those of a grid once for each chain.
        """
        return cls(
            segments=len(manifest.segments),
            cache_hits=sum(segment.cache_hit for segment in manifest.segments),
            audio_s=round(sum(segment.samples / segment.sample_rate_hz for segment in manifest.segments), 3),
            requested_lufs=round(manifest.level.requested_lufs, 2),
            target_lufs=round(manifest.level.target_lufs, 2),
            limiting_segment=manifest.level.limiting_segment,
            notices=notices,
            elapsed_s=round(sum(phases_s.values()), 3),
            phases_s={phase: round(seconds, 3) for phase, seconds in phases_s.items()},
        )
