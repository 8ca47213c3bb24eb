"""Cabinet impulse responses: convolution, blend and cuts.

An impulse response keeps its gain and its leading silence. It is not normalized: the level match at the end of a
shootout equalizes levels anyway, and the level that an IR passes to later blocks is part of its sound.
"""

from math import ceil, e, gcd

import numpy as np
from numpy.typing import NDArray

from tone_shootout.audio.constants import STEREO_IR, Channel
from tone_shootout.audio.files import Audio
from tone_shootout.audio.filters import Band, equalize
from tone_shootout.audio.fourier import fast_length, irfft, rfft
from tone_shootout.audio.resample import resample
from tone_shootout.audio.scipy_parts import load_part
from tone_shootout.audio.sides import SIDES, select_channel, single_response
from tone_shootout.audio.signals import (
    BLOCK,
    AudioError,
    Float32,
    Float64,
    Signal,
    as_float32,
    as_mono,
    check_mono,
    check_range,
    check_rate,
    mix_dry_wet,
)

ORIGIN = 128
"""Sample of a prepared IR at time zero. A linear-phase resampler rings before an IR's first sample as well as after it;
truncating the pre-ringing would change the treble by some decibels."""


def prepare_ir(audio: Audio, rate: int, *, channel: Channel | None = None) -> Float32:
    """Convert an impulse response to one channel at the sample rate of a chain.

    Resampling preserves the response's gain at every frequency: the samples are scaled by the ratio of the rates,
    because a convolution sums more of them per second at a higher rate.

    Args:
        audio: decoded IR. Channels that are equal within −80 dB of the peak, or of which all but one are silent, count
            as one response.
        rate: sample rate of the chain in Hz.
        channel: channel to use of a stereo file whose sides differ; ignored for other files.

    Returns:
        Shape (T,), with time zero at sample `ORIGIN`.

    Raises:
        AudioError: `stereo_ir` for sides that differ if `channel` is None, `silent` for an IR of zeros, `empty`,
            `not_finite` or `unsupported_rate`.
    """
    response = single_response(audio.samples)
    if response is None and channel is not None:
        response = select_channel(audio.samples, channel)
    if response is None:
        raise AudioError("stereo_ir", STEREO_IR)
    ir = as_mono(response)
    if not ir.any():
        raise AudioError("silent", "expected an impulse response with a sample that is not zero")
    check_rate(audio.rate)
    # Pad with enough silence that time zero falls on a sample at both rates, at `ORIGIN` or later.
    step = audio.rate // gcd(audio.rate, check_rate(rate))
    silence = step * -(-ORIGIN * audio.rate // (rate * step))
    moved = resample(np.pad(ir, silence), audio.rate, rate)
    return as_float32(moved[silence * rate // audio.rate - ORIGIN :] * (audio.rate / rate))


def prepare_responses(audio: Audio, rate: int, *, channel: Channel | None = None) -> Float32:
    """Convert an impulse response, one or two channels, to the sample rate of a chain.

    Args:
        audio: decoded IR, as for `prepare_ir`.
        rate: sample rate of the chain in Hz.
        channel: channel to use of a stereo file whose sides differ; None: both.

    Returns:
        Shape (T,), or (2, T) for sides that differ if `channel` is None, each with time zero at sample `ORIGIN`.

    Raises:
        AudioError: `silent`, `empty`, `not_finite` or `unsupported_rate`.
    """
    if channel is None and single_response(audio.samples) is None:
        return np.stack([prepare_ir(audio, rate, channel=side) for side in SIDES])
    return prepare_ir(audio, rate, channel=channel)


def convolve_ir(x: Signal, ir: Signal, *, origin: int = 0) -> Float32:
    """Convolve a mono signal with an impulse response at the same rate, computed in double precision.

    Args:
        x: samples, shape (T,).
        ir: impulse response, shape (N,).
        origin: sample of `ir` at time zero, 0 to N.

    Returns:
        Samples, shape (T,); the tail after the end of the signal is discarded.

    Raises:
        AudioError: `empty`, `not_finite` or `bad_shape`.
    """
    signal = check_mono(x)
    length = len(signal) + origin
    response = as_mono(ir)[:length]
    wet = np.empty(len(signal), dtype=np.float32)
    # Overlap-add: the tail of a block is added to the start of the next one.
    size = max(BLOCK, 4 * len(response))
    tail = np.zeros(len(response) - 1)
    for start in range(0, length, size):
        block = np.zeros(min(size, length - start))
        part = signal[start : start + size]
        block[: len(part)] = part
        convolved = _convolve(block, response)
        convolved[: len(tail)] += tail
        tail = convolved[len(block) :]
        skipped = max(0, origin - start)
        wet[start + skipped - origin : start + len(block) - origin] = as_float32(convolved[skipped : len(block)])
    return wet


def _convolve(x: Float64, response: Float64) -> Float64:
    """Return the full convolution, as `scipy.signal.oaconvolve` does, whose import takes most of a second.

    Args:
        x: samples, shape (T,).
        response: shape (N,).

    Returns:
        Shape (T + N - 1,).
    """
    shorter, longer = sorted((len(x), len(response)))
    length, overlap = longer + shorter - 1, shorter - 1
    if overlap == 0:
        return x * response
    size = 0
    if shorter < longer / 2:
        # Size N of the blocks for which the cost of a sample, N·log2(2N) / (N - overlap), is least.
        size = fast_length(ceil(-overlap * _lambert_w(-1 / (2 * e * overlap)).real))
    if not size or size >= longer:
        size = fast_length(length, real=True)
        return np.asarray(irfft(rfft(x, size) * rfft(response, size), size)[:length])
    step = size - overlap
    count = -(-length // step)

    def spectra(signal: Float64) -> NDArray[np.complex128]:
        """Transform the shorter one as a whole, the longer one in blocks, one in each row."""
        rows = signal if len(signal) == shorter else np.pad(signal, (0, count * step - longer)).reshape(count, step)
        return np.asarray(rfft(rows, size))

    # In this order: the product of complex numbers is rounded differently in the other one.
    parts = irfft(spectra(x) * spectra(response), size)
    # The end of a block overlaps with the start of the next one.
    parts[1:, :overlap] += parts[:-1, step:]
    return np.asarray(parts[:, :step].ravel()[:length])


def _lambert_w(z: float) -> complex:
    """Return the branch -1 of Lambert's W, as `scipy.special.lambertw` does."""
    return complex(load_part("special._special_ufuncs", "_lambertw")(z, -1, 1e-8))


def cab_ir(
    x: Signal,
    ir: Signal,
    rate: int,
    *,
    mix: float = 1.0,
    low_cut_hz: float | None = None,
    high_cut_hz: float | None = None,
) -> Float32:
    """Apply a cab to a mono signal: convolution, optional cuts of the wet signal, blend with the dry signal.

    Args:
        x: samples, shape (T,).
        ir: impulse response at the same rate, from `prepare_ir`.
        rate: sample rate in Hz.
        mix: 0 (dry only) to 1 (wet only), linear. The dry signal is not delayed by the IR's leading silence.
        low_cut_hz: corner of a 12 dB/octave Butterworth high-pass in Hz; None for no cut.
        high_cut_hz: corner of a 12 dB/octave Butterworth low-pass in Hz; None for no cut.

    Returns:
        Samples, shape (T,).

    Raises:
        AudioError: `empty`, `not_finite`, `bad_shape` or `out_of_range`.
    """
    check_range("mix", mix, 0.0, 1.0, "")
    cuts = []
    if low_cut_hz is not None:
        cuts.append(Band("highpass", low_cut_hz))
    if high_cut_hz is not None:
        cuts.append(Band("lowpass", high_cut_hz))
    wet = equalize(convolve_ir(x, ir, origin=ORIGIN), rate, cuts)
    return mix_dry_wet(x, wet, mix)
