"""WaveNet in all its variants.

`config` has the fields of a file, `shape` computes the sizes and validates that they fit each other, `model` holds the
weights and derives narrower versions of a slimmable model, `network` and `film` compute the output.
"""

from tone_shootout.audio.nam.wavenet.model import WaveNet, read_wavenet

__all__ = ["WaveNet", "read_wavenet"]
