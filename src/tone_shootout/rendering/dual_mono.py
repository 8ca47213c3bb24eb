"""Mono segments beside stereo ones. Without NumPy, for processes that only serve."""

import math
from typing import Final

DUAL_MONO_DB: Final = -10 * math.log10(2)
"""Gain of a mono signal on two sides for the loudness that it has on one, dB: by BS.1770 two sides add 3.01 LU."""
