"""What the figures of a result say, in sentences: each with its number, its unit and the name of its measure.

A sentence is written when a figure reaches a threshold. The thresholds stand at the end of the text, so that a missing
sentence says something too. `docs/measures.md` defines the measures.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from statistics import fmean
from typing import Final

from tone_shootout.audio.constants import NOMINAL_HZ
from tone_shootout.rendering.metrics import Difference, Metrics
from tone_shootout.rendering.output.manifest import Manifest, SegmentRecord

HEARD_HZ: Final = (80, 10_000)
"""Bands that sentences are about, Hz: below and above, guitars have little power."""
BAND_DB: Final = 1.5
"""Least difference in each band of a run, dB."""
RUN_BANDS: Final = 3
"""Least number of neighboring bands, an octave."""
RUNS: Final = 3
"""Most sentences about the spectra of two tones."""
PAIRS_UP_TO: Final = 4
"""Tones of a DI track that are compared in pairs; more are compared with their mean."""


@dataclass(frozen=True)
class Range:
    """A measure of which the lowest and the highest value are stated.

    Attributes:
        title: what is measured.
        field: name of the measure in the manifest.
        threshold: least distance between both for a sentence, in the measure's unit.
        form: format of a value with its unit.
        read: returns the value of a segment; None: it has none.
    """

    title: str
    field: str
    threshold: float
    form: str
    read: Callable[[Metrics], float | None]


RANGES: Final = (
    Range("spectral centroid", "centroid_hz", 100.0, "{:.0f} Hz", lambda found: found.centroid_hz),
    Range("spectral tilt", "tilt_db_per_octave", 0.5, "{:.1f} dB per octave", lambda found: found.tilt_db_per_octave),
    Range("dynamic range", "dynamic_range_db", 1.0, "{:.1f} dB", lambda found: found.dynamic_range_db),
    Range("attack time", "attack_ms", 5.0, "{:.0f} ms", lambda found: found.attack_ms),
    Range("sustain", "sustain_s", 0.1, "{:.2f} s", lambda found: found.sustain_s),
    Range("noise floor", "noise_floor_dbfs", 3.0, "{:.1f} dBFS", lambda found: found.noise_floor_dbfs),
)


def commentary(manifest: Manifest) -> str:
    """Return the text (Markdown): levels, then a part for each DI track, then the thresholds.

    Args:
        manifest: manifest of the result.
    """
    lines = [f"# {escaped(manifest.title)}", "", *_levels(manifest)]
    for di_track in dict.fromkeys(segment.di_track for segment in manifest.segments):
        segments = [segment for segment in manifest.segments if segment.di_track == di_track]
        lines += ["", f"## {escaped(di_track)}", ""]
        lines += _about(manifest, di_track, segments) or ["- No figure reaches its threshold."]
    return "\n".join([*lines, "", "## Thresholds", "", *_thresholds(), ""])


def escaped(text: str) -> str:
    """Return a name as Markdown that shows it as it is."""
    return "".join(f"\\{char}" if char in "\\`*_[]<>#|~&" else char for char in text)


def hertz(frequency: float) -> str:
    """Return a frequency in words, such as 3.15 kHz."""
    return f"{frequency / 1000:g} kHz" if frequency >= 1000 else f"{frequency:g} Hz"


def _levels(manifest: Manifest) -> Iterator[str]:
    loudness = [segment.measured.integrated_lufs - segment.trim_db for segment in manifest.segments]
    highest = max(manifest.segments, key=lambda segment: segment.measured.true_peak_dbtp)
    yield (
        f"- All {len(manifest.segments)} segments have {manifest.level.target_lufs:.1f} LUFS, the farthest within "
        f"{max(abs(each - manifest.level.target_lufs) for each in loudness):.2f} LU (`integrated_lufs`, without "
        "`trim_db`)."
    )
    yield (
        f"- The highest true peak is {highest.measured.true_peak_dbtp:.1f} dBTP, in {_name(highest)} "
        f"(`true_peak_dbtp`); the ceiling is {manifest.level.ceiling_dbtp:.1f} dBTP."
    )
    limiting = next((each for each in manifest.segments if each.position == manifest.level.limiting_segment), None)
    if limiting:
        yield (
            f"- Requested were {manifest.level.requested_lufs:.1f} LUFS; {_name(limiting)} limits all to "
            f"{manifest.level.target_lufs:.1f} LUFS, because its peak would exceed the ceiling (`limiting_segment`)."
        )
    for segment in manifest.segments:
        if segment.trim_db:
            more = "louder" if segment.trim_db > 0 else "quieter"
            yield f"- {_name(segment)} is {abs(segment.trim_db):.1f} dB {more}, as its chain states (`trim_db`)."


def _about(manifest: Manifest, di_track: str, segments: Sequence[SegmentRecord]) -> list[str]:
    matrix = next((found for found in manifest.difference if found.di_track == di_track), None)
    return [
        *(_alike(matrix) if matrix else ()),
        *_spectra(manifest, segments),
        *(line for measure in RANGES for line in _range(measure, segments)),
        *_latencies(segments),
        *_clipped(segments),
    ]


def _alike(matrix: Difference) -> Iterator[str]:
    pairs = [
        (matrix.distances_db[i][j], matrix.chains[i], matrix.chains[j])
        for i, j in combinations(range(len(matrix.chains)), 2)
    ]
    if len(pairs) < 2:
        return
    for which, (distance, a, b) in (("smallest", min(pairs)), ("largest", max(pairs))):
        yield (
            f"- The {which} difference is between {escaped(a)} and {escaped(b)}: {distance:.1f} dB (`distances_db`, "
            "log-mel distance)."
        )


def _spectra(manifest: Manifest, segments: Sequence[SegmentRecord]) -> Iterator[str]:
    by_position = {segment.position: segment for segment in segments}
    if len(segments) <= PAIRS_UP_TO:
        for pair in manifest.comparisons:
            if pair.position in by_position:
                reference, other = by_position[pair.reference], by_position[pair.position]
                trim_db = other.trim_db - reference.trim_db
                difference = [level - trim_db for level in pair.third_octaves_db]
                yield from _runs(escaped(other.chain), difference, escaped(reference.chain))
        return
    levels = {
        each.position: [level - each.trim_db for level in each.metrics.third_octaves_db]
        for each in segments
        if each.metrics
    }
    means = [fmean(band) for band in zip(*levels.values(), strict=True)]
    for position, own in levels.items():
        difference = [level - mean for level, mean in zip(own, means, strict=True)]
        yield from _runs(escaped(by_position[position].chain), difference, f"the mean of all {len(levels)} tones")


def _runs(name: str, difference: Sequence[float], other: str) -> Iterator[str]:
    """Yield sentences about runs of bands in which `name` has more, or less, than `other`, in order of frequency."""

    def direction(band: int) -> int:
        is_told = HEARD_HZ[0] <= NOMINAL_HZ[band] <= HEARD_HZ[1] and abs(difference[band]) >= BAND_DB
        return (1 if difference[band] > 0 else -1) if is_told else 0

    runs = [list(bands) for sign, bands in groupby(range(len(difference)), direction) if sign]
    runs = [bands for bands in runs if len(bands) >= RUN_BANDS]
    runs.sort(key=lambda bands: abs(math.fsum(difference[band] for band in bands)), reverse=True)
    for bands in sorted(runs[:RUNS]):
        mean = fmean(difference[band] for band in bands)
        low, high = hertz(NOMINAL_HZ[bands[0]]), hertz(NOMINAL_HZ[bands[-1]])
        yield (
            f"- {name} has {abs(mean):.1f} dB {'more' if mean > 0 else 'less'} between {low} and {high} than {other} "
            f"(`third_octaves_db`, mean of {len(bands)} bands)."
        )


def _range(measure: Range, segments: Sequence[SegmentRecord]) -> Iterator[str]:
    values = [
        (value, escaped(each.chain))
        for each in segments
        if each.metrics and (value := measure.read(each.metrics)) is not None
    ]
    if not values:
        return
    (low, lowest), (high, highest) = min(values), max(values)
    if high - low >= measure.threshold:
        yield (
            f"- The {measure.title} is from {measure.form.format(low)} ({lowest}) to {measure.form.format(high)} "
            f"({highest}) (`{measure.field}`)."
        )


def _latencies(segments: Sequence[SegmentRecord]) -> Iterator[str]:
    for each in segments:
        if each.latency and each.latency.samples:
            late = each.latency.samples
            yield (
                f"- {escaped(each.chain)} is {late} samples ({1000 * late / each.sample_rate_hz:.2f} ms) late "
                "(`latency.samples`)."
            )
        if each.latency and each.latency.polarity < 0:
            yield f"- {escaped(each.chain)} inverts the polarity: −1 (`latency.polarity`)."


def _clipped(segments: Sequence[SegmentRecord]) -> Iterator[str]:
    for each in segments:
        if each.metrics and each.metrics.clipped_samples:
            yield f"- {escaped(each.chain)} clips in {each.metrics.clipped_samples} samples (`clipped_samples`)."


def _thresholds() -> Iterator[str]:
    low, high = HEARD_HZ
    yield (
        f"- Spectra: at least {RUN_BANDS} neighboring third octaves from {hertz(low)} to {hertz(high)} that differ by "
        f"at least {BAND_DB} dB each in one direction; at most {RUNS} sentences for two tones, those with the largest "
        f"sum. Up to {PAIRS_UP_TO} tones of a DI track are compared in pairs, more with their mean."
    )
    for measure in RANGES:
        step = measure.form.format(measure.threshold).replace("dBFS", "dB")
        yield f"- {measure.title.capitalize()}: {step} between lowest and highest."
    yield "- Latency: 1 sample. Clipping: 1 sample. Least and most alike: three tones or more."
    yield "- The definitions of all measures are in `docs/measures.md` of Tone Shootout."


def _name(segment: SegmentRecord) -> str:
    return f"{escaped(segment.di_track)} – {escaped(segment.chain)}"
