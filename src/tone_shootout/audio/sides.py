"""Selection of one channel of a stereo file for a mono chain."""

from typing import Final

import numpy as np

from tone_shootout.audio.constants import Channel
from tone_shootout.audio.signals import AudioError, Float32

TOLERANCE: Final = 1e-4
"""Maximum difference between equal sides, and maximum peak of a silent side, relative to the highest peak: −80 dB."""


def single_response(samples: Float32) -> Float32 | None:
    """Return the only impulse response of a file.

    Args:
        samples: samples, shape (channels, T).

    Returns:
        Shape (T,) if all channels are equal within −80 dB of the highest peak, or all but one are below that; else
        None.
    """
    peaks = np.abs(samples).max(axis=1)
    strongest: Float32 = samples[int(peaks.argmax())]
    audible = samples[peaks > TOLERANCE * peaks.max()]
    if len(audible) <= 1:
        return strongest
    if len(audible) == len(samples) and np.abs(samples - samples[0]).max() <= TOLERANCE * peaks.max():
        first: Float32 = samples[0]
        return first
    return None


def select_channel(samples: Float32, channel: Channel) -> Float32:
    """Select one channel of a mono or stereo signal.

    Args:
        samples: samples, shape (1, T) or (2, T).
        channel: channel to select; every choice gives the only channel of a mono signal.

    Returns:
        Samples, shape (T,).

    Raises:
        AudioError: `too_many_channels` for more than two.
    """
    if len(samples) > 2:
        raise AudioError("too_many_channels", f"expected 1 or 2 channels to select from, got {len(samples)}")
    if channel == "mean":
        return np.asarray(samples.mean(axis=0, dtype=np.float64), dtype=np.float32)
    side: Float32 = samples[0 if channel == "left" else -1]
    return side
