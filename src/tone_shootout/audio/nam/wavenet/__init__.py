"""WaveNet in every form, from what a file may ask for to the samples.

`config` lists the fields of a file, `shape` works out the sizes and checks that they fit each other, `model` keeps the
weights and makes narrower selves of a slimmable one, `network` computes, with `film` between its steps.
"""

from tone_shootout.audio.nam.wavenet.model import WaveNet, read_wavenet

__all__ = ["WaveNet", "read_wavenet"]
