"""Raised-cosine fades at the ends of a signal, so that a cut in the middle of a note makes no click."""

import numpy as np

from tone_shootout.audio.constants import FADE_MS
from tone_shootout.audio.signals import Float32, Float64, Signal, as_channels, as_float32, check_rate


def raised_cosine(length: int) -> Float64:
    """Return a rising fade: 0.5 − 0.5·cos(π·(n + 0.5)/length), shape (length,). Its reverse falls."""
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * (np.arange(length) + 0.5) / length))


def fade_ends(x: Signal, rate: int, *, start: bool = True, end: bool = True) -> Float32:
    """Fade a signal in and out over `FADE_MS`, computed in double precision.

    The first and last faded samples are at most −93 dB of what they were, at 48 kHz.

    Args:
        x: samples, shape (T,) or (channels, T); a signal of less than two fades is faded over half its length.
        rate: sample rate in Hz.
        start: whether to fade in.
        end: whether to fade out.

    Returns:
        Samples in the shape of `x`, a copy.

    Raises:
        AudioError: `empty`, `bad_shape`, `not_finite` or `unsupported_rate`.
    """
    as_channels(x)
    length = min(round(FADE_MS * check_rate(rate) / 1000), x.shape[-1] // 2)
    faded = as_float32(x).copy()
    if length == 0:
        return faded
    ramp = raised_cosine(length)
    if start:
        faded[..., :length] = x[..., :length] * ramp
    if end:
        faded[..., -length:] = x[..., -length:] * ramp[::-1]
    return faded
