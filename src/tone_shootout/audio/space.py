"""Delay and reverb. Tails are cut at the end of the signal."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from tone_shootout.audio.convolve import convolve_ir
from tone_shootout.audio.sections import filter_sections
from tone_shootout.audio.signals import (
    AudioError,
    Float32,
    Float64,
    Signal,
    as_float32,
    check_mono,
    check_range,
    check_rate,
    mix_dry_wet,
)

DELAY_RANGE_MS = (1.0, 5_000.0)
FEEDBACK_RANGE = (0.0, 0.95)
DECAY_RANGE_S = (0.1, 10.0)

ReverbKind = Literal["room", "hall", "plate", "spring"]
REVERB_KINDS: tuple[ReverbKind, ...] = get_args(ReverbKind)
SEED = 1770
SIDE_SEED = 1771
OCTAVES_HZ = (125.0, 250.0, 500.0, 1_000.0, 2_000.0, 4_000.0, 8_000.0)
# Dispersion of the spring tank of a guitar amplifier: transition frequency and round-trip time (Välimäki, Parker, Abel,
# JAES 58, 2010), and the share of the transition frequency above which the group delay stays constant.
SPRING_TRANSITION_HZ = 4_300.0
SPRING_TRIP_S = 0.056
SIDE_SPRING_TRIP_S = 0.041
SPRING_MAX_SHARE = 0.9


@dataclass(frozen=True)
class _Room:
    """Start of a diffuse reverb, and factors of its decay time per octave above and below 1 kHz."""

    predelay_ms: float
    build_up_ms: float
    above: float
    below: float


ROOMS = {
    "room": _Room(predelay_ms=4.0, build_up_ms=2.0, above=0.80, below=0.95),
    "hall": _Room(predelay_ms=22.0, build_up_ms=30.0, above=0.75, below=1.10),
    "plate": _Room(predelay_ms=0.0, build_up_ms=1.0, above=0.90, below=0.85),
}


def delay(x: Signal, rate: int, *, ms: float, feedback: float, mix: float) -> Float32:
    """Apply a feedback delay to a mono signal: d[n] = x[n−D] + feedback·d[n−D], mixed linearly with the dry signal.

    Args:
        x: samples, shape (T,).
        rate: sample rate in Hz.
        ms: delay time, 1 to 5000 ms, rounded to D whole samples.
        feedback: level of each repeat relative to the previous one, 0 to 0.95.
        mix: 0 (dry only) to 1 (repeats only).

    Returns:
        Samples, shape (T,).

    Raises:
        AudioError: `empty`, `not_finite`, `bad_shape`, `unsupported_rate` or `out_of_range`.
    """
    check_range("the delay", ms, *DELAY_RANGE_MS, "ms")
    check_range("the feedback", feedback, *FEEDBACK_RANGE, "")
    check_range("mix", mix, 0.0, 1.0, "")
    dry = check_mono(x)
    wet = np.zeros(len(dry))
    lag = round(ms * check_rate(rate) / 1000)
    for start in range(lag, len(dry), lag):
        repeat = slice(start, min(start + lag, len(dry)))
        before = slice(repeat.start - lag, repeat.stop - lag)
        wet[repeat] = dry[before] + feedback * wet[before]
    return mix_dry_wet(dry, wet, mix)


def reverb(x: Signal, ir: Float32, *, mix: float) -> Float32:
    """Mix a mono signal linearly with its convolution with the response of a reverb.

    Args:
        x: samples, shape (T,).
        ir: response from `reverb_ir`, or one side of `stereo_reverb_ir`.
        mix: 0 (dry only) to 1 (reverb only).

    Returns:
        Samples, shape (T,).

    Raises:
        AudioError: `empty`, `not_finite`, `bad_shape` or `out_of_range`.
    """
    check_range("mix", mix, 0.0, 1.0, "")
    dry = check_mono(x)
    return mix_dry_wet(dry, convolve_ir(dry, ir), mix)


def reverb_ir(rate: int, *, kind: ReverbKind, decay_s: float) -> Float32:
    """Synthesize the impulse response of a reverb.

    Room, hall and plate are noise in octave bands, each with its own exponential decay after a pre-delay and a build-up
    (Moorer, "About This Reverberation Business", 1979). The spring is a train of chirps: echoes whose delay increases
    towards the transition frequency of the spring. The noise is the raw output of a seeded PCG64, a stream that NumPy
    guarantees not to change, so the samples are reproducible.

    Args:
        rate: sample rate in Hz.
        kind: `room`, `hall`, `plate` or `spring`.
        decay_s: time to decay by 60 dB at 1 kHz (T60), 0.1 to 10 s.

    Returns:
        Samples of unit energy, shape (T,).

    Raises:
        AudioError: `unsupported_rate`, `out_of_range` or `unknown_kind`.
    """
    return as_float32(_middle(rate, kind, decay_s))


def stereo_reverb_ir(rate: int, *, kind: ReverbKind, decay_s: float, width: float) -> Float32:
    """Synthesize the impulse responses of the left and the right side of a reverb.

    The middle M is `reverb_ir`; the side S is another reverb of the same kind, from other noise or from a second
    spring, made orthogonal to M. Left and right are M·cos θ ± S·sin θ with θ = width·π/4: each has unit energy, their
    correlation is cos 2θ, and their mean is M·cos θ, the mono reverb, at width 1 by 3.01 dB lower.

    Args:
        rate: sample rate in Hz.
        kind: `room`, `hall`, `plate` or `spring`.
        decay_s: time to decay by 60 dB at 1 kHz (T60), 0.1 to 10 s.
        width: 0 (equal sides) to 1 (uncorrelated sides).

    Returns:
        Samples, shape (2, T).

    Raises:
        AudioError: `unsupported_rate`, `out_of_range` or `unknown_kind`.
    """
    check_range("the width", width, 0.0, 1.0, "")
    middle = _middle(rate, kind, decay_s)
    if kind == "spring":
        side = _spring(rate, decay_s, SIDE_SPRING_TRIP_S)
    else:
        side = _diffuse(rate, ROOMS[kind], decay_s, SIDE_SEED)
    side = _unit(side - np.dot(side, middle) * middle)
    angle = width * np.pi / 4
    middle, side = middle * np.cos(angle), side * np.sin(angle)
    return as_float32(np.stack([middle + side, middle - side]))


def _middle(rate: int, kind: ReverbKind, decay_s: float) -> Float64:
    if kind not in REVERB_KINDS:
        raise AudioError("unknown_kind", f"expected a reverb of kind {', '.join(REVERB_KINDS)}, got {kind!r}")
    check_range("the decay", decay_s, *DECAY_RANGE_S, "s")
    check_rate(rate)
    if kind == "spring":
        return _unit(_spring(rate, decay_s, SPRING_TRIP_S))
    return _unit(_diffuse(rate, ROOMS[kind], decay_s, SEED))


def _unit(ir: Float64) -> Float64:
    return np.asarray(ir / np.sqrt(np.square(ir).sum()))


def _decay(seconds: Float64, t60: float) -> Float64:
    return np.asarray(10.0 ** (-3.0 * seconds / t60), dtype=np.float64)


def _diffuse(rate: int, room: _Room, decay_s: float, seed: int) -> Float64:
    seconds = np.arange(int(decay_s * rate)) / rate
    raw = np.random.PCG64(seed).random_raw(len(seconds))
    noise = np.asarray(raw / 2.0**63 - 1.0)
    tail = np.zeros(len(seconds))
    for hz in OCTAVES_HZ:
        if hz * 2**0.5 >= rate / 2:
            break
        octaves = float(np.log2(hz / 1_000.0))
        t60 = decay_s * (room.above**octaves if octaves > 0 else room.below**-octaves)
        tail += filter_sections(_octave_band(hz, rate), noise)[0] * _decay(seconds, t60)
    build_up = -np.expm1(-seconds * 1000.0 / room.build_up_ms)
    return np.concatenate((np.zeros(int(room.predelay_ms * rate / 1000)), tail * build_up))


def _octave_band(hz: float, rate: int) -> Float64:
    """Return a Butterworth band-pass filter of one octave, as `scipy.signal.butter(2, …, "bandpass")` designs it.

    Returns:
        Second-order sections, shape (2, 6).
    """
    # Edges in rad/s for the bilinear transform at a rate of 2.
    low, high = 4.0 * np.tan(np.pi * (2 * np.array([hz / 2**0.5, hz * 2**0.5]) / rate) / 2.0)
    prototype = -np.exp(1j * np.pi * np.array([-1, 1]) / 4) * (high - low) / 2
    spread = np.sqrt(prototype**2 - np.sqrt(low * high) ** 2)
    analog = np.concatenate((prototype + spread, prototype - spread))
    gain = (high - low) ** 2 * np.real(16.0 / np.prod(4.0 - analog))
    digital = (4.0 + analog) / (4.0 - analog)
    # The pole nearest to the unit circle comes last, with the zeros nearest to it.
    poles: list[Any] = sorted(digital[digital.imag > 0], key=abs)
    first, last = poles
    zero = 1.0 if last.real > 0 else -1.0
    return np.array(
        [
            [*(gain * np.array([1.0, 2.0 * zero, 1.0])), *np.poly([first, first.conj()]).real],
            [1.0, -2.0 * zero, 1.0, *np.poly([last, last.conj()]).real],
        ]
    )


def _spring(rate: int, decay_s: float, first_trip_s: float) -> Float64:
    length = 2 ** int(np.ceil(np.log2(2 * decay_s * rate)))
    frequency = np.fft.rfftfreq(length, 1 / rate)
    # The group delay of one round trip is trip / √(1 − (f/transition)²), limited near the transition frequency, where
    # it diverges; its integral is the phase in cycles.
    limit_hz = SPRING_MAX_SHARE * SPRING_TRANSITION_HZ
    below = np.minimum(frequency, limit_hz) / SPRING_TRANSITION_HZ
    trip_s = first_trip_s / np.sqrt(1 - below**2)
    cycles = first_trip_s * SPRING_TRANSITION_HZ * np.arcsin(below) + trip_s * np.maximum(frequency - limit_hz, 0.0)
    trip = _decay(trip_s, decay_s) * np.exp(-2j * np.pi * cycles)
    # A spring transmits little above its transition frequency, and no DC.
    band_pass = frequency**2 / (frequency**2 + 80.0**2) / (1 + (frequency / SPRING_TRANSITION_HZ) ** 12)
    response = np.fft.irfft(band_pass * trip / (1 + trip), length)
    return np.asarray(response[: int(decay_s * rate)], dtype=np.float64)
