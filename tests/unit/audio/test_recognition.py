"""Impulse responses of cabinets are told from recordings by their samples."""

import numpy as np
import pytest

from tests.support.signals import RATE, riff, silence, sine
from tone_shootout.audio.files import Audio
from tone_shootout.audio.recognition import is_impulse_response
from tone_shootout.audio.signals import Float32, as_channels
from tone_shootout.demo import CABINETS
from tone_shootout.demo.cabinets import impulse_response


def _audio(*parts: "np.typing.NDArray[np.floating]") -> Audio:
    return Audio(as_channels(np.concatenate(parts).astype(np.float32)), RATE)


def _decay(seconds: float, length_s: float) -> Float32:
    noise = np.random.default_rng(2).standard_normal(round(length_s * RATE))
    return np.asarray(noise * np.exp(-np.arange(len(noise)) / (seconds * RATE)), dtype=np.float32)


@pytest.mark.parametrize(
    "response",
    [
        *(pytest.param(_audio(impulse_response(cabinet)), id=name) for name, cabinet in CABINETS.items()),
        pytest.param(_audio(_decay(0.01, 0.05)), id="short"),
        pytest.param(_audio(silence(0.1), _decay(0.01, 0.2), silence(2.0)), id="late, and padded with silence"),
    ],
)
def test_a_response_that_decays_at_once_is_recognized(response: Audio) -> None:
    assert is_impulse_response(response)


@pytest.mark.parametrize(
    "recording",
    [
        pytest.param(_audio(riff(6.0)), id="riff"),
        pytest.param(_audio(_decay(0.4, 3.0)), id="one note that rings"),
        pytest.param(_audio(silence(2.0), _decay(0.01, 0.5)), id="a click after two seconds"),
        pytest.param(_audio(sine(-20.0, 1.0)), id="a tone"),
        pytest.param(_audio(_decay(0.01, 0.2), silence(12.0)), id="longer than any response"),
        pytest.param(_audio(silence(1.0)), id="silence"),
    ],
)
def test_anything_else_of_half_a_second_is_a_recording(recording: Audio) -> None:
    assert not is_impulse_response(recording)
