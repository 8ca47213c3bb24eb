"""What a capture does to a sine, and to silence: drive curve, harmonics, noise, aliasing.

Every test tone has a whole number of periods in the part that is measured, so that each partial lies in one bin of the
transform and no window is needed. What is measured starts 0.2 s after the level changes, longer than the receptive
field of the usual captures, so that it is the steady state.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.fft import rfft

from tone_shootout.audio.signals import AudioError, Float32, Float64, amplitude, as_float32, as_mono, check_rate
from tone_shootout.audio.spectrum import FLOOR_DB

LEVELS_DBFS = (-40.0, -35.0, -30.0, -25.0, -20.0, -15.0, -10.0, -5.0, 0.0)
HARMONICS = (2, 3, 4, 5)
SETTLE_S = 0.200
# 11 periods in 50 ms are 220 Hz, the open A string's octave.
DRIVE_S, DRIVE_PERIODS = 0.050, 11
# 263 periods in 200 ms are 1315 Hz, the highest fretted note (E6) within 5 cents. 263 is prime, so that what folds back
# at the Nyquist frequency falls between the harmonics and not onto them.
TONE_S, TONE_PERIODS = 0.200, 263
TONE_DBFS = -6.0
SILENCE_S = 0.250

Through = Callable[[Float32], Float32]
"""Runs mono samples, shape (T,), through what is measured, from its settled state; as many come back."""


@dataclass(frozen=True)
class DrivePoint:
    """One point of a drive curve.

    `input_dbfs` is the peak of the sine that goes in. `output_dbfs` is the peak of a sine as strong as what comes out
    (RMS without the mean, and 3.01 dB), so that unity gain is a straight line. `harmonics_db` are the 2nd to 5th
    harmonic over the fundamental. Nothing is −200 dB.
    """

    input_dbfs: float
    output_dbfs: float
    harmonics_db: tuple[float, ...]


@dataclass(frozen=True)
class Behaviour:
    """What a capture does to sines and silence.

    `drive` is the drive curve at 220 Hz. `noise_dbfs` is the RMS of the output for silence without its mean, and
    `dc_offset` that mean. `aliasing_db` is the power between the harmonics over all power, for a sine of 1315 Hz at −6
    dBFS: what folds back at the Nyquist frequency, and noise. Nothing is −200 dB.
    """

    drive: tuple[DrivePoint, ...]
    noise_dbfs: float
    dc_offset: float
    aliasing_db: float


def behaviour(through: Through, rate: int) -> Behaviour:
    """Measure what something does to sines and silence: three runs, 2.9 s of audio in all.

    Args:
        through: runs samples through it.
        rate: sample rate in Hz.

    Raises:
        AudioError: `unsupported_rate`, `not_finite` for output that is not, `bad_shape` for output of another length.
    """
    quiet = _run(through, np.zeros(round(SILENCE_S * check_rate(rate)), np.float32))
    offset = float(quiet.mean())
    return Behaviour(
        drive=_drive_curve(through, rate),
        noise_dbfs=_power_db(float(np.square(quiet - offset).mean())),
        dc_offset=offset,
        aliasing_db=_aliasing(through, rate),
    )


def _drive_curve(through: Through, rate: int) -> tuple[DrivePoint, ...]:
    settle, count = round(SETTLE_S * rate), round(DRIVE_S * rate)
    sine = _sine(settle + count, DRIVE_PERIODS / count)
    heard = _run(through, as_float32(np.concatenate([amplitude(level) * sine for level in LEVELS_DBFS])))
    points = []
    for level, part in zip(LEVELS_DBFS, heard.reshape(len(LEVELS_DBFS), -1), strict=True):
        powers = _powers(part[settle:])
        fundamental = powers[DRIVE_PERIODS]
        points.append(
            DrivePoint(
                input_dbfs=level,
                output_dbfs=_power_db(2.0 * float(powers[1:].sum())),
                harmonics_db=tuple(_ratio_db(powers[n * DRIVE_PERIODS], fundamental) for n in HARMONICS),
            )
        )
    return tuple(points)


def _aliasing(through: Through, rate: int) -> float:
    settle, count = round(SETTLE_S * rate), round(TONE_S * rate)
    tone = amplitude(TONE_DBFS) * _sine(settle + count, TONE_PERIODS / count)
    powers = _powers(_run(through, as_float32(tone))[settle:])
    total = powers[1:].sum()
    between = powers.copy()
    between[::TONE_PERIODS] = 0.0
    return _ratio_db(between.sum(), total)


def _run(through: Through, x: Float32) -> Float64:
    heard = as_mono(through(x))
    if heard.shape != x.shape:
        raise AudioError("bad_shape", f"expected {len(x)} samples back, got {len(heard)}")
    return heard


def _sine(count: int, cycles_per_sample: float) -> Float64:
    return np.asarray(np.sin(2 * np.pi * cycles_per_sample * np.arange(count)))


def _powers(x: Float64) -> Float64:
    """Return the mean square of each partial of a periodic signal, bin 0 being its mean."""
    powers = 2.0 * np.square(np.abs(rfft(x) / len(x)))
    powers[0] /= 2.0
    if len(x) % 2 == 0:
        powers[-1] /= 2.0
    return np.asarray(powers)


def _power_db(power: float) -> float:
    return 10.0 * float(np.log10(max(power, 10 ** (FLOOR_DB / 10))))


def _ratio_db(power: float, reference: float) -> float:
    least = 10 ** (FLOOR_DB / 10)
    return _power_db(power / reference) if power > least and reference > least else FLOOR_DB
