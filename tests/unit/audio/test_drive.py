"""Drive curve, harmonics, noise and aliasing against nonlinearities whose partials are known in closed form."""

from collections.abc import Callable

import numpy as np
import pytest

from tone_shootout.audio.constants import amplitude
from tone_shootout.audio.drive import LEVELS_DBFS, measure_drive
from tone_shootout.audio.signals import AudioError, Float32, as_float32

RATES = [8_000, 44_100, 48_000, 96_000]


@pytest.mark.parametrize("rate", RATES)
def test_gain_has_a_linear_drive_curve_without_harmonics_noise_or_aliasing(rate: int) -> None:
    found = measure_drive(lambda x: as_float32(0.5 * x), rate)
    assert [point.input_dbfs for point in found.drive] == list(LEVELS_DBFS)
    for point in found.drive:
        assert point.output_dbfs == pytest.approx(point.input_dbfs + 20 * np.log10(0.5), abs=1e-4)
        assert max(point.harmonics_db) < -110.0
    assert (found.noise_dbfs, found.dc_offset) == (-200.0, 0.0)
    assert found.aliasing_db < -110.0


@pytest.mark.parametrize("rate", RATES)
def test_harmonics_of_a_polynomial_match_its_expansion(rate: int) -> None:
    """x + b·x² + c·x³ of A·sin: b·A²/2 at twice, c·A³/4 at three times the frequency, A + 3c·A³/4 at the first."""
    b, c = 0.2, 0.1
    found = measure_drive(lambda x: as_float32(x + b * x**2 + c * x**3), rate)
    for point in found.drive:
        a = amplitude(point.input_dbfs)
        fundamental = a + 0.75 * c * a**3
        expected = [20 * np.log10(b * a**2 / 2 / fundamental), 20 * np.log10(c * a**3 / 4 / fundamental)]
        assert point.harmonics_db[:2] == pytest.approx(expected, abs=0.05)
        assert max(point.harmonics_db[2:]) < -100.0
        power = fundamental**2 + (b * a**2 / 2) ** 2 + (c * a**3 / 4) ** 2
        assert point.output_dbfs == pytest.approx(10 * np.log10(power), abs=0.001)


def test_folded_partials_of_a_square_wave_count_as_aliasing() -> None:
    """Its odd partials have the power 8/(πk)²; partials from the 19th on are above 24 kHz and alias."""
    found = measure_drive(lambda x: np.sign(x), 48_000)
    inside = sum(8 / (np.pi * k) ** 2 for k in range(1, 19, 2))
    assert found.aliasing_db == pytest.approx(10 * np.log10(1 - inside), abs=0.05)


def test_harmonics_below_the_nyquist_frequency_do_not_count_as_aliasing() -> None:
    assert measure_drive(lambda x: as_float32(x - 0.3 * x**3), 48_000).aliasing_db < -100.0


def test_noise_excludes_the_dc_offset() -> None:
    rng = np.random.default_rng(1)
    found = measure_drive(lambda x: as_float32(0.1 + 0.001 * rng.standard_normal(len(x))), 48_000)
    assert found.noise_dbfs == pytest.approx(-60.0, abs=0.2)
    assert found.dc_offset == pytest.approx(0.1, abs=1e-4)


def test_silent_output_gives_finite_floor_levels() -> None:
    found = measure_drive(np.zeros_like, 48_000)
    assert {found.noise_dbfs, found.aliasing_db, *(point.output_dbfs for point in found.drive)} == {-200.0}
    assert {db for point in found.drive for db in point.harmonics_db} == {-200.0}


@pytest.mark.parametrize(("broken", "code"), [(lambda x: x[1:], "bad_shape"), (lambda x: x * np.nan, "not_finite")])
def test_invalid_output_is_refused(broken: Callable[[Float32], Float32], code: str) -> None:
    with pytest.raises(AudioError) as caught:
        measure_drive(broken, 48_000)
    assert caught.value.code == code
