"""Selection of one channel of stereo files."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.render_inputs import RATE, cabinet
from tone_shootout.audio.constants import Channel
from tone_shootout.audio.convolve import prepare_ir
from tone_shootout.audio.files import Audio, mono
from tone_shootout.audio.signals import AudioError, Float32

LEFT, RIGHT = cabinet(seed=1, rate=RATE), cabinet(seed=2, rate=RATE)


def stereo(left: NDArray[np.floating], right: NDArray[np.floating]) -> Audio:
    return Audio(np.stack([left, right]).astype(np.float32), RATE)


def alone(side: NDArray[np.floating]) -> Float32:
    return prepare_ir(Audio(side.astype(np.float32)[np.newaxis], RATE), RATE)


PEAK = float(np.abs(LEFT).max())


@pytest.mark.parametrize(
    ("right", "expected"),
    [
        (LEFT, LEFT),
        (LEFT + 2.0**-23, LEFT),
        (LEFT + 0.9e-4 * PEAK, LEFT),
        (np.zeros_like(LEFT), LEFT),
        (0.5e-4 * RIGHT, LEFT),
    ],
    ids=["equal", "last bit", "within -80 dB", "silent", "hiss"],
)
@pytest.mark.parametrize("channel", [None, "left", "right", "mean"])
def test_equal_sides_give_one_response_for_every_channel(
    right: NDArray[np.floating], expected: NDArray[np.floating], channel: Channel | None
) -> None:
    assert np.array_equal(prepare_ir(stereo(LEFT, right), RATE, channel=channel), alone(expected))


def test_a_lone_right_side_is_the_response() -> None:
    assert np.array_equal(prepare_ir(stereo(np.zeros_like(LEFT), LEFT), RATE), alone(LEFT))


@pytest.mark.parametrize("right", [RIGHT, LEFT + 1.2e-4 * PEAK, 0.9 * LEFT, -LEFT])
def test_different_sides_are_rejected_with_the_choices(right: NDArray[np.floating]) -> None:
    with pytest.raises(AudioError, match=r'channel to "left", "right" or "mean"') as caught:
        prepare_ir(stereo(LEFT, right), RATE)
    assert caught.value.code == "stereo_ir"


@pytest.mark.parametrize(("channel", "expected"), [("left", LEFT), ("right", RIGHT), ("mean", (LEFT + RIGHT) / 2)])
def test_the_selected_channel_is_used(channel: Channel, expected: NDArray[np.floating]) -> None:
    audio = stereo(LEFT, RIGHT)
    assert prepare_ir(audio, RATE, channel=channel) == pytest.approx(alone(expected), abs=1e-7)
    assert mono(audio, channel) == pytest.approx(expected, abs=1e-7)


def test_the_mean_of_opposite_sides_is_rejected_as_silent() -> None:
    with pytest.raises(AudioError) as caught:
        prepare_ir(stereo(LEFT, -LEFT), RATE, channel="mean")
    assert caught.value.code == "silent"
