"""Records of a manifest with values that nothing depends on."""

from collections.abc import Sequence
from typing import Any

from tone_shootout.rendering.metrics import Pair
from tone_shootout.rendering.output.credits import Credit
from tone_shootout.rendering.output.manifest import SegmentRecord
from tone_shootout.rendering.video.program import Chapter, Program


def credit(title: str = "Bluebird 45 Lead, Gain 3", **changes: Any) -> Credit:
    """A credit, by default under a license that does not allow commercial use."""
    fields: dict[str, Any] = {
        "title": title,
        "creator": "Valve Shed",
        "creator_url": "https://tone3000.example/valve-shed",
        "license": "cc-by-nc",
        "license_name": "CC BY-NC",
        "license_url": "https://creativecommons.org/licenses/by-nc/4.0/",
        "commercial": False,
        "url": "https://tone3000.example/tones/900101",
        "attribution": "Powered by TONE3000 – https://www.tone3000.com",
    }
    return Credit(**fields | changes)


def pair(reference: int, position: int, log_mel_db: float) -> Pair:
    """A comparison of two segments, of which only the distance counts."""
    return Pair(
        reference=reference,
        position=position,
        aligned=True,
        esr=0.0,
        esr_pre_emphasized=0.0,
        correlation=1.0,
        log_mel_db=log_mel_db,
        third_octaves_db=(),
    )


def program(segments: Sequence[SegmentRecord]) -> Program:
    """The program of a video with a chapter for each segment, and nothing else."""
    listed = tuple(Chapter(segment.start_ms, segment.di_track, segment.chain) for segment in segments)
    frames = 30 * max((-(-segment.end_ms // 1000) for segment in segments), default=0)
    return Program(segments=(), rounds=(), results=frames, frames=frames, chapters=listed)
