"""Excerpts of 24-bit FLAC files as integers, for listening tests.

Stimuli of a listening test must not be told apart by their files: dither makes each copy of a sound different.
"""

import io
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray

from tone_shootout.audio.signals import AudioError

Int32 = NDArray[np.int32]

FULL_SCALE: Final = 2**23


def read_flac_excerpt(content: bytes, *, start: int, samples: int) -> Int32:
    """Decode a part of a 24-bit FLAC file, with memory for that part only.

    Args:
        content: the file.
        start: first sample, 0 or more.
        samples: number of samples; what lies behind the end of the file is silence.

    Returns:
        24-bit integers, shape (samples, channels).

    Raises:
        AudioError: `not_audio`: the file is no 24-bit FLAC file with one or two channels.
    """
    try:
        with av.open(io.BytesIO(content), "r", format="flac") as container:
            stream = container.streams.audio[0]
            channels = stream.codec_context.channels
            # A damaged header leaves no format.
            if getattr(stream.codec_context.format, "name", "") != "s32" or channels not in (1, 2):
                raise AudioError("not_audio", "expected a 24-bit FLAC file with one or two channels")
            found = np.zeros((samples, channels), dtype=np.int32)
            position = 0
            for frame in container.decode(stream):
                block = frame.to_ndarray().view(np.int32).reshape(-1, channels) >> 8
                first, last = max(start, position), min(start + samples, position + len(block))
                if first < last:
                    found[first - start : last - start] = block[first - position : last - position]
                position += len(block)
                if position >= start + samples:
                    break
    except (av.FFmpegError, IndexError, ValueError):
        raise AudioError("not_audio", "expected a 24-bit FLAC file with one or two channels") from None
    return found


def fade(samples: Int32, length: int) -> Int32:
    """Return samples with a raised-cosine fade in and out.

    Args:
        samples: shape (T, channels).
        length: samples of each fade; at most T / 2.
    """
    ramp = (0.5 - 0.5 * np.cos(np.pi * (np.arange(length) + 0.5) / length))[:, None]
    faded = samples.copy()
    if length:
        faded[:length] = np.rint(samples[:length] * ramp)
        faded[-length:] = np.rint(samples[-length:] * ramp[::-1])
    return faded


def dither(samples: Int32, generator: np.random.Generator) -> Int32:
    """Return samples with TPDF dither of 1 LSB: a different copy each time, with noise at −144.5 dBFS.

    Rounding the sum of an integer and triangular noise between −1 and 1 moves it by −1, 0 or 1 with probabilities 1/8,
    3/4 and 1/8, which is drawn directly.

    Args:
        samples: 24-bit integers, shape (T, channels).
        generator: source of the noise.
    """
    dice = np.frombuffer(generator.bytes(samples.size), dtype=np.uint8).reshape(samples.shape) & 7
    noise = (dice == 0).astype(np.int32) - (dice == 1)
    limited: Int32 = np.clip(samples + noise, -FULL_SCALE, FULL_SCALE - 1).astype(np.int32)
    return limited
