"""WAV files in memory: a header of 44 bytes and nothing else, then the samples."""

import struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tone_shootout.audio.signals import Float32

WAV_HEADER_BYTES: Final = 44
_BYTES_PER_SAMPLE: Final = 3


def wav_bytes(samples: NDArray[np.int32], rate: int) -> bytes:
    """Return a 24-bit WAV file: a header of 44 bytes, then the samples.

    Args:
        samples: 24-bit integers, shape (T, channels).
        rate: sample rate in Hz.
    """
    packed = np.ascontiguousarray(samples, dtype="<i4").view(np.uint8).reshape(-1, 4)[:, :_BYTES_PER_SAMPLE]
    return _wav(packed.tobytes(), rate, channels=samples.shape[1], encoding=1, bytes_per_sample=_BYTES_PER_SAMPLE)


def float_wav_bytes(samples: Float32, rate: int) -> bytes:
    """Return a mono WAV file of 32-bit floating point: a header of 44 bytes, then the samples.

    Args:
        samples: shape (T,), full scale ±1; levels above it are preserved.
        rate: sample rate in Hz.
    """
    return _wav(samples.astype("<f4").tobytes(), rate, channels=1, encoding=3, bytes_per_sample=4)


def _wav(body: bytes, rate: int, *, channels: int, encoding: int, bytes_per_sample: int) -> bytes:
    block = channels * bytes_per_sample
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        WAV_HEADER_BYTES - 8 + len(body),
        b"WAVE",
        b"fmt ",
        16,
        encoding,
        channels,
        rate,
        rate * block,
        block,
        8 * bytes_per_sample,
        b"data",
        len(body),
    )
    return header + body
