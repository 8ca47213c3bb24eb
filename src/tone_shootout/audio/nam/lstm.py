"""LSTM: layers of gated memory cells, computed sample by sample (docs/nam.md section 6).

z = W·[u ; h] + b,   in four blocks of H rows: i, f, g, o
c = σ(z_f)·c + σ(z_i)·tanh(z_g)
h = σ(z_o)·tanh(c)
"""

import math
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from tone_shootout.audio.nam.activations import sigmoid
from tone_shootout.audio.nam.convolution import Signal
from tone_shootout.audio.nam.document import DEFAULT_SAMPLE_RATE, Channels, check_size, decode, to_int
from tone_shootout.audio.nam.kernels import host_target
from tone_shootout.audio.nam.kernels.lstm import Recurrent
from tone_shootout.audio.nam.kernels.program import RecurrentNetwork
from tone_shootout.audio.nam.model import Model, ModelStats, Network, Source

BLOCK: Final = 4096
NUMPY_BLOCK: Final = 128
"""Without a kernel, a sample takes so long that samples computed ahead of the signal cost more than calls."""


class LSTMConfig(Struct):
    """An LSTM's `config`."""

    num_layers: Annotated[float, Meta(ge=1, le=32, multiple_of=1)]
    input_size: Channels
    hidden_size: Channels
    in_channels: Channels = 1
    out_channels: Channels = 1


def read_lstm(source: Source) -> "LSTM":
    """Read an LSTM.

    Args:
        source: document of the model.

    Raises:
        NamError: with a pointer to the first invalid value.
    """
    pointer = f"{source.pointer}/config"
    config = decode(source.document.config, LSTMConfig, pointer)
    layers, inputs, hidden = to_int(config.num_layers), to_int(config.in_channels), to_int(config.hidden_size)
    outputs = to_int(config.out_channels)
    check_size(f"{pointer}/input_size", config.input_size, inputs)
    shapes: list[tuple[int, ...]] = []
    for layer in range(layers):
        width = hidden if layer else inputs
        shapes += [(4 * hidden, width + hidden), (4 * hidden,), (hidden,), (hidden,)]
    shapes += [(outputs, hidden), (outputs,)]
    count = sum(math.prod(shape) for shape in shapes)
    stats = ModelStats(
        inputs=inputs,
        outputs=outputs,
        parameters=count,
        prewarm=int(0.5 * (source.sample_rate or DEFAULT_SAMPLE_RATE)),
        state=2 * hidden * layers,
        products=count,
        size_class=f"{layers}x{hidden}",
    )
    stats.check_limits(pointer)
    return LSTM(stats, source.sample_rate, layers, source.tensors(shapes, count))


@dataclass(frozen=True)
class LSTM(Model):
    """Validated weights of an LSTM: W, b, h0, c0 of each layer, then V and v of the head."""

    stats: ModelStats
    sample_rate: float | None
    layers: int
    tensors: list[NDArray[np.float32]]

    def block(self) -> int:
        """Return the default block length; the speed of the kernel hardly depends on it."""
        return BLOCK if host_target() and self.sizes().fits() else NUMPY_BLOCK

    def network(self, block: int) -> Network:
        """Return a network in the initial state that the file stores."""
        sizes = self.sizes()
        if (target := host_target()) and sizes.fits():
            return RecurrentNetwork(sizes, self.tensors, block, target)
        return LSTMNetwork(self, block)

    def sizes(self) -> Recurrent:
        """Return the sizes that the kernel depends on."""
        return Recurrent(self.stats.inputs, len(self.tensors[2]), self.layers, self.stats.outputs)


class LSTMNetwork:
    """Layers and their states in one run of an LSTM, in NumPy: a readable form, too slow for long signals."""

    def __init__(self, model: LSTM, block: int) -> None:
        layers = [model.tensors[4 * layer : 4 * layer + 4] for layer in range(model.layers)]
        self._layers = [(W, b) for W, b, _, _ in layers]
        self._states = [(h0, c0) for _, _, h0, c0 in layers]
        self._next = list(self._states)
        self._head, self._bias = model.tensors[-2:]
        self._out = np.empty((model.stats.outputs, block), np.float32)

    def compute(self, x: Signal) -> Signal:
        """Return the output (outputs, block) for a block of input (inputs, block)."""
        self._next = list(self._states)
        for t, u in enumerate(x.T):
            for index, (W, b) in enumerate(self._layers):
                self._next[index] = advance(W, b, u, *self._next[index])
                u = self._next[index][0]  # the input of the next layer
            self._out[:, t] = self._head @ u + self._bias
        return self._out

    def commit(self) -> None:
        """Store the states at the end of the block."""
        self._states = list(self._next)


def advance(
    W: NDArray[np.float32],
    b: NDArray[np.float32],
    u: NDArray[np.float32],
    h: NDArray[np.float32],
    c: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Advance a layer by one sample.

    Args:
        W: shape (4H, inputs + H).
        b: shape (4H,).
        u: input, shape (inputs,).
        h: hidden state, shape (H,).
        c: cell state, shape (H,).

    Returns:
        The new h and c.
    """
    i, f, g, o = (W @ np.concatenate([u, h]) + b).reshape(4, -1)
    gates = np.empty((3, len(h)), np.float32)
    sigmoid(np.stack([i, f, o]), gates)
    c = gates[1] * c + gates[0] * np.tanh(g)
    return gates[2] * np.tanh(c), c
