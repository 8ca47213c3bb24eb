"""Linear: an impulse response, newest sample first (docs/nam.md section 5)."""

from dataclasses import dataclass

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tone_shootout.audio.nam.convolution import Signal
from tone_shootout.audio.nam.document import Channels, Size, check_size, decode, to_int
from tone_shootout.audio.nam.errors import NamError
from tone_shootout.audio.nam.kernels import host_target
from tone_shootout.audio.nam.kernels.layer import Layer, Weights
from tone_shootout.audio.nam.kernels.program import Program
from tone_shootout.audio.nam.model import Model, ModelStats, Network, Source

BLOCK = 1024
IMPLEMENTATIONS = ("auto", "direct", "legacy", "old", "fft", "partitioned_fft", "partitioned-fft")
"""Equivalent implementations of the canonical engine, all accepted and computed directly."""


class LinearConfig(Struct):
    """A Linear model's `config`."""

    receptive_field: Size
    bias: bool
    in_channels: Channels = 1
    out_channels: Channels = 1
    implementation: str = "auto"


def read_linear(source: Source) -> "Linear":
    """Read a Linear model.

    Args:
        source: document of the model.

    Raises:
        NamError: with a pointer to the first invalid value.
    """
    pointer = f"{source.pointer}/config"
    config = decode(source.document.config, LinearConfig, pointer)
    check_size(f"{pointer}/in_channels", config.in_channels, 1)
    check_size(f"{pointer}/out_channels", config.out_channels, 1)
    if config.implementation.lower() not in IMPLEMENTATIONS:
        known = f"expected one of {', '.join(IMPLEMENTATIONS)}, got {config.implementation[:40]!r}"
        raise NamError("unsupported", f"{pointer}/implementation", known)
    taps = to_int(config.receptive_field)
    count = taps + config.bias
    stats = ModelStats(
        inputs=1,
        outputs=1,
        parameters=count,
        prewarm=0,
        reach=taps,
        state=taps - 1,
        products=taps,
        size_class="custom",
    )
    stats.check_limits(pointer)
    tensors = source.tensors([(taps,), (1,)] if config.bias else [(taps,)], count)
    bias = float(tensors[1][0]) if config.bias else 0.0
    return Linear(stats, source.sample_rate, tensors[0], bias)


@dataclass(frozen=True)
class Linear(Model):
    """Validated weights of a Linear model: impulse response, shape (taps,), and bias."""

    stats: ModelStats
    sample_rate: float | None
    weight: NDArray[np.float32]
    bias: float

    def block(self) -> int:
        """Return the default block length; the speed does not depend on it."""
        return BLOCK

    def network(self, block: int) -> Network:
        """Return a network with all-zero history."""
        if target := host_target():
            program = Program(target, block)
            x, y = program.buffer(1, len(self.weight) - 1), program.buffer(1)
            taps = self.weight[np.newaxis, np.newaxis, ::-1]  # a convolution has its oldest tap first
            weights = Weights(taps, np.array([self.bias], np.float32))
            program.layer(Layer(1, 1, len(self.weight)), weights, x=x, y=y)
            return program.network(x, y)
        return LinearNetwork(self.weight, self.bias, block)


class LinearNetwork:
    """State and buffers of one run of a Linear model: y[t] = bias + Σ_n w[n] · x[t − n].

    The sum is computed directly, so that an output does not depend on later samples, not even in its rounding, as it
    would with a Fourier transform.
    """

    def __init__(self, weight: NDArray[np.float32], bias: float, block: int) -> None:
        self._weight = weight
        self._bias = np.float32(bias)
        self._past = len(weight) - 1
        self._signal = np.zeros(self._past + block, np.float32)

    def compute(self, x: Signal) -> Signal:
        """Return the output (1, block) for a block of input (1, block)."""
        self._signal[self._past :] = x[0]
        y = np.convolve(self._signal, self._weight, mode="valid")
        y += self._bias
        return y[np.newaxis]

    def commit(self) -> None:
        """Store the end of the block as history."""
        self._signal[: self._past] = self._signal[self._signal.size - self._past :]
