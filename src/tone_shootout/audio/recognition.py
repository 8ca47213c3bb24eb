"""Tells impulse responses of cabinets from recordings by their samples."""

from typing import Final

import numpy as np

from tone_shootout.audio.constants import GATING_BLOCK_S
from tone_shootout.audio.diagnostics import ONSET_DB
from tone_shootout.audio.files import Audio

LONGEST_RESPONSE_S: Final = 10.0
WINDOW_S: Final = 0.1
"""Time after the onset that has almost all energy of a cabinet's response: cabinets decay within some 50 ms."""
WINDOW_SHARE: Final = 0.9
LATEST_ONSET_S: Final = 0.5


def is_impulse_response(audio: Audio) -> bool:
    """Return whether audio is an impulse response: one that begins soon, decays at once and leaves nothing after.

    Args:
        audio: decoded audio.
    """
    samples, rate = audio.samples, audio.rate
    length = samples.shape[1]
    if length < GATING_BLOCK_S * rate:  # no recording to compare
        return True
    if length > LONGEST_RESPONSE_S * rate:
        return False
    energy = np.square(samples.astype(np.float64)).sum(axis=0)
    total = float(energy.sum())
    onset = int(np.argmax(energy >= energy.max() * 10.0 ** (ONSET_DB / 10.0)))
    if total <= 0.0 or onset > LATEST_ONSET_S * rate:
        return False
    return float(energy[: onset + round(WINDOW_S * rate)].sum()) >= WINDOW_SHARE * total
