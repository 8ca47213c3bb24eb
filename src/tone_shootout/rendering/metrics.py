"""What is measured of captures, chains, segments and pairs of them: plain data, as the manifest has it.

`docs/measures.md` defines every figure. All values are finite; what can't be told is null.
"""

from typing import Final

from msgspec import Struct

COMPARED_SECONDS: Final = 60.0
"""How much of a DI track, from its start, is compared: it bounds memory and time."""


class Latency(Struct, frozen=True, kw_only=True):
    """Where a response lies.

    Attributes:
        samples: delay; null where it is ambiguous.
        confidence: the main peak of the correlation over its best rival; ambiguous below 2.
        polarity: 1 or -1, 0 where nothing came back.
    """

    samples: int | None
    confidence: float
    polarity: int


UNKNOWN = Latency(samples=None, confidence=0.0, polarity=0)
"""Of what gives nothing back."""


class Metrics(Struct, frozen=True, kw_only=True):
    """How a segment sounds and moves; definitions in `audio.spectrum` and `audio.temporal`."""

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


class Behaviour(Struct, frozen=True, kw_only=True):
    """What a capture does to sines and silence; definitions in `audio.drive`."""

    drive: tuple[DrivePoint, ...]
    noise_dbfs: float
    dc_offset: float
    aliasing_db: float


class CaptureFigures(Struct, frozen=True, kw_only=True):
    """A capture by itself; `behaviour` is null where its output for the test tones is not finite."""

    latency: Latency
    behaviour: Behaviour | None


class Pair(Struct, frozen=True, kw_only=True):
    """How far one segment is from another of the same DI track; definitions in `audio.comparison`.

    Attributes:
        reference: position of the segment that is the reference.
        position: of the other one.
        aligned: whether the latency of both is known, and taken off.
        esr: error-to-signal ratio.
        esr_pre_emphasised: the same, of high-passed signals.
        correlation: -1 to 1.
        log_mel_db: distance of the log-mel spectrograms.
        third_octaves_db: the other one minus the reference.
    """

    reference: int
    position: int
    aligned: bool
    esr: float
    esr_pre_emphasised: float
    correlation: float
    log_mel_db: float
    third_octaves_db: tuple[float, ...]


class Difference(Struct, frozen=True, kw_only=True):
    """All segments of a DI track against each other, those that sound alike beside each other.

    Attributes:
        di_track: name.
        chains: names, in the matrix's order.
        positions: of the segments, in the same order.
        matrix: log-mel distance, dB; symmetric, 0 in the diagonal.
    """

    di_track: str
    chains: tuple[str, ...]
    positions: tuple[int, ...]
    matrix: tuple[tuple[float, ...], ...]


class Encoded(Struct, frozen=True, kw_only=True):
    """The video's sound, decoded again.

    Attributes:
        integrated_lufs: of the whole track, as a stereo meter reads it: both sides are the same, which is 3.01 LU more
            than one of them.
        true_peak_dbtp: of the whole track.
    """

    integrated_lufs: float
    true_peak_dbtp: float
