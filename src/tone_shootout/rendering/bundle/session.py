"""A session for REAPER: all segments on tracks of their chains, aligned.

The text format has a line for each property, and blocks between angle brackets (REAPER's "State chunk definitions").
Only properties that differ from a new project are written.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tone_shootout.rendering.output.manifest import Manifest, SegmentRecord

GAP_S: Final = 2
"""Least time between two DI tracks, seconds; each begins on a whole second."""
_QUOTES: Final = ('"', "'", "`")


def to_rpp(manifest: Manifest) -> str:
    """Return a session with one track for each chain and one region for each DI track.

    The DI tracks follow one another. Within each, all items start at the same time; an item of a chain whose latency is
    known starts as many samples into its file, so that the performances are aligned. Tracks have 0 dB and no effects.
    The polarity of a chain that inverts is inverted again (`IPHASE`).

    Args:
        manifest: manifest of the result.
    """
    rate = max((segment.sample_rate_hz for segment in manifest.segments), default=48_000)
    lines = ['<REAPER_PROJECT 0.1 "7.0" 0', f"  SAMPLERATE {rate} 1 0", "  TEMPO 120 4 4"]
    lines += [f"  TITLE {quoted(manifest.title)}"]
    starts = start_times(manifest.segments)
    for number, (di_track, (start, end)) in enumerate(starts.items(), 1):
        lines.append(f"  MARKER {number} {start:.9f} {quoted(di_track)} 1")
        lines.append(f'  MARKER {number} {end:.9f} "" 1')
    chains: dict[str, list[SegmentRecord]] = {}
    for segment in manifest.segments:
        chains.setdefault(segment.chain, []).append(segment)
    for chain, segments in chains.items():
        lines += _track(chain, segments, starts)
    return "\n".join([*lines, ">", ""])


def start_times(segments: Sequence[SegmentRecord]) -> dict[str, tuple[float, float]]:
    """Return when each DI track starts and ends in the session, seconds."""
    lengths: dict[str, float] = {}
    for segment in segments:
        length = segment.samples / segment.sample_rate_hz
        lengths[segment.di_track] = max(length, lengths.get(segment.di_track, 0.0))
    times = {}
    at = 0
    for di_track, length in lengths.items():
        times[di_track] = (float(at), at + length)
        at = math.ceil(at + length + GAP_S)
    return times


def latency_of(segment: SegmentRecord) -> int:
    """Return the samples by which a segment's sound is late; 0 where that is unknown."""
    known = segment.latency and segment.latency.samples
    return max(0, known or 0)


def quoted(text: str) -> str:
    """Return a text as one value: in the quotes that it does not contain; control characters become spaces."""
    line = "".join(char if char.isprintable() else " " for char in text)
    quote = next((each for each in _QUOTES if each not in line), "")
    return f"{quote}{line}{quote}" if quote else f"`{line.replace('`', chr(39))}`"


def _track(chain: str, segments: Sequence[SegmentRecord], starts: Mapping[str, tuple[float, float]]) -> Iterator[str]:
    yield "  <TRACK"
    yield f"    NAME {quoted(chain)}"
    yield "    VOLPAN 1 0 -1 -1 1"
    if any(segment.latency and segment.latency.polarity < 0 for segment in segments):
        yield "    IPHASE 1"
    for segment in segments:
        late = latency_of(segment) / segment.sample_rate_hz
        yield "    <ITEM"
        yield f"      POSITION {starts[segment.di_track][0]:.9f}"
        yield f"      LENGTH {segment.samples / segment.sample_rate_hz - late:.9f}"
        yield "      LOOP 0"
        yield f"      NAME {quoted(f'{segment.di_track} – {chain}')}"
        yield f"      SOFFS {late:.9f}"
        yield "      <SOURCE FLAC"
        yield f"        FILE {quoted(segment.file)}"
        yield "      >"
        yield "    >"
    yield "  >"
