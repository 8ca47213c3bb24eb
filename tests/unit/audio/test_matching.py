"""Equalizers between tones: what was put in is found again, and what is rendered is what was computed."""

import numpy as np
import pytest
from scipy.signal import minimum_phase as scipy_minimum_phase
from scipy.signal import sosfreqz

from tests.support.signals import RATE, riff, silence
from tone_shootout.audio.convolve import convolve_ir
from tone_shootout.audio.filters import Band, biquad, equalize
from tone_shootout.audio.matching import (
    PEAK_Q_RANGE,
    PEAKS,
    band_parts,
    check_audible,
    difference_db,
    match,
    minimum_phase,
    parts_of_levels,
    response_db,
)
from tone_shootout.audio.signals import AudioError
from tone_shootout.audio.spectrum import THIRD_OCTAVES_HZ, power_db, spectrum

NOISE = np.random.default_rng(7).standard_normal(4 * RATE).astype(np.float32) / 8
SHAPE = (
    Band("low_shelf", 150.0, db=4.0),
    Band("peak", 700.0, q=1.4, db=-7.0),
    Band("peak", 2500.0, q=2.0, db=6.0),
    Band("high_shelf", 6000.0, db=-8.0),
)


def _largest(left: tuple[float, ...]) -> float:
    return max(abs(each) for each in left)


@pytest.mark.parametrize("sound", [NOISE, riff(4.0)], ids=["noise", "riff"])
def test_a_known_equalizer_is_found_again(sound: np.ndarray) -> None:
    target, source = band_parts(equalize(sound, RATE, SHAPE), RATE), band_parts(sound, RATE)
    found = match(target, source, RATE)
    assert _largest(found.before_db) > 6
    by_bands = band_parts(equalize(sound, RATE, found.bands), RATE)
    by_ir = band_parts(convolve_ir(sound, minimum_phase(found.curve_db)), RATE)
    # Peak filters can't follow a shelf to the ends. Notes with pauses are less alike to their mean spectrum than noise.
    assert _largest(difference_db(target, by_bands, found.matched)) < 1.2
    assert _largest(difference_db(target, by_ir, found.matched)) < (0.4 if sound is NOISE else 1.0)
    expected = sum(response_db([band], THIRD_OCTAVES_HZ, RATE) for band in SHAPE)
    heard = np.array(found.matched)
    if sound is NOISE:
        assert np.abs((np.array(found.curve_db) + found.gain_db - expected)[heard][2:]).max() < 0.6


def test_filters_stay_within_the_limits_of_a_block() -> None:
    """Levels that jump by 40 dB between neighbors can't be followed."""
    random = np.random.default_rng(3)
    for _ in range(3):
        found = match(parts_of_levels(random.uniform(-45, 0, 30)), parts_of_levels(random.uniform(-45, 0, 30)))
        assert 1 <= len(found.bands) <= PEAKS
        for band in found.bands:
            assert -24.0 <= band.db <= 24.0
            assert PEAK_Q_RANGE[0] <= band.q <= PEAK_Q_RANGE[1]
            assert 25.0 <= band.hz <= 18_000.0
            biquad(band, 44_100)
        assert _largest(found.curve_db) <= 24.0
        assert np.isfinite(found.after_bands_db).all()
        assert _largest(found.after_bands_db) < _largest(found.before_db)


def test_equal_tones_need_nothing() -> None:
    parts = band_parts(NOISE, RATE)
    found = match(parts, parts)
    assert found.curve_db == pytest.approx((0.0,) * 30, abs=1e-9)
    assert [band.db for band in found.bands] == [0.0]
    assert found.gain_db == 0.0


def test_level_is_no_part_of_the_curve() -> None:
    found = match(band_parts(NOISE, RATE), band_parts(NOISE / 4, RATE))
    assert found.gain_db == pytest.approx(20 * np.log10(4), abs=1e-6)
    assert _largest(found.curve_db) < 1e-6


def test_bands_that_hold_noise_are_not_raised() -> None:
    """A source without treble is not given any: its noise would be heard."""
    levels = np.where(THIRD_OCTAVES_HZ < 5000, -30.0, -150.0)
    found = match(parts_of_levels(np.full(30, -30.0)), parts_of_levels(levels))
    assert [each for each, hz in zip(found.matched, THIRD_OCTAVES_HZ, strict=True) if hz > 5000] == [False] * 7
    # It counts as 50 dB below the rest; the limit of the filters is 24 dB.
    assert max(found.curve_db) <= 24.0
    assert max(abs(left) for left in found.after_bands_db) < 1.5


def test_levels_and_parts_agree() -> None:
    levels = spectrum(riff(4.0), RATE).third_octaves_db
    assert power_db(parts_of_levels(levels).sum(axis=1)) == pytest.approx(np.array(levels), abs=1e-9)
    assert power_db(band_parts(riff(4.0), RATE).sum(axis=1)) == pytest.approx(np.array(levels), abs=1e-9)


def test_the_response_of_filters_is_that_of_scipy() -> None:
    _, response = sosfreqz(np.concatenate([biquad(band, RATE) for band in SHAPE]), THIRD_OCTAVES_HZ, fs=RATE)
    assert response_db(SHAPE, THIRD_OCTAVES_HZ, RATE) == pytest.approx(20 * np.log10(np.abs(response)), abs=1e-9)


def test_the_impulse_response_has_the_curve_and_the_least_delay() -> None:
    curve = 8 * np.sin(np.arange(30) / 3)
    response = minimum_phase(curve.tolist()).astype(np.float64)
    spectrum_db = 20 * np.log10(np.abs(np.fft.rfft(response, 1 << 16)))
    hz = np.fft.rfftfreq(1 << 16, 1 / RATE)
    assert np.interp(THIRD_OCTAVES_HZ, hz, spectrum_db)[3:] == pytest.approx(curve[3:], abs=0.3)
    # The magnitude's own minimum phase, by SciPy from the linear-phase response.
    linear = np.roll(np.fft.irfft(np.abs(np.fft.rfft(response, 16_384))), 8_192)[1:]
    oracle = scipy_minimum_phase(linear, method="homomorphic", half=False, n_fft=1 << 17)[:64]
    assert response[:64] == pytest.approx(oracle, abs=2e-3)
    assert np.abs(response).argmax() == 0


@pytest.mark.parametrize(
    ("sound", "code"), [(silence(1.0), "silent"), (NOISE[:12_000], "too_short"), (NOISE * np.nan, "not_finite")]
)
def test_what_can_not_be_matched_is_refused(sound: np.ndarray, code: str) -> None:
    with pytest.raises(AudioError) as caught:
        check_audible(sound, RATE)
    assert caught.value.code == code
    if code != "silent":
        with pytest.raises(AudioError):
            band_parts(sound, RATE)
    else:
        with pytest.raises(AudioError, match="the source is silent"):
            match(band_parts(NOISE, RATE), band_parts(sound, RATE))


def test_tones_without_a_common_band_are_refused() -> None:
    low, high = np.full(30, -150.0), np.full(30, -150.0)
    low[5], high[20] = -20.0, -20.0
    with pytest.raises(AudioError, match="same third octaves"):
        match(parts_of_levels(low), parts_of_levels(high))
    for levels, code in ((low[:29], "bad_shape"), (low * np.nan, "not_finite")):
        with pytest.raises(AudioError) as caught:
            parts_of_levels(levels)
        assert caught.value.code == code
