"""Response of a capture to sines and to silence: drive curve, harmonics, noise, DC offset, aliasing.

Every test tone has an integer number of periods in the measured part, so that each partial falls into one bin of the
transform and no window is needed. Measurement starts 0.2 s after each level change, which exceeds the receptive field
of common captures, so that it covers the steady state.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tone_shootout.audio.constants import amplitude
from tone_shootout.audio.fourier import rfft
from tone_shootout.audio.signals import AudioError, Float32, Float64, as_float32, as_mono, check_rate
from tone_shootout.audio.spectrum import FLOOR_DB

LEVELS_DBFS = (-40.0, -35.0, -30.0, -25.0, -20.0, -15.0, -10.0, -5.0, 0.0)
HARMONICS = (2, 3, 4, 5)
SETTLE_S = 0.200
# 11 periods in 50 ms are 220 Hz, the octave of the open A string.
DRIVE_S, DRIVE_PERIODS = 0.050, 11
# 263 periods in 200 ms are 1315 Hz, within 5 cents of the highest fretted note (E6). 263 is prime, so that aliased
# partials fall between the harmonics and not onto them.
TONE_S, TONE_PERIODS = 0.200, 263
TONE_DBFS = -6.0
SILENCE_S = 0.250

Process = Callable[[Float32], Float32]
"""Process mono samples, shape (T,), from the settled state of the device; returns as many samples."""


@dataclass(frozen=True)
class DrivePoint:
    """One point of a drive curve. Levels are floored at −200 dB.

    Attributes:
        input_dbfs: peak level of the input sine.
        output_dbfs: peak level of a sine with the RMS of the output, its mean removed (RMS plus 3.01 dB); equals
            `input_dbfs` at unity gain.
        harmonics_db: 2nd to 5th harmonic relative to the fundamental.
    """

    input_dbfs: float
    output_dbfs: float
    harmonics_db: tuple[float, ...]


@dataclass(frozen=True)
class DriveMeasures:
    """Response of a device to sines and to silence. Levels are floored at −200 dB.

    Attributes:
        drive: drive curve at 220 Hz.
        noise_dbfs: RMS of the output for silence, its mean removed.
        dc_offset: mean of the output for silence, full scale ±1.
        aliasing_db: power between the harmonics relative to the total power, for a sine of 1315 Hz at −6 dBFS: aliased
            partials and noise.
    """

    drive: tuple[DrivePoint, ...]
    noise_dbfs: float
    dc_offset: float
    aliasing_db: float


def measure_drive(process: Process, rate: int) -> DriveMeasures:
    """Measure the response of a device to sines and to silence: three runs, 2.9 s of audio in total.

    Args:
        process: runs samples through the device.
        rate: sample rate in Hz.

    Returns:
        Drive curve, noise, DC offset and aliasing.

    Raises:
        AudioError: `unsupported_rate`, `not_finite` for output with NaN or infinity, `bad_shape` for output of another
            length.
    """
    output = _run(process, np.zeros(round(SILENCE_S * check_rate(rate)), np.float32))
    offset = float(output.mean())
    return DriveMeasures(
        drive=_drive_curve(process, rate),
        noise_dbfs=_power_db(float(np.square(output - offset).mean())),
        dc_offset=offset,
        aliasing_db=_aliasing(process, rate),
    )


def _drive_curve(process: Process, rate: int) -> tuple[DrivePoint, ...]:
    settle, count = round(SETTLE_S * rate), round(DRIVE_S * rate)
    sine = _sine(settle + count, DRIVE_PERIODS / count)
    output = _run(process, as_float32(np.concatenate([amplitude(level) * sine for level in LEVELS_DBFS])))
    points = []
    for level, part in zip(LEVELS_DBFS, output.reshape(len(LEVELS_DBFS), -1), strict=True):
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


def _aliasing(process: Process, rate: int) -> float:
    settle, count = round(SETTLE_S * rate), round(TONE_S * rate)
    tone = amplitude(TONE_DBFS) * _sine(settle + count, TONE_PERIODS / count)
    powers = _powers(_run(process, as_float32(tone))[settle:])
    total = powers[1:].sum()
    between = powers.copy()
    between[::TONE_PERIODS] = 0.0
    return _ratio_db(between.sum(), total)


def _run(process: Process, x: Float32) -> Float64:
    output = as_mono(process(x))
    if output.shape != x.shape:
        raise AudioError("bad_shape", f"expected {len(x)} samples of output, got {len(output)}")
    return output


def _sine(count: int, cycles_per_sample: float) -> Float64:
    return np.asarray(np.sin(2 * np.pi * cycles_per_sample * np.arange(count)))


def _powers(x: Float64) -> Float64:
    """Return the mean square of each partial of a periodic signal; bin 0 is the DC component."""
    powers = 2.0 * np.square(np.abs(rfft(x) / len(x)))
    powers[0] /= 2.0
    if len(x) % 2 == 0:
        powers[-1] /= 2.0
    return np.asarray(powers)


def _power_db(power: float) -> float:
    return 10.0 * float(np.log10(max(power, 10 ** (FLOOR_DB / 10))))


def _ratio_db(power: float, reference: float) -> float:
    floor = 10 ** (FLOOR_DB / 10)
    return _power_db(power / reference) if power > floor and reference > floor else FLOOR_DB
