"""Measurements of captures, chains, segments and pairs of segments: plain data, as in the manifest.

`docs/measures.md` defines every value. All values are finite; null where a value is undefined.
"""

from typing import Final

from msgspec import Struct

COMPARED_SECONDS: Final = 60.0
"""Length of the compared part of a DI track, from its start; it bounds memory and time."""


class Latency(Struct, frozen=True, kw_only=True):
    """Latency of a chain or capture.

    Attributes:
        samples: delay; null where it is ambiguous.
        confidence: main peak of the correlation relative to the second highest; ambiguous below 2.
        polarity: 1 or -1, 0 if the output is silent.
    """

    samples: int | None
    confidence: float
    polarity: int


UNKNOWN = Latency(samples=None, confidence=0.0, polarity=0)
"""Latency of a chain whose output is silent or invalid."""


class Metrics(Struct, frozen=True, kw_only=True):
    """Spectrum and dynamics of a segment; definitions in `audio.spectrum` and `audio.temporal`."""

    third_octaves_db: tuple[float, ...]
    centroid_hz: float
    tilt_db_per_octave: float
    bass_share: float
    middle_share: float
    treble_share: float
    dynamic_range_db: float
    transients_per_second: float
    attack_ms: float | None
    sustain_s: float | None
    noise_floor_dbfs: float
    clipped_samples: int


class DrivePoint(Struct, frozen=True, kw_only=True):
    """One point of a drive curve; definitions in `audio.drive`."""

    input_dbfs: float
    output_dbfs: float
    harmonics_db: tuple[float, ...]


class Behavior(Struct, frozen=True, kw_only=True):
    """Response of a capture to sines and silence; definitions in `audio.drive`."""

    drive: tuple[DrivePoint, ...]
    noise_dbfs: float
    dc_offset: float
    aliasing_db: float


class CaptureMetrics(Struct, frozen=True, kw_only=True):
    """Metrics of a capture; `behavior` is null if its output for the test tones is not finite."""

    latency: Latency
    behavior: Behavior | None


class Pair(Struct, frozen=True, kw_only=True):
    """Difference between two segments of the same DI track; definitions in `audio.comparison`.

    Attributes:
        reference: position of the reference segment.
        position: position of the other segment.
        aligned: whether the latencies of both are known and compensated.
        esr: error-to-signal ratio.
        esr_pre_emphasized: error-to-signal ratio of the high-passed signals.
        correlation: -1 to 1.
        log_mel_db: distance of the log-mel spectrograms, dB.
        third_octaves_db: level of the other segment minus that of the reference, dB, by third-octave band.
    """

    reference: int
    position: int
    aligned: bool
    esr: float
    esr_pre_emphasized: float
    correlation: float
    log_mel_db: float
    third_octaves_db: tuple[float, ...]


class Difference(Struct, frozen=True, kw_only=True):
    """Distances between all segments of a DI track, ordered so that similar segments are neighbors.

    Attributes:
        di_track: name of the DI track.
        chains: names of the chains, in the order of the distances.
        positions: positions of the segments, in the same order.
        distances_db: log-mel distance, dB; symmetric, 0 in the diagonal.
    """

    di_track: str
    chains: tuple[str, ...]
    positions: tuple[int, ...]
    distances_db: tuple[tuple[float, ...], ...]


class SweepDistances(Struct, frozen=True, kw_only=True):
    """How far the tones of a DI track are from each other at each input level.

    Attributes:
        di_track: name of the DI track.
        input_db: the levels, ascending.
        tones: names of the tones that are at every level.
        distances_db: by tone and level, mean log-mel distance from the other tones at this level, dB.
    """

    di_track: str
    input_db: tuple[float, ...]
    tones: tuple[str, ...]
    distances_db: tuple[tuple[float, ...], ...]


class Encoded(Struct, frozen=True, kw_only=True):
    """Levels of the video's sound, decoded after its encoding.

    Attributes:
        integrated_lufs: integrated loudness over both sides: of mono segments 3.01 LU more than of one side, because
            both are equal. Mono segments beside stereo ones are lowered by as much.
        true_peak_dbtp: true peak, dBTP.
    """

    integrated_lufs: float
    true_peak_dbtp: float
