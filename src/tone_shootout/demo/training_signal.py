"""Training signal of the demo captures: synthesized guitar, sweeps and noise at many levels.

It does not contain the riff or the arpeggio of the demo, which are the validation data of the captures.
"""

import numpy as np
import scipy
from numpy.typing import NDArray

from tone_shootout.demo.strings import RATE, Note, play

PHRASES = 36
PHRASE_S = 5.0

CHUG, POWER_CHORD, OPEN_CHORD, SINGLE_NOTE = range(4)
INTERVALS = ((0,), (0, 7, 12), (0, 7, 12, 16, 19), (0,))


def training_signal(*, phrases: int = PHRASES, seed: int = 0) -> NDArray[np.float64]:
    """Return the training signal: mono at 48 kHz, shape (samples,), by default 3.5 minutes, peaks −36 to 0 dBFS."""
    rng = np.random.default_rng(seed)
    parts = [_peaking(_phrase(rng), rng.uniform(-18.0, 0.0)) for _ in range(phrases)]
    seconds = np.arange(2 * RATE) / RATE
    sweep = scipy.signal.chirp(seconds, 20.0, seconds[-1], 20_000.0, method="logarithmic")
    parts += [_peaking(sweep, peak_dbfs) for peak_dbfs in (-36.0, -24.0, -18.0, -12.0)]
    hiss = scipy.signal.lfilter(*scipy.signal.butter(1, 2_000.0, fs=RATE), rng.standard_normal(2 * RATE))
    parts += [_peaking(hiss, peak_dbfs) for peak_dbfs in (-36.0, -24.0, -18.0, -12.0)]
    pause = np.zeros(RATE // 3)
    return np.concatenate([piece for part in parts for piece in (part, pause)])


def _phrase(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return five seconds of random guitar: chugs, power chords, open chords and single notes, some bent or held."""
    bpm = rng.uniform(90.0, 150.0)
    notes: list[Note] = []
    beat = 0.0
    while beat < PHRASE_S * bpm / 60.0:
        shape = rng.choice([CHUG, POWER_CHORD, OPEN_CHORD, SINGLE_NOTE], p=[0.25, 0.3, 0.15, 0.3])
        beats = rng.choice([0.25, 0.5, 1.0, 2.0, 6.0], p=[0.42, 0.3, 0.14, 0.1, 0.04])
        rings_on = 1.0 if shape == CHUG else rng.choice([1.0, 2.0, 4.0], p=[0.5, 0.25, 0.25])
        root = rng.integers(40, 72 if shape == SINGLE_NOTE else 56)
        bend = rng.choice([0.0, 1.0, 2.0], p=[0.7, 0.1, 0.2]) if shape == SINGLE_NOTE else 0.0
        velocity = rng.uniform(0.4, 1.0)
        notes += [
            Note(
                beat=beat + 0.012 * string,
                beats=beats * rings_on,
                pitch=float(root + interval),
                velocity=velocity,
                muted=bool(shape == CHUG),
                bend=bend,
            )
            for string, interval in enumerate(INTERVALS[shape])
        ]
        beat += beats
    return play(notes, bpm=bpm, seconds=PHRASE_S, seed=int(rng.integers(2**31)))


def _peaking(signal: NDArray[np.float64], peak_dbfs: float) -> NDArray[np.float64]:
    gain = float(10.0 ** (peak_dbfs / 20.0) / np.abs(signal).max())
    return gain * signal
