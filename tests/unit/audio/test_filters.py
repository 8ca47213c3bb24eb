import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.support.examples import examples
from tests.support.signals import RATE, riff, sine
from tone_shootout.audio.filters import DB_RANGE, KINDS, Q_RANGE, Band, Kind, biquad, equalize
from tone_shootout.audio.signals import AudioError


def gain_db(band: Band, hz: float, rate: int = RATE) -> float:
    z = np.exp(-2j * np.pi * hz / rate)
    powers = np.array([1, z, z * z])
    section = biquad(band, rate)[0]
    return 20 * float(np.log10(np.abs((section[:3] @ powers) / (section[3:] @ powers))))


def analog_gain_db(band: Band, hz: float, rate: int = RATE) -> float:
    """Evaluate the analog prototype of the cookbook at the prewarped frequency."""
    s = 1j * np.tan(np.pi * hz / rate) / np.tan(np.pi * band.hz / rate)
    a, q = 10 ** (band.db / 40), band.q
    numerator, denominator = {
        "lowpass": (1, s**2 + s / q + 1),
        "highpass": (s**2, s**2 + s / q + 1),
        "peak": (s**2 + s * a / q + 1, s**2 + s / (a * q) + 1),
        "low_shelf": (a * (s**2 + np.sqrt(a) / q * s + a), a * s**2 + np.sqrt(a) / q * s + 1),
        "high_shelf": (a * (a * s**2 + np.sqrt(a) / q * s + 1), s**2 + np.sqrt(a) / q * s + a),
    }[band.kind]
    return 20 * float(np.log10(np.abs(numerator / denominator)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hz", [80.0, 1000.0, 12_000.0])
@pytest.mark.parametrize(("q", "db"), [(0.5, -12.0), (0.7071, 6.0), (4.0, 3.0)])
def test_every_band_matches_its_analog_prototype(kind: Kind, hz: float, q: float, db: float) -> None:
    band = Band(kind, hz, q, db)
    for probe in (20.0, 80.0, 440.0, 3000.0, 12_000.0, 20_000.0):
        assert gain_db(band, probe) == pytest.approx(analog_gain_db(band, probe), abs=1e-6)


def test_sine_through_a_peak_band_gains_its_level() -> None:
    out = equalize(sine(-20, 1.0, hz=3000), RATE, [Band("peak", 3000.0, 0.9, 6.0)])
    assert 20 * np.log10(np.abs(out[RATE // 2 :]).max()) == pytest.approx(-14.0, abs=0.001)


def test_bands_in_series_add_up_and_channels_stay_independent() -> None:
    bands = [Band("highpass", 80.0), Band("high_shelf", 5000.0, db=-4.0)]
    left, right = riff(0.5, seed=1), riff(0.5, seed=2)
    both = equalize(np.stack([left, right]), RATE, bands)
    one_by_one = equalize(equalize(left, RATE, bands[:1]), RATE, bands[1:])
    assert both[0] == pytest.approx(one_by_one, abs=1e-6)
    assert np.array_equal(both[1], equalize(right, RATE, bands))


def test_empty_bands_leave_the_signal_unchanged() -> None:
    assert np.array_equal(equalize(riff(0.1), RATE, []), riff(0.1))


@pytest.mark.parametrize(
    ("band", "message"),
    [
        (Band("peak", 0.0), "from 1 to 23999 Hz, got 0 Hz"),
        (Band("peak", -100.0), "from 1 to 23999 Hz"),
        (Band("lowpass", 24_000.0), "from 1 to 23999 Hz"),
        (Band("lowpass", np.nan), "got nan Hz"),
        (Band("peak", 1000.0, 0.0), "Q from 0.1 to 20, got 0"),
        (Band("peak", 1000.0, 1.0, 24.1), "gain from -24 to 24 dB"),
    ],
)
def test_band_out_of_range_is_refused_with_the_range(band: Band, message: str) -> None:
    with pytest.raises(AudioError, match=message) as caught:
        equalize(np.zeros(10), RATE, [band])
    assert caught.value.code == "out_of_range"


@pytest.mark.parametrize(("signal", "code"), [([], "empty"), ([np.nan], "not_finite")])
def test_invalid_signal_is_refused_by_the_equalizer(signal: list[float], code: str) -> None:
    with pytest.raises(AudioError) as caught:
        equalize(np.array(signal), RATE, [])
    assert caught.value.code == code


@settings(max_examples=examples(60), deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    share=st.floats(0, 1),
    q=st.floats(*Q_RANGE),
    db=st.floats(*DB_RANGE),
    rate=st.sampled_from([8_000, 44_100, 192_000]),
)
def test_output_stays_finite_and_bounded_at_every_setting(
    kind: Kind, share: float, q: float, db: float, rate: int
) -> None:
    band = Band(kind, 1.0 + share * (rate / 2 - 2.0), q, db)
    noise: NDArray[np.float64] = np.random.default_rng(0).uniform(-1, 1, 20_000)
    assert np.abs(equalize(noise, rate, [band])).max() < 10 ** (24 / 20) * 40
