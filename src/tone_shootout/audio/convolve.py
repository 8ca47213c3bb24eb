"""Cabinet impulse responses: convolution, blend and cuts.

An impulse response keeps its own gain and its leading silence. It is not normalised: the level match at the end of a
shootout makes levels equal anyway, and what an IR does to the level into later blocks is part of its sound.
"""

from math import gcd

import numpy as np
from scipy.signal import oaconvolve

from tone_shootout.audio.files import Audio
from tone_shootout.audio.filters import Band, equalize
from tone_shootout.audio.resample import resample
from tone_shootout.audio.sides import Channel, choose, one_response
from tone_shootout.audio.signals import (
    BLOCK,
    AudioError,
    Float32,
    Signal,
    as_float32,
    as_mono,
    check_mono,
    check_range,
    check_rate,
    mix_dry_wet,
)

STEREO_IR = 'the sides of this impulse response differ: set channel to "left", "right" or "mean"'

# Where time zero is in a prepared IR: a linear-phase resampler rings before an IR's first sample as well as after it,
# and cutting that off would bend the cab's treble by some decibels.
ORIGIN = 128


def prepare_ir(audio: Audio, rate: int, *, channel: Channel | None = None) -> Float32:
    """Return an impulse response as one channel at the chain's rate, shape (T,), with time zero at sample `ORIGIN`.

    Resampling keeps the response's gain at every frequency: the samples are scaled by the ratio of the rates, because
    a convolution sums more of them per second at a higher rate.

    Args:
        audio: the decoded IR. A chain is mono: several channels are one response where they are equal within -80 dB
            of the peak, or all but one are silent; `channel` counts for other files only.
        rate: the chain's sample rate in Hz.
        channel: which side is used of a stereo file whose sides differ.

    Raises:
        AudioError: `stereo_ir` for channels that differ without a `channel` that says which is meant, `silent` for an
            IR of zeros, `empty`, `not_finite` or `unsupported_rate`.
    """
    response = one_response(audio.samples)
    if response is None and channel is not None:
        response = choose(audio.samples, channel)
    if response is None:
        raise AudioError("stereo_ir", STEREO_IR)
    ir = as_mono(response)
    if not ir.any():
        raise AudioError("silent", "expected an impulse response with a sample that is not zero")
    check_rate(audio.rate)
    # As much silence around it as makes time zero fall on a sample at both rates, `ORIGIN` or later.
    step = audio.rate // gcd(audio.rate, check_rate(rate))
    silence = step * -(-ORIGIN * audio.rate // (rate * step))
    moved = resample(np.pad(ir, silence), audio.rate, rate)
    return as_float32(moved[silence * rate // audio.rate - ORIGIN :] * (audio.rate / rate))


def convolve_ir(x: Signal, ir: Signal, *, origin: int = 0) -> Float32:
    """Convolve a mono signal with an impulse response at the same rate, both of shape (T,).

    The output is as long as the signal: what rings on after its end is cut. Computed in double precision.

    Args:
        x: samples.
        ir: impulse response.
        origin: which of its samples is time zero; 0 to its length.

    Raises:
        AudioError: `empty`, `not_finite` or `bad_shape`.
    """
    signal = check_mono(x)
    length = len(signal) + origin
    response = as_mono(ir)[:length]
    wet = np.empty(len(signal), dtype=np.float32)
    # Overlap and add: what rings on after a block is the beginning of the next one's.
    size = max(BLOCK, 4 * len(response))
    ringing = np.zeros(len(response) - 1)
    for start in range(0, length, size):
        block = np.zeros(min(size, length - start))
        part = signal[start : start + size]
        block[: len(part)] = part
        heard = oaconvolve(block, response)
        heard[: len(ringing)] += ringing
        ringing = heard[len(block) :]
        skipped = max(0, origin - start)
        wet[start + skipped - origin : start + len(block) - origin] = as_float32(heard[skipped : len(block)])
    return wet


def cab_ir(
    x: Signal,
    ir: Signal,
    rate: int,
    *,
    mix: float = 1.0,
    low_cut_hz: float | None = None,
    high_cut_hz: float | None = None,
) -> Float32:
    """Run a mono signal through a cab: convolution, optional cuts of the cab's sound, blend with the dry signal.

    Args:
        x: samples, shape (T,).
        ir: impulse response at the same rate, from `prepare_ir`.
        rate: sample rate in Hz.
        mix: 0 (dry) to 1 (cab alone), linear. The dry signal is not delayed by the IR's leading silence.
        low_cut_hz: corner of a 12 dB/octave Butterworth high-pass, if wanted.
        high_cut_hz: corner of a 12 dB/octave Butterworth low-pass, if wanted.

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
