"""Constants of the signal code that plans need, without NumPy: a web process plans, and does not load it."""

from typing import Final, Literal

Channel = Literal["left", "right", "mean"]
"""Channel of a stereo file to use; `mean` is half the sum of both sides."""

ENGINE_VERSION: Final = "2"
"""Part of every render key; incremented when the same file and input would give different samples.

It stands for the order of the kernels' arithmetic, which is the same with every instruction set and compiler."""

FADE_MS: Final = 5.0
"""Length of a fade, ms."""

GATING_BLOCK_S: Final = 0.4
"""Length of a gating block of BS.1770: shorter audio has no integrated loudness."""

STEREO_IR: Final = 'the sides of this impulse response differ: set channel to "left", "right" or "mean"'
