"""The two cabinets of the demo."""

import numpy as np
import pytest
import scipy
from numpy.typing import NDArray

from tone_shootout.demo.cabinets import CLOSED_4X12, OPEN_1X12, Cabinet, impulse_response
from tone_shootout.demo.strings import RATE

CABINETS = pytest.mark.parametrize("cabinet", [OPEN_1X12, CLOSED_4X12], ids=["open-1x12", "closed-4x12"])


def decibels(cabinet: Cabinet) -> NDArray[np.float64]:
    """Gain at every whole Hz from 0 to half the sample rate."""
    return 20.0 * np.log10(np.abs(np.fft.rfft(impulse_response(cabinet).astype(np.float64), RATE)))


@CABINETS
def test_response_is_85_ms_long_finite_and_deterministic(cabinet: Cabinet) -> None:
    response = impulse_response(cabinet)
    assert response.shape == (4_096,)
    assert response.dtype == np.float32
    assert np.isfinite(response).all()
    np.testing.assert_array_equal(response, impulse_response(cabinet))


@CABINETS
def test_energy_decays(cabinet: Cabinet) -> None:
    energy = impulse_response(cabinet).astype(np.float64) ** 2
    assert energy[: RATE // 100].sum() > 0.99 * energy.sum()
    blocks = energy.reshape(8, 512).sum(axis=1)
    assert (blocks[1:] < 0.5 * blocks[:-1]).all()
    assert energy[-48:].max() < 1e-8 * energy.max()


@CABINETS
def test_maximum_gain_is_0_db_within_the_band_of_the_cone(cabinet: Cabinet) -> None:
    gain = decibels(cabinet)
    assert gain.max() == pytest.approx(0.0, abs=0.02)
    assert 80 < gain.argmax() < 5_000


@CABINETS
def test_response_attenuates_rumble_and_hiss(cabinet: Cabinet) -> None:
    gain = decibels(cabinet)
    assert gain[:30].max() < -20.0
    assert gain[8_000] < -20.0
    assert gain[8_000] - gain[16_000] > 18.0
    assert gain[16_000:].max() < -50.0
    assert gain[100:5_000].min() > -25.0


@CABINETS
def test_response_is_minimum_phase(cabinet: Cabinet) -> None:
    response = impulse_response(cabinet).astype(np.float64)
    oracle = scipy.signal.minimum_phase(response, n_fft=2**18, half=False)
    np.testing.assert_allclose(response, oracle[: response.size], atol=1e-3 * np.abs(response).max())


def test_the_two_cabinets_differ_as_documented() -> None:
    open_back, closed = decibels(OPEN_1X12), decibels(CLOSED_4X12)
    assert closed[100] - open_back[100] > 3.0
    assert open_back[5_000] - closed[5_000] > 3.0
