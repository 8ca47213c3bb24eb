"""The equalizer that brings one tone to another: a third-octave curve, peak filters, and a minimum-phase response.

What an equalizer does to the level of a band depends on where in the band the power lies: it is computed from the power
in parts of the bands. The curve is corrected by what is left until it changes no more; the frequencies, quality factors
and gains of the peak filters have the least squares error (Levenberg and Marquardt; Nocedal and Wright, *Numerical
Optimization*, chapter 10), starting from filters that are evenly spaced.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tone_shootout.audio.filters import DB_RANGE, Band, biquad
from tone_shootout.audio.fourier import irfft, rfft
from tone_shootout.audio.signals import (
    AudioError,
    Float32,
    Float64,
    Signal,
    as_channels,
    as_float32,
    check_range,
    check_rate,
)
from tone_shootout.audio.spectrum import FLOOR_DB, THIRD_OCTAVES_HZ, power_db, power_density, third_octave_parts

SHORTEST_S = 0.5
"""Shortest signal with a long-term spectrum, seconds: some windows of 0.17 s."""
SILENCE_DB = -120.0
"""A tone with no louder band is silent, dB re a mean square of 1."""
RANGE_DB = 50.0
"""Bands further below the highest one of a tone are not matched: they hold noise."""
PEAKS = 16
"""Most peak filters: as many as an `eq` block has."""
PEAK_RANGE_HZ = (25.0, 18_000.0)
PEAK_Q_RANGE = (0.4, 6.0)
NO_PEAK_DB = 0.05
"""Peak filters with less gain are left out."""
IR_SAMPLES = 4096
_PARTS = 10
_CURVE_ROUNDS = 12
_PEAK_ROUNDS = 40
# Bands that are not matched pull filters less.
_WEIGHT_BESIDE = 0.3
_STEP = 1e-3


@dataclass(frozen=True)
class Match:
    """The equalizer that brings a source to a target.

    Attributes:
        gain_db: gain beside the equalizer, for the same mean level of the matched bands, dB.
        curve_db: gain at the frequencies `spectrum.THIRD_OCTAVES_HZ`, −24 to 24 dB.
        matched: whether both tones are within `RANGE_DB` of their highest band, by band.
        bands: 1 to 16 peak filters that do what the curve does.
        before_db: level of the target minus that of the source and `gain_db`, by band; 0 where it is not matched, dB.
        after_curve_db: what is left of it after the curve, computed.
        after_bands_db: what is left of it after the peak filters, computed.
    """

    gain_db: float
    curve_db: tuple[float, ...]
    matched: tuple[bool, ...]
    bands: tuple[Band, ...]
    before_db: tuple[float, ...]
    after_curve_db: tuple[float, ...]
    after_bands_db: tuple[float, ...]


def band_parts(x: Signal, rate: int) -> Float64:
    """Measure the long-term power of a signal in parts of the third-octave bands, the mean of its sides.

    Args:
        x: samples, shape (T,) or (channels, T), full scale ±1.
        rate: sample rate in Hz.

    Returns:
        Power per band of `spectrum.THIRD_OCTAVES_HZ` and part, shape (30, 10).

    Raises:
        AudioError: `empty`, `not_finite`, `bad_shape`, `unsupported_rate`, or `too_short` for less than half a second.
    """
    sides = as_channels(x)
    _check_length(sides, rate)
    spectra = [power_density(side, rate) for side in sides]
    return third_octave_parts(spectra[0][0], np.mean([density for _, density in spectra], axis=0), _PARTS)


def check_audible(x: Signal, rate: int) -> None:
    """Check that a signal can be matched.

    Args:
        x: samples, shape (T,) or (channels, T), full scale ±1.
        rate: sample rate in Hz.

    Raises:
        AudioError: `empty`, `not_finite`, `bad_shape`, `unsupported_rate`, `too_short` or `silent`.
    """
    sides = as_channels(x)
    _check_length(sides, rate)
    if np.abs(sides).max() < 10 ** (SILENCE_DB / 20):
        raise AudioError("silent", f"expected sound to match, got silence: no sample is above {SILENCE_DB:g} dBFS")


def parts_of_levels(levels_db: Sequence[float] | Float64) -> Float64:
    """Estimate the power in parts of the third-octave bands, with a density that is linear in dB between mid-bands.

    Args:
        levels_db: levels by band of `spectrum.THIRD_OCTAVES_HZ`, dB re a mean square of 1.

    Returns:
        As `band_parts`.

    Raises:
        AudioError: `bad_shape` for another number of levels, `not_finite`.
    """
    levels = np.asarray(levels_db, dtype=np.float64)
    if levels.shape != THIRD_OCTAVES_HZ.shape:
        raise AudioError("bad_shape", f"expected {len(THIRD_OCTAVES_HZ)} levels, got {levels.size}")
    if not np.isfinite(levels).all():
        raise AudioError("not_finite", "expected finite levels, got NaN or infinity")
    floored = np.maximum(levels, levels.max() - RANGE_DB)
    # Power per part: bands and parts are equally wide on the logarithm of the frequency.
    parts = 10 ** (np.interp(_PARTS_OCTAVES, _OCTAVES, floored) / 10)
    return np.asarray(parts * (10 ** (np.maximum(levels, FLOOR_DB) / 10) / parts.sum(axis=1))[:, np.newaxis])


def match(
    target: Float64, source: Float64, rate: int = 48_000, *, correction_db: Sequence[float] | None = None
) -> Match:
    """Find the equalizer that brings the third-octave levels of a source to those of a target.

    Args:
        target: power of the target, from `band_parts` or `parts_of_levels`.
        source: power of the source.
        rate: sample rate of the peak filters in Hz, 44.1 kHz or more.
        correction_db: by how much more than computed each band has to change, dB, as a rendering showed.

    Returns:
        The equalizer. In bands that only one tone has within `RANGE_DB` of its highest band, the other one counts as at
        that limit; where neither has, the gain is that of the nearest band.

    Raises:
        AudioError: `silent` if a tone is silent or no band is matched, `unsupported_rate`.
    """
    check_range("the rate of the filters", check_rate(rate), 44_100, 192_000, "Hz")
    levels = [power_db(each.sum(axis=1)) for each in (target, source)]
    for name, found in zip(("target", "source"), levels, strict=True):
        if found.max() < SILENCE_DB:
            raise AudioError("silent", f"expected sound to match, the {name} is silent")
    heard = [found > found.max() - RANGE_DB for found in levels]
    matched = heard[0] & heard[1]
    if not matched.any():
        raise AudioError("silent", "expected two tones with sound in the same third octaves, got none")
    gain = float((levels[0] - levels[1])[matched].mean())
    floored = [np.maximum(found - found.max(), -RANGE_DB) for found in levels]
    known = heard[0] | heard[1]
    difference = floored[0] - floored[1]
    difference = np.interp(_OCTAVES, _OCTAVES[known], difference[known] - difference[matched].mean())
    correction = np.zeros(len(matched)) if correction_db is None else np.where(matched, correction_db, 0.0)
    fit = _Fit(source, np.clip(difference + correction, *DB_RANGE), np.where(matched, 1.0, _WEIGHT_BESIDE), rate)
    curve = fit.curve()
    bands = fit.peaks()
    before = levels[0] - levels[1] - gain

    def left(gains: Float64) -> tuple[float, ...]:
        return tuple(np.where(matched, before + correction - fit.change_db(gains), 0.0).tolist())

    return Match(
        gain_db=gain,
        curve_db=tuple(curve.tolist()),
        matched=tuple(matched.tolist()),
        bands=bands,
        before_db=tuple(np.where(matched, before, 0.0).tolist()),
        after_curve_db=left(_between(curve)),
        after_bands_db=left(response_db(bands, _PARTS_HZ, rate)),
    )


def difference_db(target: Float64, result: Float64, matched: Sequence[bool]) -> tuple[float, ...]:
    """Return the level of a target minus that of a result, without the mean over the matched bands, dB.

    Args:
        target: power of the target, from `band_parts`.
        result: power of what is compared with it.
        matched: bands that count, as in `Match`; the difference is 0 in the others.
    """
    used = np.array(matched)
    found = power_db(target.sum(axis=1)) - power_db(result.sum(axis=1))
    return tuple(np.where(used, found - found[used].mean(), 0.0).tolist())


def response_db(bands: Sequence[Band], hz: Float64, rate: int) -> Float64:
    """Return the gain of filters in series at frequencies in Hz, dB.

    Args:
        bands: the filters.
        hz: frequencies below half the sample rate, any shape.
        rate: sample rate in Hz.

    Returns:
        In the shape of `hz`.

    Raises:
        AudioError: `out_of_range` or `unknown_kind`.
    """
    delay = np.exp(-2j * np.pi * hz / rate)
    powers = np.stack([np.ones_like(delay), delay, delay**2])
    total = np.zeros(hz.shape)
    for band in bands:
        numerator, denominator = biquad(band, rate).reshape(2, 3)
        total += 20 * np.log10(np.abs(np.tensordot(numerator, powers, 1) / np.tensordot(denominator, powers, 1)))
    return total


def minimum_phase(curve_db: Sequence[float], rate: int = 48_000, *, samples: int = IR_SAMPLES) -> Float32:
    """Return an impulse response with the gains of a third-octave curve and the least delay.

    The curve is interpolated linearly in decibels over the logarithm of the frequency and constant beyond its ends. The
    phase follows from the folded real cepstrum (Oppenheim and Schafer, *Discrete-Time Signal Processing*, chapter 13).

    Args:
        curve_db: gain at the frequencies `spectrum.THIRD_OCTAVES_HZ`, dB.
        rate: sample rate in Hz.
        samples: length, a power of two.

    Returns:
        Shape (samples,), the last quarter faded out.
    """
    # A longer transform keeps the cepstrum from folding over itself.
    size = 8 * samples
    hz = np.arange(size // 2 + 1) * (check_rate(rate) / size)
    gains = np.interp(np.log2(np.maximum(hz, 1.0)), _OCTAVES, curve_db)
    cepstrum = irfft((gains / 20 * np.log(10.0)).astype(np.complex128), size)
    cepstrum[1 : size // 2] *= 2
    cepstrum[size // 2 + 1 :] = 0.0
    response = irfft(np.exp(rfft(cepstrum)), size)[:samples]
    fade = samples // 4
    response[-fade:] *= 0.5 + 0.5 * np.cos(np.pi * (np.arange(fade) + 0.5) / fade)
    return as_float32(response)


_OCTAVES: Float64 = np.log2(THIRD_OCTAVES_HZ)
_PARTS_HZ: Float64 = THIRD_OCTAVES_HZ[:, np.newaxis] * 10.0 ** (((np.arange(_PARTS) + 0.5) / _PARTS - 0.5) / 10)
_PARTS_OCTAVES: Float64 = np.log2(_PARTS_HZ)


# Octaves, octaves of the quality factor and gain of a peak filter.
_LOWEST: Float64 = np.array([[np.log2(PEAK_RANGE_HZ[0])], [np.log2(PEAK_Q_RANGE[0])], [DB_RANGE[0]]])
_HIGHEST: Float64 = np.array([[np.log2(PEAK_RANGE_HZ[1])], [np.log2(PEAK_Q_RANGE[1])], [DB_RANGE[1]]])
_MOST_DAMPING = 1e8


def _check_length(sides: Signal, rate: int) -> None:
    seconds = sides.shape[-1] / check_rate(rate)
    if seconds < SHORTEST_S:
        raise AudioError("too_short", f"expected at least {SHORTEST_S:g} s of sound to match, got {seconds:.2f} s")


def _between(curve: Float64) -> Float64:
    """Return the gain of a curve in the parts of the bands, dB."""
    return np.asarray(np.interp(_PARTS_OCTAVES, _OCTAVES, curve))


class _Fit:
    """Fits equalizers to changes of the levels of a source.

    Args:
        source: power per band and part.
        wanted_db: change of each band, dB.
        weights: weight of each band.
        rate: sample rate in Hz.
    """

    def __init__(self, source: Float64, wanted_db: Float64, weights: Float64, rate: int) -> None:
        totals = source.sum(axis=1, keepdims=True)
        # A band without power changes as one whose power is spread evenly.
        self._shares = np.where(totals > 0, source / np.where(totals > 0, totals, 1.0), 1 / _PARTS)
        self._wanted = wanted_db
        self._weights = weights
        self._rate = rate

    def change_db(self, gains_db: Float64) -> Float64:
        """Return the change of the levels by gains in dB, shape (..., bands, parts), as (..., bands)."""
        return power_db(np.asarray((self._shares * 10 ** (gains_db / 10)).sum(axis=-1)))

    def _left(self, gains_db: Float64) -> Float64:
        return np.asarray(self._wanted - self.change_db(gains_db)) * self._weights

    def curve(self) -> Float64:
        """Return the curve that leaves least: what is left is added to it, some times."""
        curve = best = self._wanted
        least = np.inf
        for _ in range(_CURVE_ROUNDS):
            left = self._left(_between(curve))
            if left @ left < least:
                best, least = curve, left @ left
            curve = np.clip(curve + 0.7 * left, *DB_RANGE)
        return best

    def peaks(self) -> tuple[Band, ...]:
        """Return the peak filters that leave least, from several starts."""
        heard = _OCTAVES[self._weights == 1.0]
        spans = (_LOWEST[0, 0] + 0.3, _HIGHEST[0, 0] - 0.2), (max(heard[0], _LOWEST[0, 0]), heard[-1])
        found = [self._descend(self._start(np.linspace(*span, PEAKS))) for span in spans]
        return _as_bands(min(found, key=lambda each: each[1])[0])

    def _start(self, octaves: Float64) -> Float64:
        """Return filters at these octaves that are so wide that they meet."""
        ratio = 2 ** max(float(octaves[1] - octaves[0]), 0.1)
        q = np.sqrt(ratio) / (ratio - 1)
        gains = 0.7 * np.interp(octaves, _OCTAVES, self._wanted)
        return np.clip(np.stack([octaves, np.full(PEAKS, np.log2(q)), gains]), _LOWEST, _HIGHEST)

    def _descend(self, values: Float64) -> tuple[Float64, float]:
        """Return the filters that leave least near a start, and the sum of the squares of what they leave."""
        responses = self._responses(values)
        left = self._left(responses.sum(axis=0))
        damping = 1.0
        for _ in range(_PEAK_ROUNDS):
            slopes = self._slopes(values, responses, left)
            square = slopes.T @ slopes
            while damping < _MOST_DAMPING:
                step = np.linalg.solve(square + damping * np.diag(np.diag(square) + _STEP), -slopes.T @ left)
                tried = np.clip(values + step.reshape(values.shape), _LOWEST, _HIGHEST)
                tried_responses = self._responses(tried)
                tried_left = self._left(tried_responses.sum(axis=0))
                if tried_left @ tried_left < left @ left:
                    values, responses, left = tried, tried_responses, tried_left
                    damping = max(damping / 4, 1e-6)
                    break
                damping *= 3
            else:
                break
        return values, float(left @ left)

    def _responses(self, values: Float64) -> Float64:
        """Return the gain of each filter in the parts of the bands, shape (filters, bands, parts)."""
        return np.stack([response_db([_band(column)], _PARTS_HZ, self._rate) for column in values.T])

    def _slopes(self, values: Float64, responses: Float64, left: Float64) -> Float64:
        """Return the derivatives of what is left, shape (bands, 3 · filters)."""
        total = responses.sum(axis=0)
        columns = []
        for row in range(len(values)):
            moved = values.copy()
            # The limits of the gain are those of the filters.
            inward = np.where(values[row] > DB_RANGE[1] - _STEP, -_STEP, _STEP) if row == 2 else np.full(PEAKS, _STEP)
            moved[row] += inward
            changed = self._left(total + self._responses(moved) - responses)
            columns.append((changed - left).T / inward)
        return np.concatenate(columns, axis=1)


def _band(values: Float64) -> Band:
    return Band("peak", float(2 ** values[0]), q=float(2 ** values[1]), db=float(values[2]))


def _as_bands(values: Float64) -> tuple[Band, ...]:
    """Return filters by ascending frequency with the digits that are meant, without those that do nothing."""
    found = [_band(column) for column in values[:, np.argsort(values[0])].T]
    meant = tuple(Band("peak", round(each.hz, 1), q=round(each.q, 3), db=round(each.db, 2)) for each in found)
    used = tuple(each for each in meant if abs(each.db) >= NO_PEAK_DB)
    return used or (Band("peak", 1000.0, q=1.0, db=0.0),)
