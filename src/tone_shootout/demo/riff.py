"""The dry guitar of the demo: a riff in E and a clean arpeggio, synthesized deterministically."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from tone_shootout.demo.strings import RATE, Note, play

__all__ = ["RATE", "arpeggio", "riff"]

PEAK = 10.0 ** (-6.0 / 20.0)

RIFF_BPM = 116.0
RIFF_S = 10.5
ARPEGGIO_BPM = 100.0
ARPEGGIO_S = 6.5

E2, G2, A2, BB2, B2, D3, E3, G3, A3, B3, D4, E4, G4 = 40, 43, 45, 46, 47, 50, 52, 55, 57, 59, 62, 64, 67


def riff() -> NDArray[np.float32]:
    """Return the riff: four bars in E at 116 bpm, shape (samples,), mono at 48 kHz, 10.5 s, peak at −6 dBFS.

    Palm-muted chugs and power chords, a single-note run, a lick with a whole-tone bend, and a sustained E chord.
    """
    notes = [
        *_chugs(0.0, "x.xxx."),
        *_power_chord(1.5, 0.5, E2),
        *_power_chord(2.0, 0.5, G2),
        *_chugs(2.5, "x"),
        *_power_chord(3.0, 1.0, A2),
        *_chugs(4.0, "x.xxx."),
        *_power_chord(5.5, 0.5, E2),
        *_line(6.0, [(E2, 0.25), (G2, 0.25), (A2, 0.25), (BB2, 0.25), (B2, 0.25), (D3, 0.25), (E3, 0.5)]),
        *_chugs(8.0, "xxx.x."),
        *_line(9.5, [(E4, 0.25), (G4, 0.25)]),
        Note(beat=10.0, beats=1.25, pitch=A3, velocity=0.95, bend=2.0),
        *_line(11.25, [(G3, 0.25), (E3, 0.5)]),
        *_power_chord(12.0, 0.75, G2),
        *_power_chord(12.75, 0.75, A2),
        *_strum(13.5, 6.3, [E2, B2, E3, B3, E4], velocity=0.6),
    ]
    return _normalized(play(notes, bpm=RIFF_BPM, seconds=RIFF_S, seed=1))


def arpeggio() -> NDArray[np.float32]:
    """Return the arpeggio: E minor, C, G and D, picked softly at 100 bpm, mono at 48 kHz, 6.5 s, peak at −6 dBFS."""
    chords = [(E2, E3, G3, B3), (48, G3, 60, E4), (G2, G3, B3, D4), (D3, A3, D4, 66)]
    order = (0, 1, 2, 3, 2)
    notes = [
        Note(beat=2.5 * bar + 0.5 * step, beats=2.5 - 0.5 * step + 0.25, pitch=chord[string], velocity=0.45)
        for bar, chord in enumerate(chords)
        for step, string in enumerate(order)
    ]
    return _normalized(play(notes, bpm=ARPEGGIO_BPM, seconds=ARPEGGIO_S, seed=2))


def _chugs(beat: float, pattern: str) -> Iterable[Note]:
    """Yield a palm-muted low E for each x in a pattern of sixteenths, the first of each eighth accented."""
    for step, mark in enumerate(pattern):
        if mark == "x":
            velocity = 1.0 if step % 2 == 0 else 0.85
            yield Note(beat=beat + step / 4.0, beats=0.22, pitch=E2, velocity=velocity, muted=True)


def _power_chord(beat: float, beats: float, root: int) -> Iterable[Note]:
    return _strum(beat, beats, [root, root + 7, root + 12], velocity=0.8)


def _strum(beat: float, beats: float, pitches: Iterable[int], *, velocity: float) -> Iterable[Note]:
    for string, pitch in enumerate(pitches):
        delay = 0.012 * string
        yield Note(beat=beat + delay, beats=beats - delay - 0.05, pitch=pitch, velocity=velocity)


def _line(beat: float, steps: Iterable[tuple[int, float]]) -> Iterable[Note]:
    for pitch, beats in steps:
        yield Note(beat=beat, beats=beats, pitch=pitch, velocity=0.8)
        beat += beats


def _normalized(signal: NDArray[np.float64]) -> NDArray[np.float32]:
    gain = PEAK / float(np.abs(signal).max())
    scaled: NDArray[np.float32] = (gain * signal).astype(np.float32)
    return scaled
