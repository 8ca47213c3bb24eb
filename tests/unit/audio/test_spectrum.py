import numpy as np
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from tests.support.examples import examples
from tests.support.signals import RATE, riff, sine
from tone_shootout.audio.signals import AudioError
from tone_shootout.audio.spectrum import (
    THIRD_OCTAVES_HZ,
    Spectrum,
    mel_bands,
    mel_spectrogram,
    power_density,
    spectrum,
)

WHITE = 0.1 * np.random.default_rng(0).standard_normal(20 * RATE)


def pink() -> NDArray[np.float64]:
    bins = np.fft.rfft(WHITE)
    bins[1:] /= np.sqrt(np.arange(1, len(bins)))
    return np.fft.irfft(bins)


def test_bands_match_iec_61260() -> None:
    nominal = [
        *(25, 31.5, 40, 50, 63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630),
        *(800, 1000, 1250, 1600, 2000, 2500, 3150, 4000, 5000, 6300, 8000, 10_000, 12_500, 16_000, 20_000),
    ]
    assert pytest.approx(nominal, rel=0.015) == THIRD_OCTAVES_HZ


def test_density_matches_the_method_of_welch() -> None:
    signal = riff(3.0)
    frame, size = round(0.17 * RATE), 8192
    _, expected = scipy.signal.welch(signal.astype(np.float64), RATE, nperseg=frame, nfft=size, detrend=False)
    frequency, density = power_density(signal, RATE)
    assert frequency[-1] == RATE / 2
    assert density == pytest.approx(expected, rel=1e-9, abs=1e-20)


def test_white_noise_rises_by_3_db_per_octave_and_pink_noise_is_flat() -> None:
    white = spectrum(WHITE, RATE)
    assert white.tilt_db_per_octave == pytest.approx(3.01, abs=0.05)
    assert spectrum(pink(), RATE).tilt_db_per_octave == pytest.approx(0.0, abs=0.05)
    assert white.centroid_hz == pytest.approx(10_010, rel=0.01)
    assert white.bass_share == pytest.approx(230 / 19_980, rel=0.05)
    assert white.middle_share == pytest.approx(1750 / 19_980, rel=0.02)
    expected = -20 + 10 * np.log10(THIRD_OCTAVES_HZ * (10**0.05 - 10**-0.05) / (RATE / 2))
    assert white.third_octaves_db[12:] == pytest.approx(expected[12:], abs=0.3)


@pytest.mark.parametrize("band", [6, 12, 16, 22, 28])
def test_sine_has_its_level_in_its_band(band: int) -> None:
    hz = float(THIRD_OCTAVES_HZ[band])
    found = spectrum(sine(-10, 2.0, hz=hz), RATE)
    assert int(np.argmax(found.third_octaves_db)) == band
    assert found.third_octaves_db[band] == pytest.approx(-13.01, abs=0.1)
    assert found.centroid_hz == pytest.approx(hz, rel=1e-3)
    assert found.bass_share + found.middle_share + found.treble_share == pytest.approx(1.0)
    assert (found.bass_share, found.middle_share, found.treble_share)[
        0 if hz < 250 else 1 if hz < 2000 else 2
    ] == pytest.approx(1.0, abs=1e-3)


def test_centroid_of_two_equal_sines_is_their_mean_frequency() -> None:
    both = sine(-20, 2.0, hz=500) + sine(-20, 2.0, hz=4500)
    assert spectrum(both, RATE).centroid_hz == pytest.approx(2500, rel=1e-3)


@pytest.mark.parametrize("rate", [8_000, 44_100, 96_000])
def test_bands_do_not_depend_on_the_rate_and_are_empty_above_nyquist(rate: int) -> None:
    found = spectrum(sine(-10, 2.0, hz=1000, rate=rate), rate)
    assert found.third_octaves_db[16] == pytest.approx(-13.01, abs=0.1)
    beyond = np.array(found.third_octaves_db)[rate / 2 < 10**0.05 * THIRD_OCTAVES_HZ]
    assert (beyond == -200).all()


def test_gain_changes_levels_only() -> None:
    quiet, loud = spectrum(riff(2.0), RATE), spectrum(10 * riff(2.0), RATE)
    assert np.subtract(loud.third_octaves_db, quiet.third_octaves_db) == pytest.approx(np.full(30, 20.0), abs=1e-4)
    assert loud.centroid_hz == pytest.approx(quiet.centroid_hz, rel=1e-5)
    assert loud.tilt_db_per_octave == pytest.approx(quiet.tilt_db_per_octave, abs=1e-5)


@pytest.mark.parametrize("samples", [1, 2, 10_000])
def test_silence_has_an_empty_spectrum(samples: int) -> None:
    assert spectrum(np.zeros(samples), RATE) == Spectrum((-200.0,) * 30, 0.0, 0.0, 0.0, 0.0, 0.0)


def test_mel_bands_overlap_to_one_between_the_first_and_the_last_peak() -> None:
    bands = mel_bands(RATE, 4096)
    hz = np.arange(2049) * RATE / 4096
    assert bands.shape == (64, 2049)
    assert bands.sum(axis=0)[(hz > 100) & (hz < 15_000)] == pytest.approx(1.0)
    assert not bands[:, (hz < 40) | (hz > 16_000)].any()


def test_spectrogram_of_a_long_signal_consists_of_its_frames() -> None:
    signal = riff(12.0)
    whole = mel_spectrogram(signal, RATE, frame=1920, hop=480)
    assert whole.shape == (64, 1 + (len(signal) - 1920) // 480)
    for frame in (0, 511, 512, 1000):
        alone = mel_spectrogram(signal[480 * frame : 480 * frame + 1920], RATE, frame=1920, hop=480)
        assert whole[:, [frame]] == pytest.approx(alone, rel=1e-9)


@pytest.mark.parametrize(
    ("signal", "rate", "code"),
    [
        ([], RATE, "empty"),
        ([np.nan], RATE, "not_finite"),
        ([[[0.0]]], RATE, "bad_shape"),
        ([0.0], 1, "unsupported_rate"),
    ],
)
def test_invalid_signal_is_refused(signal: list[float], rate: int, code: str) -> None:
    with pytest.raises(AudioError) as caught:
        spectrum(np.array(signal), rate)
    assert caught.value.code == code


@settings(max_examples=examples(60), deadline=None)
@given(
    signal=arrays.arrays(np.float32, st.integers(1, 3000), elements=st.floats(-(2.0**100), 2.0**100, width=32)),
    rate=st.sampled_from([8_000, 48_000, 192_000]),
)
def test_spectrum_is_always_finite(signal: NDArray[np.float32], rate: int) -> None:
    found = spectrum(signal, rate)
    assert np.isfinite([*found.third_octaves_db, found.centroid_hz, found.tilt_db_per_octave]).all()
    assert 0 <= found.bass_share <= 1


def test_the_spectrum_of_two_sides_is_the_mean_of_their_power() -> None:
    left, right = WHITE[: 2 * RATE], sine(-20.0, 2.0, hz=500.0)
    both = spectrum(np.stack([left, right]), RATE)
    powers = [10 ** (np.array(spectrum(side, RATE).third_octaves_db) / 10) for side in (left, right)]
    assert 10 ** (np.array(both.third_octaves_db) / 10) == pytest.approx(np.mean(powers, axis=0), rel=1e-6)
    assert spectrum(np.stack([left, left]), RATE).centroid_hz == pytest.approx(spectrum(left, RATE).centroid_hz)
