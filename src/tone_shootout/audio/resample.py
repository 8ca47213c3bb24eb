"""Sample-rate conversion with a linear-phase filter (libsoxr, quality VHQ)."""

import numpy as np
import soxr

from tone_shootout.audio.signals import BLOCK, Float32, Signal, as_channels, as_float32, check_rate


def resample(x: Signal, from_rate: int, to_rate: int) -> Float32:
    """Convert a signal to another sample rate, without latency.

    Sample n of the input corresponds to position n·to/from of the output. The filter is linear-phase, flat within
    0.01 dB up to 0.46 of the lower rate and below −120 dB from half of it on; computed in double precision. Equal rates
    return the samples unchanged.

    Args:
        x: samples, shape (T,) or (channels, T).
        from_rate: sample rate of `x` in Hz, 8 to 192 kHz.
        to_rate: sample rate of the result in Hz, 8 to 192 kHz.

    Returns:
        ceil(T·to/from) samples per channel. A conversion there and back has at least T samples, of which the first T
        correspond to `x`.

    Raises:
        AudioError: `empty`, `not_finite`, `bad_shape` or `unsupported_rate`.
    """
    channels = as_channels(x)
    if check_rate(from_rate) == check_rate(to_rate):
        return as_float32(x)
    length = -(-channels.shape[1] * to_rate // from_rate)
    # soxr rounds the length of its output; a few zeros after the signal ensure that the last sample is complete.
    silence = 2 + 2 * from_rate // to_rate
    total = channels.shape[1] + silence
    stream = soxr.ResampleStream(from_rate, to_rate, len(channels), dtype="float64", quality="VHQ")
    converted = np.empty((len(channels), length), dtype=np.float32)
    done = 0
    for start in range(0, total, BLOCK):
        block = np.zeros((min(BLOCK, total - start), len(channels)))
        part = channels[:, start : start + BLOCK]
        block[: part.shape[1]] = part.T
        chunk = stream.resample_chunk(block, last=start + BLOCK >= total)[: length - done]
        converted[:, done : done + len(chunk)] = as_float32(chunk.T)
        done += len(chunk)
    return converted.reshape((*x.shape[:-1], length))
