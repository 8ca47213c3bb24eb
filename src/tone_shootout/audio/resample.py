"""Sample-rate conversion with a linear-phase filter, on libsoxr's very-high-quality recipe."""

import numpy as np
import soxr

from tone_shootout.audio.signals import BLOCK, Float32, Signal, as_channels, as_float32, check_rate


def resample(x: Signal, from_rate: int, to_rate: int) -> Float32:
    """Convert a signal, shape (T,) or (channels, T), to another sample rate.

    Time stays where it is: what happens at sample n comes out at n·to/from. The result has ceil(T·to/from) samples, so
    that going to a rate and back gives at least T, of which the first T are the signal's. The filter is linear-phase,
    flat within 0.01 dB up to 0.46 of the lower rate and below −120 dB from half of it on; computed in double precision.
    Equal rates return the samples unchanged.

    Raises:
        AudioError: `empty`, `not_finite`, `bad_shape` or `unsupported_rate` (8 to 192 kHz).
    """
    channels = as_channels(x)
    if check_rate(from_rate) == check_rate(to_rate):
        return as_float32(x)
    length = -(-channels.shape[1] * to_rate // from_rate)
    # soxr rounds its output's length; a little silence after the signal makes sure of the last sample.
    silence = 2 + 2 * from_rate // to_rate
    total = channels.shape[1] + silence
    stream = soxr.ResampleStream(from_rate, to_rate, len(channels), dtype="float64", quality="VHQ")
    converted = np.empty((len(channels), length), dtype=np.float32)
    done = 0
    for start in range(0, total, BLOCK):
        block = np.zeros((min(BLOCK, total - start), len(channels)))
        part = channels[:, start : start + BLOCK]
        block[: part.shape[1]] = part.T
        made = stream.resample_chunk(block, last=start + BLOCK >= total)[: length - done]
        converted[:, done : done + len(made)] = as_float32(made.T)
        done += len(made)
    return converted.reshape((*x.shape[:-1], length))
