"""Sides of stereo files and signals: selection, and what is done with each of them."""

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from tone_shootout.audio.constants import Channel
from tone_shootout.audio.signals import AudioError, Float32

SIDES: Final[tuple[Channel, Channel]] = ("left", "right")

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


def each_side(process: Callable[[Float32], Float32], x: Float32) -> Float32:
    """Process a mono signal, shape (T,), as it is, or each side of a stereo signal, shape (2, T), on its own."""
    return process(x) if x.ndim == 1 else np.stack([process(side) for side in x])


def with_responses(process: Callable[[Float32, Float32], Float32], x: Float32, responses: Float32) -> Float32:
    """Process a signal with impulse responses: one for all sides, or one for each.

    Args:
        process: takes a side, shape (T,), and its response.
        x: shape (T,) or (2, T).
        responses: shape (N,) or (2, N); a mono signal goes through both.

    Returns:
        Shape (T,) if signal and response are mono, else (2, T).
    """
    if responses.ndim == 1:
        return each_side(lambda side: process(side, responses), x)
    sides = x if x.ndim == 2 else (x, x)
    return np.stack([process(side, response) for side, response in zip(sides, responses, strict=True)])


def outline(samples: Float32) -> tuple[Float32, Float32]:
    """Return the lowest and the highest sample of all channels at each time, each of shape (T,).

    Args:
        samples: shape (T,) or (channels, T).
    """
    return (samples, samples) if samples.ndim == 1 else (samples.min(axis=0), samples.max(axis=0))


def louder_side(samples: Float32) -> Float32:
    """Return the channel with the most energy, shape (T,), of samples of shape (T,) or (channels, T)."""
    if samples.ndim == 1:
        return samples
    side: Float32 = samples[int(np.einsum("ct,ct->c", samples, samples, dtype=np.float64).argmax())]
    return side


def as_two_sides(samples: Float32) -> Float32:
    """Return samples of shape (2, T) that are as loud over both sides by BS.1770 as they were.

    A mono signal, shape (T,), is 3.01 LU louder on two sides than on one: both get it with −3.01 dB.
    """
    if samples.ndim == 2:
        return samples
    return np.stack([samples * np.float32(math.sqrt(0.5))] * 2)


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
