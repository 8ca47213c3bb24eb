"""What is public of a job's results: levels, measures and credits from the manifest, and which files."""

import re
from typing import Annotated, Final, Self

from msgspec import Meta, Struct

from tone_shootout.precision import rounded
from tone_shootout.rendering.listening_page.poster import POSTER_NAME
from tone_shootout.rendering.output.manifest import Manifest, SegmentRecord

PUBLIC_FILES: Final = re.compile(r"listen/[^/]+\.(js|css|png)|segments/[^/]+\.flac|plots/[^/]+\.(png|svg)")
"""Paths of results that a share shows. All others stay with the owner: the manifest and the listening page of the
result name the inputs. The page of the share is made from them without these names (`public_page`)."""


class SharedLevel(Struct, frozen=True, kw_only=True):
    """The level match."""

    requested_lufs: Annotated[float, Meta(description="Requested loudness, LUFS.", examples=[-16.0])]
    target_lufs: Annotated[float, Meta(description="Common loudness of all segments, LUFS.", examples=[-16.0])]
    ceiling_dbtp: Annotated[float, Meta(description="Highest true peak, dBTP.", examples=[-1.0])]


class SharedSegment(Struct, frozen=True, kw_only=True):
    """One DI track through one chain."""

    position: Annotated[int, Meta(description="Position, from 1.", examples=[1])]
    di_track: Annotated[str, Meta(description="Name of the DI track.", examples=["Riff in E"])]
    chain: Annotated[str, Meta(description="Name of the chain.", examples=["Plexi, V30"])]
    file: Annotated[
        str, Meta(description="Path of the file in the share.", examples=["segments/01-riff-in-e--plexi-v30.flac"])
    ]
    sample_rate_hz: Annotated[int, Meta(description="Sample rate, Hz.", examples=[48_000])]
    samples: Annotated[int, Meta(description="Number of samples.", examples=[384_000])]
    integrated_lufs: Annotated[float, Meta(description="Integrated loudness of the file, LUFS.", examples=[-16.0])]
    loudness_range_lu: Annotated[float, Meta(description="Loudness range, LU.", examples=[4.2])]
    true_peak_dbtp: Annotated[float, Meta(description="True peak, dBTP.", examples=[-3.1])]
    rms_dbfs: Annotated[float, Meta(description="RMS level, dBFS.", examples=[-17.4])]
    crest_factor_db: Annotated[float, Meta(description="Crest factor, dB.", examples=[14.2])]
    gain_db: Annotated[float, Meta(description="Gain of the level match, dB.", examples=[-2.5])]
    trim_db: Annotated[float, Meta(description="Intended offset of the chain, dB.", examples=[0.0])]
    latency_samples: Annotated[
        int | None, Meta(description="Latency of the chain in samples; null where it is ambiguous.", examples=[12])
    ]
    polarity: Annotated[int, Meta(description="-1 if the chain inverts, 1 if not, 0 if it is unknown.", examples=[1])]

    @classmethod
    def of(cls, record: SegmentRecord) -> Self:
        """Return what is public of a segment."""
        latency = record.latency
        figures = rounded(
            {
                "integrated_lufs": record.measured.integrated_lufs,
                "loudness_range_lu": record.measured.loudness_range_lu,
                "true_peak_dbtp": record.measured.true_peak_dbtp,
                "rms_dbfs": record.measured.rms_dbfs,
                "crest_factor_db": record.measured.crest_factor_db,
                "gain_db": record.gain_db,
                "trim_db": record.trim_db,
            }
        )
        return cls(
            position=record.position,
            di_track=record.di_track,
            chain=record.chain,
            file=record.file,
            sample_rate_hz=record.sample_rate_hz,
            samples=record.samples,
            latency_samples=latency.samples if latency else None,
            polarity=latency.polarity if latency and latency.samples is not None else 0,
            **figures,
        )


class SharedFacts(Struct, frozen=True, kw_only=True):
    """Everything that a share shows of a manifest."""

    level: Annotated[SharedLevel, Meta(description="The level match.")]
    segments: Annotated[tuple[SharedSegment, ...], Meta(description="All segments.")]
    credits: Annotated[
        tuple[str, ...],
        Meta(
            description="Authors and licenses of captures and cab IRs, to publish with the sound.",
            examples=[["“Plexi” by valve-shed (CC BY 4.0)"]],
        ),
    ]
    poster: Annotated[
        str, Meta(description="Path of the image for previews of links; empty: none.", examples=["listen/poster.png"])
    ] = ""

    @classmethod
    def of(cls, manifest: Manifest) -> Self:
        """Return what is public of a manifest."""
        level = manifest.level
        figures = rounded(
            {
                "requested_lufs": level.requested_lufs,
                "target_lufs": level.target_lufs,
                "ceiling_dbtp": level.ceiling_dbtp,
            }
        )
        return cls(
            level=SharedLevel(**figures),
            segments=tuple(SharedSegment.of(record) for record in manifest.segments),
            credits=manifest.credits,
            poster=POSTER_NAME if any(item.path == POSTER_NAME for item in manifest.files) else "",
        )


def is_public(path: str) -> bool:
    """Return whether a share shows the result at this path."""
    return PUBLIC_FILES.fullmatch(path) is not None
