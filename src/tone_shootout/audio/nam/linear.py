"""Linear: an impulse response, newest sample first (docs/nam.md section 5)."""

from dataclasses import dataclass

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tone_shootout.audio.nam.convolution import Signal
from tone_shootout.audio.nam.document import Channels, Size, decode, expect, whole
from tone_shootout.audio.nam.errors import NamError
from tone_shootout.audio.nam.model import Figures, Model, Source

BLOCK = 1024
IMPLEMENTATIONS = ("auto", "direct", "legacy", "old", "fft", "partitioned_fft", "partitioned-fft")
"""Ways of the canonical engine to compute the same; which one a file asks for makes no difference here."""


class LinearConfig(Struct):
    """A Linear model's `config`."""

    receptive_field: Size
    bias: bool
    in_channels: Channels = 1
    out_channels: Channels = 1
    implementation: str = "auto"


def read_linear(source: Source) -> "Linear":
    """Read a Linear model.

    Raises:
        NamError: pointing at what does not fit.
    """
    pointer = f"{source.pointer}/config"
    config = decode(source.document.config, LinearConfig, pointer)
    expect(f"{pointer}/in_channels", config.in_channels, 1)
    expect(f"{pointer}/out_channels", config.out_channels, 1)
    if config.implementation.lower() not in IMPLEMENTATIONS:
        known = f"expected one of {', '.join(IMPLEMENTATIONS)}, got {config.implementation[:40]!r}"
        raise NamError("unsupported", f"{pointer}/implementation", known)
    taps = whole(config.receptive_field)
    count = taps + config.bias
    figures = Figures(
        inputs=1,
        outputs=1,
        parameters=count,
        prewarm=0,
        reach=taps,
        state=taps - 1,
        products=taps,
        size_class="custom",
    )
    figures.check(pointer)
    tensors = source.tensors([(taps,), (1,)] if config.bias else [(taps,)], count)
    bias = float(tensors[1][0]) if config.bias else 0.0
    return Linear(figures, source.sample_rate, tensors[0], bias)


@dataclass(frozen=True)
class Linear(Model):
    """Checked weights of a Linear model: impulse response (taps,), and what is added."""

    figures: Figures
    sample_rate: float | None
    weight: NDArray[np.float32]
    bias: float

    def block(self) -> int:
        """Return the usual block length: no other is faster."""
        return BLOCK

    def network(self, block: int) -> "LinearNetwork":
        """Return a network with all-zero history."""
        return LinearNetwork(self.weight, self.bias, block)


class LinearNetwork:
    """A Linear model at work: y[t] = bias + Σ_n w[n] · x[t − n], summed directly.

    Each output is a sum of its own, so that it does not depend on samples to come, not even in rounding, as it would
    with a Fourier transform.
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
        """Keep the end of the block as history."""
        self._signal[: self._past] = self._signal[self._signal.size - self._past :]
