"""Test signals shared by several modules."""

import numpy as np
from numpy.typing import NDArray

RATE = 48_000


def sine(
    db: float, seconds: float, *, hz: float = 1000.0, rate: int = RATE, degrees: float = 0.0
) -> NDArray[np.float64]:
    """Return a sine with a peak level in dBFS."""
    n = np.arange(round(seconds * rate))
    return np.asarray(10 ** (db / 20) * np.sin(2 * np.pi * hz / rate * n + np.deg2rad(degrees)))


def tones(*parts: tuple[float, float], channels: int = 2) -> NDArray[np.float64]:
    """Return consecutive 1 kHz tones of (dBFS, seconds), equal in all channels."""
    return np.tile(np.concatenate([sine(db, seconds) for db, seconds in parts]), (channels, 1))


def silence(seconds: float) -> NDArray[np.float64]:
    return np.zeros(round(seconds * RATE))


def riff(seconds: float = 12.0, *, seed: int = 3) -> NDArray[np.float32]:
    """Return decaying broadband notes with pauses, similar to guitar."""
    random = np.random.default_rng(seed)
    n = np.arange(round(seconds * RATE))
    since_note = (n % (RATE // 2)) / RATE
    loudness = np.repeat(random.uniform(0.02, 0.6, -(-len(n) // (RATE // 2))), RATE // 2)[: len(n)]
    pitch = np.repeat(random.choice([82.4, 110.0, 146.8, 196.0], -(-len(n) // (RATE // 2))), RATE // 2)[: len(n)]
    tone = np.sin(2 * np.pi * pitch * n / RATE) + 0.5 * np.sin(2 * np.pi * 7 * pitch * n / RATE)
    noise = random.standard_normal(len(n)) * np.exp(-200 * since_note)
    return np.asarray(loudness * (tone * np.exp(-5 * since_note) + noise) * 0.5, dtype=np.float32)
