"""Functions that stand in for packages of SciPy, whose imports take long, give their values to the last bit."""

from importlib.machinery import PathFinder

import numpy as np
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.examples import examples
from tone_shootout.audio import alignment, convolve, fourier, moving, scipy_parts, sections, space, spectrum, true_peak
from tone_shootout.audio.constants import amplitude
from tone_shootout.audio.signals import as_float32

RATES = [8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 64_000, 88_200, 96_000, 176_400, 192_000]


@settings(max_examples=examples(200), deadline=None)
@given(samples=st.integers(1, 40_000), taps=st.integers(1, 4_000), seed=st.integers(0, 99))
def test_convolution(samples: int, taps: int, seed: int) -> None:
    noise = np.random.default_rng(seed)
    x, response = noise.standard_normal(samples), noise.standard_normal(taps)
    np.testing.assert_array_equal(convolve._convolve(x, response), scipy.signal.oaconvolve(x, response))


@pytest.mark.parametrize("shape", [(1_000,), (2, 1_000)])
def test_second_order_sections(shape: tuple[int, ...]) -> None:
    noise = np.random.default_rng(1)
    filter_ = scipy.signal.butter(4, (100, 3_000), "bandpass", fs=48_000, output="sos")
    x, state = noise.standard_normal(shape), noise.standard_normal((len(filter_), *shape[:-1], 2))
    wanted, wanted_state = scipy.signal.sosfilt(filter_, x, zi=state)
    filtered, after = sections.filter_sections(filter_, x, state)
    np.testing.assert_array_equal(filtered, wanted)
    np.testing.assert_array_equal(after, wanted_state)
    np.testing.assert_array_equal(sections.filter_sections(filter_, x)[0], scipy.signal.sosfilt(filter_, x))


def test_compiled_parts_are_imported_with_their_packages_where_they_are_not_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted = scipy.signal.sosfilt.__globals__["_sosfilt"]
    monkeypatch.setattr(PathFinder, "find_spec", lambda *_: None)
    assert scipy_parts.load_part.__wrapped__("signal._sosfilt", "_sosfilt") is wanted


@settings(max_examples=examples(100), deadline=None)
@given(
    length=st.integers(1, 3_000),
    size=st.integers(1, 4_000),
    single=st.booleans(),
    rows=st.sampled_from([(), (3,)]),
)
def test_fourier_transforms(length: int, size: int, single: bool, rows: tuple[int, ...]) -> None:
    x = np.random.default_rng(length).standard_normal((*rows, length)).astype(np.float32 if single else np.float64)
    transformed = scipy.fft.rfft(x, size)
    np.testing.assert_array_equal(fourier.rfft(x, size), transformed)
    np.testing.assert_array_equal(fourier.rfft(x), scipy.fft.rfft(x))
    np.testing.assert_array_equal(fourier.irfft(transformed, length), scipy.fft.irfft(transformed, length))
    assert fourier.fast_length(size) == scipy.fft.next_fast_len(size)
    assert fourier.fast_length(size, real=True) == scipy.fft.next_fast_len(size, real=True)


@settings(max_examples=examples(100), deadline=None)
@given(length=st.integers(1, 2_000), half=st.integers(0, 130), even=st.integers(1, 60))
def test_moving_windows(length: int, half: int, even: int) -> None:
    x = np.random.default_rng(length).standard_normal(length)
    width = 2 * half + 1
    np.testing.assert_array_equal(moving.moving_maximum(x, width), scipy.ndimage.maximum_filter1d(x, width))
    np.testing.assert_array_equal(moving.moving_minimum(x, width), scipy.ndimage.minimum_filter1d(x, width))
    for size in (even, width):
        wanted = scipy.ndimage.median_filter(x, size=size, mode="nearest")
        np.testing.assert_array_equal(moving.moving_median(x, size), wanted)


@pytest.mark.parametrize("factor", [4, 8])
def test_kaiser_windowed_low_pass_filter(factor: int) -> None:
    taps = factor * scipy.signal.firwin(
        2 * true_peak.HALF_LENGTH * factor + 1, 1.0 / factor, window=("kaiser", true_peak.KAISER_BETA)
    )
    for phase in range(factor):
        taps[phase::factor] /= taps[phase::factor].sum()
    np.testing.assert_array_equal(true_peak._interpolator(factor), taps)


@pytest.mark.parametrize("frame", [1, 2, 3, 480, 2_400, 4_410])
def test_hann_window(frame: int) -> None:
    np.testing.assert_array_equal(spectrum._window(frame), scipy.signal.get_window("hann", frame))


@pytest.mark.parametrize("rate", RATES)
def test_sweep(rate: int) -> None:
    count, fade = round(alignment.SWEEP_S * rate), round(alignment.FADE_S * rate)
    seconds, highest = np.arange(count) / rate, min(alignment.SWEEP_HZ[1], 0.45 * rate)
    sweep = scipy.signal.chirp(seconds, alignment.SWEEP_HZ[0], alignment.SWEEP_S, highest, phi=-90.0)
    ramp = np.minimum(1.0, np.arange(count) / fade)
    wanted = as_float32(amplitude(alignment.PROBE_DBFS) * sweep * ramp * ramp[::-1])
    np.testing.assert_array_equal(alignment.latency_probe(rate)[:count], wanted)


@pytest.mark.parametrize("rate", RATES)
def test_octave_bands(rate: int) -> None:
    for hz in space.OCTAVES_HZ:
        if hz * 2**0.5 < rate / 2:
            wanted = scipy.signal.butter(2, (hz / 2**0.5, hz * 2**0.5), "bandpass", fs=rate, output="sos")
            np.testing.assert_array_equal(space._octave_band(hz, rate), wanted)
