from dataclasses import asdict

import numpy as np
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from tests.support.examples import examples
from tests.support.signals import RATE, riff, sine
from tone_shootout.audio.comparison import compare, compare_all
from tone_shootout.audio.filters import Band, biquad, equalize
from tone_shootout.audio.signals import AudioError
from tone_shootout.audio.spectrum import THIRD_OCTAVES_HZ


def test_distance_of_a_signal_from_itself_is_zero() -> None:
    found = compare(riff(1.0), riff(1.0), RATE)
    assert (found.esr, found.esr_pre_emphasized, found.log_mel_db) == (0.0, 0.0, 0.0)
    assert found.correlation == pytest.approx(1.0)
    assert found.third_octaves_db == (0.0,) * 30


def test_esr_is_error_energy_over_reference_energy() -> None:
    reference, x = riff(1.0).astype(np.float64), riff(1.0, seed=9).astype(np.float64)
    found = compare(reference, x, RATE)
    assert found.esr == pytest.approx(np.sum((reference - x) ** 2) / np.sum(reference**2))
    emphasized = [np.convolve(y, [1, -0.95])[: len(y)] for y in (reference, x)]
    expected = np.sum((emphasized[0] - emphasized[1]) ** 2) / np.sum(emphasized[0] ** 2)
    assert found.esr_pre_emphasized == pytest.approx(expected)
    assert found.correlation == pytest.approx(reference @ x / np.sqrt((reference @ reference) * (x @ x)))


def test_inverted_signal_has_correlation_minus_one_and_the_same_spectrum() -> None:
    found = compare(riff(1.0), -riff(1.0), RATE)
    assert found.correlation == pytest.approx(-1.0)
    assert found.esr == pytest.approx(4.0)
    assert found.log_mel_db == 0.0


def test_gain_shifts_every_band_by_the_gain() -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(2 * RATE)
    found = compare(noise, 0.5 * noise, RATE)
    assert found.third_octaves_db == pytest.approx((-6.02,) * 30, abs=0.001)
    assert found.log_mel_db == pytest.approx(6.02, abs=0.05)
    assert found.correlation == pytest.approx(1.0)


def test_eq_band_changes_its_third_octave() -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(5 * RATE)
    band = Band("peak", 1000.0, 4.0, 6.0)
    found = compare(noise, equalize(noise, RATE, [band]), RATE)
    for index, hz in enumerate(THIRD_OCTAVES_HZ):
        inside = np.linspace(hz * 10**-0.05, hz * 10**0.05, 200)
        _, response = scipy.signal.freqz_sos(biquad(band, RATE), worN=inside, fs=RATE)
        expected = 10 * np.log10(np.mean(np.square(np.abs(response))))
        assert found.third_octaves_db[index] == pytest.approx(expected, abs=0.2)


def test_levels_80_db_below_the_maximum_are_ignored() -> None:
    loud = sine(-6, 1.0, hz=300)
    assert compare(loud, loud + sine(-100, 1.0, hz=5000), RATE).log_mel_db < 0.01
    assert compare(loud, loud + sine(-40, 1.0, hz=5000), RATE).log_mel_db > 1.0


@pytest.mark.parametrize(
    ("reference", "x", "code"),
    [
        ([0.0, 0.0], [0.0, 1.0], "silent"),
        ([0.0, 1.0], [0.0, 0.0], "silent"),
        ([0.0, 1.0], [1.0], "bad_shape"),
        ([], [], "empty"),
        ([np.nan], [1.0], "not_finite"),
    ],
)
def test_invalid_pair_is_refused(reference: list[float], x: list[float], code: str) -> None:
    with pytest.raises(AudioError) as caught:
        compare(np.array(reference), np.array(x), RATE)
    assert caught.value.code == code


finite = st.floats(-(2.0**100), 2.0**100, width=32)


@settings(max_examples=examples(60), deadline=None)
@given(
    pair=st.integers(1, 2500).flatmap(
        lambda n: st.tuples(*[arrays.arrays(np.float32, n, elements=finite).filter(np.any) for _ in range(2)])
    ),
    rate=st.sampled_from([8_000, 48_000]),
)
def test_distances_are_never_nan(pair: tuple[NDArray[np.float32], NDArray[np.float32]], rate: int) -> None:
    found = compare(*pair, rate)
    values = [found.esr, found.esr_pre_emphasized, found.correlation, found.log_mel_db, *found.third_octaves_db]
    assert np.isfinite(values).all()


def test_compare_all_equals_compare_of_each_pair() -> None:
    signals = [gain * riff(2.0, seed=seed) for seed, gain in ((1, 1.0), (2, 0.01), (3, 30.0))]
    found = compare_all(signals, RATE)
    assert list(found) == [(0, 1), (0, 2), (1, 2)]
    for (one, other), comparison in found.items():
        alone = compare(signals[one], signals[other], RATE)
        for name, value in asdict(alone).items():
            assert asdict(comparison)[name] == pytest.approx(value, rel=1e-6, abs=1e-9)


def test_single_signal_has_no_comparison() -> None:
    assert compare_all([riff(1.0)], RATE) == {}
