"""What plans need of the signal code, without NumPy: a web process plans, and does not load it."""

import math
from typing import Final, Literal

BANDS_HZ: Final = tuple(1000.0 * 10.0 ** (n / 10) for n in range(-16, 14))
"""Mid-band frequencies of the third octaves, as `spectrum.THIRD_OCTAVES_HZ`."""

NOMINAL_HZ: Final = (
    25, 31.5, 40, 50, 63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630, 800, 1000, 1250, 1600, 2000, 2500, 3150,
    4000, 5000, 6300, 8000, 10_000, 12_500, 16_000, 20_000,
)  # fmt: skip
"""Nominal mid-band frequencies of the third octaves (IEC 61260-1), Hz."""

Channel = Literal["left", "right", "mean"]
"""Channel of a stereo file to use; `mean` is half the sum of both sides."""

DUAL_MONO_DB: Final = -10 * math.log10(2)
"""Gain of a mono signal on two sides for the loudness that it has on one, dB: by BS.1770 two sides add 3.01 LU."""

ENGINE_VERSION: Final = "2"
"""Part of every render key; incremented when the same file and input would give different samples.

It stands for the order of the kernels' arithmetic, which is the same with every instruction set and compiler."""

FADE_MS: Final = 5.0
"""Length of a fade, ms."""

GATING_BLOCK_S: Final = 0.4
"""Length of a gating block of BS.1770: shorter audio has no integrated loudness."""

LATEST_S: Final = 0.010
"""Longest latency that is measured, seconds."""

STEREO_IR: Final = 'the sides of this impulse response differ: set channel to "left", "right" or "mean"'


def amplitude(db: float) -> float:
    """Return 10^(db/20); zero for −inf."""
    return float(10.0 ** (db / 20.0))
