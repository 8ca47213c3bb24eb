"""Neural Amp Modeler captures: a reader for `.nam` files of every architecture, and an engine that runs them.

    model = load(path.read_bytes())
    run = model.start()
    y = run.process(x)

From the first sample on, y equals the output of the canonical C++ engine within 1e-5 (2e-5 for captures that drive tanh
hard): both compute in float32 and differ in the order of summation. The bytes of y depend only on the file and x, not
on the division of x into blocks, on threads or on processes, and not on the processor for captures with kernels: all
but those with FiLM or more than 64 channels. Other captures run in NumPy, which may round differently on another
processor, within the same bounds.

`document` and the module of an architecture (`wavenet`, `lstm`, `convnet`, `linear`, `container`, `sequential`) read a
file and build a `model.Model`: validated, immutable weights. `nam_model` starts runs of it; each has a `model.Network`,
which holds the state and computes blocks. `convolution` and `activations` are shared by the architectures. `kernels`
compiles networks to machine code.
References such as "docs/nam.md section 8.3" are to the project's description of the format.
"""

from tone_shootout.audio.nam.document import Metadata
from tone_shootout.audio.nam.errors import NamError
from tone_shootout.audio.nam.nam_model import NamModel, Part, Run, load

__all__ = ["Metadata", "NamError", "NamModel", "Part", "Run", "load"]
