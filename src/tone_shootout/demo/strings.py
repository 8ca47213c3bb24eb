"""Synthesis of an electric guitar through a DI box: plucked strings, damping and a magnetic pickup.

Each string is an extended Karplus-Strong loop (D. A. Jaffe and J. O. Smith, "Extensions of the Karplus-Strong
Plucked-String Algorithm", Computer Music Journal 7(2), 1983): a delay line of one period with a damping filter in the
loop, excited through a comb filter for the pick position. A second comb filter models the pickup position, and a
resonant low-pass its coil loaded by the cable.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

RATE = 48_000
"""Sample rate of the demo material in Hz."""

# Positions on the string as shares of its length, from the bridge.
PICK_POSITION = 0.16
PICKUP_POSITION = 0.12
COIL_RESONANCE_HZ = 3_400.0
COIL_Q = 1.6
RELEASE_S = 0.012
TAIL_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One plucked note.

    Attributes:
        beat: start in beats.
        beats: duration in beats.
        pitch: MIDI note number; the open low string, E2, is 40.
        velocity: force of the pick, 0 to 1; a harder pick is louder and brighter.
        muted: whether the palm mutes the string.
        bend: pitch bend in semitones, reached at half of the duration.
    """

    beat: float
    beats: float
    pitch: float
    velocity: float = 0.8
    muted: bool = False
    bend: float = 0.0


def play(notes: Iterable[Note], *, bpm: float, seconds: float, seed: int = 0) -> NDArray[np.float64]:
    """Synthesize notes on the guitar; the same notes and seed give the same samples.

    Args:
        notes: notes to play, cut at the end of the signal.
        bpm: tempo in beats per minute.
        seconds: duration of the signal.
        seed: seed of the pick noise.

    Returns:
        Mono samples at 48 kHz, shape (samples,), not normalized.
    """
    rng = np.random.default_rng(seed)
    strings = np.zeros(round(seconds * RATE))
    for note in notes:
        start = round(note.beat * 60.0 / bpm * RATE)
        tone = _pluck(note, hold_s=note.beats * 60.0 / bpm, rng=rng)[: max(0, strings.size - start)]
        strings[start : start + tone.size] += tone
    return _through_coil(strings)


def _pluck(note: Note, *, hold_s: float, rng: np.random.Generator) -> NDArray[np.float64]:
    size = round((hold_s + TAIL_S) * RATE)
    seconds = np.arange(size) / RATE
    frequency = 440.0 * 2.0 ** ((note.pitch - 69.0) / 12.0)
    period = RATE / frequency
    excitation = _comb(_pick(note, size, rng), PICK_POSITION * period)
    bend = note.bend * np.clip(2.0 * seconds / hold_s, 0.0, 1.0)
    tone = _string(excitation, period * 2.0 ** (-bend / 12.0), muted=note.muted)
    tone *= np.exp(-np.maximum(seconds - hold_s, 0.0) / RELEASE_S)
    return _comb(tone, PICKUP_POSITION * period)


def _pick(note: Note, size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the excitation by the pick: a step and a few milliseconds of noise, darker when soft or muted.

    The comb filter of the pick position turns the step into a rectangle, the velocity wave of a plucked string.
    """
    release = 1.0 + 0.3 * rng.standard_normal(size) * np.exp(-np.arange(size) / (0.002 * RATE))
    corner_hz = 1_500.0 if note.muted else 1_500.0 + 5_500.0 * note.velocity
    numerator, denominator = scipy.signal.butter(1, corner_hz, fs=RATE)
    filtered: NDArray[np.float64] = scipy.signal.lfilter(numerator, denominator, release)
    return note.velocity * filtered


def _string(excitation: NDArray[np.float64], periods: NDArray[np.float64], *, muted: bool) -> NDArray[np.float64]:
    """Run the string loop, one period per step, because the feedback is delayed by a period.

    The damping filter is Jaffe and Smith's symmetric three-tap average: a decay time for the fundamental, and a
    brightness that makes upper partials decay faster. A cubic Lagrange interpolator provides the fractional delay.
    """
    decay_s, brightness = (0.35, 0.6) if muted else (4.5, 0.93)
    history = int(periods.max()) + 8
    loop = np.concatenate([np.zeros(history), excitation])
    start = history
    while start < loop.size:
        period = periods[start - history]
        whole = int(period - 2.0)
        damping = np.array([(1.0 - brightness) / 4.0, (1.0 + brightness) / 2.0, (1.0 - brightness) / 4.0])
        damping *= 0.001 ** (period / RATE / decay_s)
        taps = np.convolve(damping, _lagrange(period - 1.0 - whole))
        stop = min(start + whole, loop.size)
        past = loop[start - whole - taps.size + 1 : stop - whole]
        loop[start:stop] += np.convolve(past, taps, "valid")
        start = stop
    return loop[history:]


def _lagrange(delay: float) -> NDArray[np.float64]:
    """Return the four taps of the cubic Lagrange interpolator for a delay of 1 to 2 samples."""
    d = delay
    return np.array(
        [
            (d - 1.0) * (d - 2.0) * (d - 3.0) / -6.0,
            d * (d - 2.0) * (d - 3.0) / 2.0,
            d * (d - 1.0) * (d - 3.0) / -2.0,
            d * (d - 1.0) * (d - 2.0) / 6.0,
        ]
    )


def _comb(signal: NDArray[np.float64], delay: float) -> NDArray[np.float64]:
    """Subtract the reflection from the bridge, delayed by `delay` samples."""
    whole = int(delay)
    taps = np.zeros(whole + 2)
    taps[0] = 1.0
    taps[whole] -= 1.0 - (delay - whole)
    taps[whole + 1] -= delay - whole
    combed: NDArray[np.float64] = np.convolve(signal, taps)[: signal.size]
    return combed


def _through_coil(strings: NDArray[np.float64]) -> NDArray[np.float64]:
    omega = 2.0 * np.pi * COIL_RESONANCE_HZ
    numerator, denominator = scipy.signal.bilinear([omega**2], [1.0, omega / COIL_Q, omega**2], fs=RATE)
    voltage: NDArray[np.float64] = scipy.signal.lfilter(numerator, denominator, strings)
    return voltage
