"""LSTM: layers of gated memory cells, computed sample by sample (docs/nam.md section 6).

z = W·[u ; h] + b,   in four blocks of H rows: i, f, g, o
c = σ(z_f)·c + σ(z_i)·tanh(z_g)
h = σ(z_o)·tanh(c)
"""

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from tone_shootout.audio.nam.convolution import Signal
from tone_shootout.audio.nam.document import DEFAULT_SAMPLE_RATE, Channels, check_size, decode, to_int
from tone_shootout.audio.nam.model import Model, ModelStats, Source
from tone_shootout.audio.nam.onnx_lstm import LSTMKernel

BLOCK = 4096


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
        """Return the default block length; the speed hardly depends on it."""
        return BLOCK

    def network(self, block: int) -> "LSTMNetwork":
        """Return a network in the initial state that the file stores."""
        return LSTMNetwork(self, block)


class LSTMNetwork:
    """Compiled layers and their states in one run of an LSTM."""

    def __init__(self, model: LSTM, block: int) -> None:
        layers = [model.tensors[4 * layer : 4 * layer + 4] for layer in range(model.layers)]
        self._kernels = [LSTMKernel(W, b) for W, b, _, _ in layers]
        self._states = [(h0, c0) for _, _, h0, c0 in layers]
        self._next = list(self._states)
        self._head, self._bias = model.tensors[-2:]
        self._out = np.empty((model.stats.outputs, block), np.float32)

    def compute(self, x: Signal) -> Signal:
        """Return the output (outputs, block) for a block of input (inputs, block)."""
        u = np.ascontiguousarray(x.T)
        for index, (kernel, (h, c)) in enumerate(zip(self._kernels, self._states, strict=True)):
            u, last_h, last_c = kernel.compute(u, h, c)
            self._next[index] = (last_h, last_c)
        np.matmul(self._head, u.T, out=self._out)
        self._out += self._bias[:, np.newaxis]
        return self._out

    def commit(self) -> None:
        """Store the states at the end of the block."""
        self._states = list(self._next)
