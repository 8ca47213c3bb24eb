"""Two sides of a file and one chain, which is mono: when they are one sound, and which of them is meant otherwise."""

from typing import Final, Literal

import numpy as np

from tone_shootout.audio.signals import AudioError, Float32

Channel = Literal["left", "right", "mean"]
"""Which side of a stereo file is used; `mean` is half the sum of both."""

SAME: Final = 1e-4
"""Relative to the louder side's peak, what two sides may differ by and still be one: -80 dB."""


def one_response(samples: Float32) -> Float32 | None:
    """Return the one impulse response that a file holds, shape (T,); None where its sides differ.

    Sides are one where they differ by no more than −80 dB of the louder side's peak, and where all but one are silent
    to that measure.

    Args:
        samples: shape (channels, T).
    """
    peaks = np.abs(samples).max(axis=1)
    strongest: Float32 = samples[int(peaks.argmax())]
    sounding = samples[peaks > SAME * peaks.max()]
    if len(sounding) <= 1:
        return strongest
    if len(sounding) == len(samples) and np.abs(samples - samples[0]).max() <= SAME * peaks.max():
        first: Float32 = samples[0]
        return first
    return None


def choose(samples: Float32, channel: Channel) -> Float32:
    """Return the wanted side of samples of shape (channels, T), as (T,). A file of one channel has only that.

    Raises:
        AudioError: `too_many_channels` for more than two.
    """
    if len(samples) > 2:
        raise AudioError("too_many_channels", f"expected 1 or 2 channels to choose from, got {len(samples)}")
    if channel == "mean":
        return np.asarray(samples.mean(axis=0, dtype=np.float64), dtype=np.float32)
    side: Float32 = samples[0 if channel == "left" else -1]
    return side
