"""Neural Amp Modeler captures: `.nam` files of every kind, and the engine that plays them.

    capture = load(path.read_bytes())
    run = capture.start()
    y = run.process(x)

From the first sample on, y is what the canonical C++ engine plays, within 1e-5 (2e-5 for captures that drive tanh
hard): both compute in float32 and differ in the order of their sums. Its bytes depend on the file and x alone: not on
how x is cut into blocks, nor on threads or processes. Another processor may round differently, within the same bounds.

A file is read by `document` and its architecture's module (`wavenet`, `lstm`, `convnet`, `linear`, `container`,
`sequential`), which makes a `model.Model`: checked, immutable weights. `capture` starts runs of it: each has a
`model.Network`, which holds state and computes blocks. `convolution` is what most architectures are made of,
`activations` what stands between.
References such as "docs/nam.md section 8.3" are to the project's description of the format.
"""

from tone_shootout.audio.nam.document import Metadata
from tone_shootout.audio.nam.errors import NamError
from tone_shootout.audio.nam.nam_model import ENGINE_VERSION, NamModel, Part, Run, load

__all__ = ["ENGINE_VERSION", "Metadata", "NamError", "NamModel", "Part", "Run", "load"]
