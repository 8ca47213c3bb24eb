"""Level match: one gain per segment, for a common loudness below a true-peak ceiling."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tone_shootout.audio.constants import amplitude
from tone_shootout.audio.signals import (
    AudioError,
    Float32,
    Signal,
    as_channels,
    as_float32,
    check_range,
    decibels,
)

REQUESTED_RANGE_LUFS = (-60.0, 0.0)
CEILING_RANGE_DBTP = (-60.0, 0.0)
TRIM_RANGE_DB = (-24.0, 24.0)
# −900 dB attenuates even the largest 32-bit floating-point number (771 dBFS) to silence.
GAIN_RANGE_DB = (-900.0, 120.0)
BLOCK = 1 << 16
# Rounding to 24 bits adds an error of up to half a step, 2^-24, per sample (single precision: a quarter step). Between
# samples the error grows by at most the sum of the magnitudes of the interpolator's taps, which is below 3.
ROUNDING = 6 * 2.0**-24


class LoudnessAndPeak(Protocol):
    """Measurements of a segment that a level match needs; `loudness.Measures` satisfies this protocol."""

    @property
    def integrated_lufs(self) -> float:
        """Integrated loudness in LUFS."""

    @property
    def true_peak_dbtp(self) -> float:
        """True peak in dBTP."""


@dataclass(frozen=True)
class LevelMatch:
    """Result of a level match.

    Attributes:
        target_lufs: common loudness.
        gains_db: gain of each segment.
        limited_by: index of the segment that limits the target; None if the requested loudness is reached.
    """

    target_lufs: float
    gains_db: tuple[float, ...]
    limited_by: int | None


def level_match(
    measured: Sequence[LoudnessAndPeak],
    *,
    requested_lufs: float,
    ceiling_dbtp: float,
    trims_db: Sequence[float] | None = None,
) -> LevelMatch:
    """Find the highest common loudness, up to the requested one, that keeps every true peak below the ceiling.

    T = min(requested, min over i of (L_i + ceiling − P_i − trim_i)); the gain of segment i is T − L_i + trim_i. Only
    gain is applied: a limiter would alter the compared sounds. The effective ceiling is lower by the maximum rounding
    error of 24-bit samples (3.5 µdB at −1 dBTP), so that the ceiling holds in the written file.

    A gain can change the loudness of a segment by slightly more or less than the gain, because the absolute gate of
    BS.1770 is fixed at −70 LUFS: amplified pauses can exceed the gate (0.08 LU in one of the tests). Where that
    matters, measure the segments again with their gains, and match again with the new loudness minus the gain.

    Args:
        measured: integrated loudness L_i and true peak P_i of each segment.
        requested_lufs: requested loudness, −60 to 0 LUFS.
        ceiling_dbtp: maximum true peak, −60 to 0 dBTP.
        trims_db: intentional offset per segment, −24 to 24 dB; 0 dB by default.

    Returns:
        Common loudness, gains, and the limiting segment.

    Raises:
        AudioError: `empty` without segments, `silent` for a segment without loudness (the detail has its index),
            `not_finite`, `out_of_range`, or `bad_shape` unless there is one trim per segment.
    """
    check_range("the requested loudness", requested_lufs, *REQUESTED_RANGE_LUFS, "LUFS")
    check_range("the true-peak ceiling", ceiling_dbtp, *CEILING_RANGE_DBTP, "dBTP")
    if not measured:
        raise AudioError("empty", "expected at least one segment to match, got none")
    for index, segment in enumerate(measured):
        _check_measured(index, segment)
    trims = [0.0] * len(measured) if trims_db is None else trims_db
    if len(trims) != len(measured):
        raise AudioError("bad_shape", f"expected one trim for each of {len(measured)} segments, got {len(trims)}")
    for index, trim in enumerate(trims):
        check_range(f"the trim of segment {index}", trim, *TRIM_RANGE_DB, "dB")
    ceiling = decibels(amplitude(ceiling_dbtp) - ROUNDING)
    reachable = [
        segment.integrated_lufs + ceiling - segment.true_peak_dbtp - trim
        for segment, trim in zip(measured, trims, strict=True)
    ]
    lowest = min(range(len(reachable)), key=reachable.__getitem__)
    target = min(requested_lufs, reachable[lowest])
    gains = tuple(target - segment.integrated_lufs + trim for segment, trim in zip(measured, trims, strict=True))
    return LevelMatch(target, gains, lowest if reachable[lowest] < requested_lufs else None)


def apply_gain(x: Signal, db: float) -> Float32:
    """Apply a gain to a signal, computed in double precision.

    Args:
        x: samples, shape (T,) or (channels, T).
        db: gain, −900 to 120 dB.

    Returns:
        Samples in the shape of `x`.

    Raises:
        AudioError: `empty`, `bad_shape`, `out_of_range`, or `not_finite` for input or a result with NaN or infinity.
    """
    check_range("the gain", db, *GAIN_RANGE_DB, "dB")
    as_channels(x)
    factor = amplitude(db)
    y = np.empty(x.shape, dtype=np.float32)
    for start in range(0, x.shape[-1], BLOCK):
        part = slice(start, start + BLOCK)
        y[..., part] = as_float32(x[..., part].astype(np.float64) * factor)
    return y


def _check_measured(index: int, segment: LoudnessAndPeak) -> None:
    levels = (segment.integrated_lufs, segment.true_peak_dbtp)
    if -np.inf in levels:
        raise AudioError("silent", f"segment {index} is silent: it has no loudness to match")
    if not np.isfinite(levels).all():
        raise AudioError(
            "not_finite", f"expected finite levels of segment {index}, got {levels[0]} LUFS, {levels[1]} dBTP"
        )
