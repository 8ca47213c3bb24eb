"""ConvNet: dilated two-tap convolutions in series, each with batch normalization or a bias (docs/nam.md section 7)."""

import math
from dataclasses import dataclass
from typing import cast

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tone_shootout.audio.nam.activations import Activation, ActivationConfig, build_activation
from tone_shootout.audio.nam.convolution import CausalConv, ConvShape, Signal, Stack, fast_block
from tone_shootout.audio.nam.document import Channels, Sizes, decode, to_int
from tone_shootout.audio.nam.errors import NamError
from tone_shootout.audio.nam.model import MAX_LAYERS, Model, ModelStats, Source
from tone_shootout.audio.nam.unused_fields import drop_unused_convnet_fields

KERNEL = 2
"""Fixed by the architecture."""


class ConvNetConfig(Struct):
    """A ConvNet's `config`."""

    channels: Channels
    dilations: Sizes
    batchnorm: bool
    activation: str | ActivationConfig
    groups: Channels = 1
    in_channels: Channels = 1
    out_channels: Channels = 1


def read_convnet(source: Source) -> "ConvNet":
    """Read a ConvNet.

    Args:
        source: document of the model.

    Raises:
        NamError: with a pointer to the first invalid value.
    """
    pointer = f"{source.pointer}/config"
    config = decode(drop_unused_convnet_fields(source.document.config), ConvNetConfig, pointer)
    channels, inputs, groups = to_int(config.channels), to_int(config.in_channels), to_int(config.groups)
    if len(config.dilations) > MAX_LAYERS:
        raise NamError("too_large", f"{pointer}/dilations", f"expected at most {MAX_LAYERS} layers")
    if inputs % groups or channels % groups:
        detail = f"expected groups that divide {inputs} and {channels} channels, got {groups}"
        raise NamError("mismatch", f"{pointer}/groups", detail)
    blocks = tuple(
        ConvShape(channels if index else inputs, channels, KERNEL, to_int(dilation), groups, not config.batchnorm)
        for index, dilation in enumerate(config.dilations)
    )
    head = ConvShape(channels, to_int(config.out_channels))
    shapes: list[tuple[int, ...]] = []
    for conv in blocks:
        shapes += conv.tensors()
        if config.batchnorm:
            shapes += [(channels,)] * 4 + [(1,)]
    shapes += head.tensors()
    count = sum(math.prod(shape) for shape in shapes)
    stats = ModelStats(
        inputs=inputs,
        outputs=head.outputs,
        parameters=count,
        prewarm=1 + sum(conv.lookback for conv in blocks),
        state=sum(conv.lookback * conv.inputs for conv in blocks),
        products=sum(conv.products for conv in (*blocks, head)),
        taps=max(conv.taps for conv in (*blocks, head)),
        size_class="custom",
    )
    stats.check_limits(pointer)
    activation = build_activation(config.activation, channels, f"{pointer}/activation")
    tensors = source.tensors(shapes, count)
    return ConvNet(stats, source.sample_rate, blocks, head, config.batchnorm, activation, tensors)


@dataclass(frozen=True)
class ConvNet(Model):
    """Validated shapes and weights of a ConvNet."""

    stats: ModelStats
    sample_rate: float | None
    blocks: tuple[ConvShape, ...]
    head: ConvShape
    batchnorm: bool
    activation: Activation
    tensors: list[NDArray[np.float32]]

    def block(self) -> int:
        """Return the fastest block length for the widest matrix product."""
        return fast_block([*self.blocks, self.head])

    def network(self, block: int) -> "ConvNetNetwork":
        """Return a network with all-zero history."""
        return ConvNetNetwork(self, block)


class ConvNetNetwork:
    """State and buffers of one run of a ConvNet."""

    def __init__(self, model: ConvNet, block: int) -> None:
        convs = [*model.blocks, model.head]
        stack = Stack(convs, block)
        tensors = iter(model.tensors)
        self._activation = model.activation
        self._convs: list[CausalConv] = []
        for conv in model.blocks:
            weight, bias = conv.take(tensors)
            if model.batchnorm:
                # Batch normalization, x·a + (beta − a·mean) with a = gamma / √(eps + var), is folded into the weights.
                mean, var, gamma, beta, eps = (next(tensors) for _ in range(5))
                a = cast("NDArray[np.float32]", gamma / np.sqrt(eps + var))
                weight = weight * a[:, np.newaxis, np.newaxis]
                bias = cast("NDArray[np.float32]", beta - a * mean)
            self._convs.append(CausalConv(weight, bias, conv.dilation, stack))
        self._head = CausalConv(*model.head.take(tensors), 1, stack)
        self._z = np.empty((model.head.inputs, block), np.float32)
        self._out = np.empty((model.head.outputs, block), np.float32)

    def compute(self, x: Signal) -> Signal:
        """Return the output (outputs, block) for a block of input (inputs, block)."""
        np.copyto(self._convs[0].input, x)
        for conv, following in zip(self._convs, [*self._convs[1:], self._head], strict=True):
            conv.compute(out=self._z)
            self._activation(self._z, following.input)
        self._head.compute(out=self._out)
        return self._out

    def commit(self) -> None:
        """Store the end of the block as history."""
        for conv in self._convs:
            conv.commit()
