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
from tone_shootout.audio.nam.kernels import KERNEL_BLOCK, host_target
from tone_shootout.audio.nam.kernels.layer import Layer, Weights
from tone_shootout.audio.nam.kernels.program import KernelNetwork, Program, can_compile
from tone_shootout.audio.nam.kernels.target import Target
from tone_shootout.audio.nam.model import MAX_LAYERS, Model, ModelStats, Network, Source
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
        """Return the fastest block length: of the kernels, or for the widest matrix product."""
        if host_target() and can_compile(self.layers()):
            return KERNEL_BLOCK
        return fast_block([*self.blocks, self.head])

    def network(self, block: int) -> Network:
        """Return a network with all-zero history."""
        if (target := host_target()) and can_compile(self.layers()):
            return _compiled(self, block, target)
        return ConvNetNetwork(self, block)

    def layers(self) -> list[Layer]:
        """Return the kernels in the order of computation."""
        kind = self.activation.kind
        blocks = [Layer(conv.inputs, conv.outputs, KERNEL, activation=kind) for conv in self.blocks]
        return [*blocks, Layer(self.head.inputs, self.head.outputs)]

    def weights(self) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Return W and b of each block and of the head, with batch normalization folded into them.

        x·a + (beta − a·mean) with a = gamma / √(eps + var) is a convolution's output x, scaled and shifted.
        """
        tensors = iter(self.tensors)
        found = []
        for conv in self.blocks:
            weight, bias = conv.take(tensors)
            if self.batchnorm:
                mean, var, gamma, beta, eps = (next(tensors) for _ in range(5))
                a = cast("NDArray[np.float32]", gamma / np.sqrt(eps + var))
                weight = weight * a[:, np.newaxis, np.newaxis]
                bias = cast("NDArray[np.float32]", beta - a * mean)
            found.append((weight, bias))
        return [*found, self.head.take(tensors)]


def _compiled(model: ConvNet, block: int, target: Target) -> KernelNetwork:
    program = Program(target, block)
    x = y = program.buffer(model.blocks[0].inputs, model.blocks[0].lookback)
    convs = [*model.blocks, model.head]
    for index, (layer, (weight, bias)) in enumerate(zip(model.layers(), model.weights(), strict=True)):
        following = program.buffer(layer.outputs, convs[index + 1].lookback if index + 1 < len(convs) else 0)
        is_head = index == len(model.blocks)
        weights = Weights(weight, bias, parameters=None if is_head else model.activation.parameters(layer.outputs))
        program.layer(layer, weights, dilation=convs[index].dilation, x=y, y=following)
        y = following
    return program.network(x, y)


class ConvNetNetwork:
    """State and buffers of one run of a ConvNet."""

    def __init__(self, model: ConvNet, block: int) -> None:
        convs = [*model.blocks, model.head]
        stack = Stack(convs, block)
        self._activation = model.activation
        *self._convs, self._head = (
            CausalConv(weight, bias, conv.dilation, stack)
            for (weight, bias), conv in zip(model.weights(), convs, strict=True)
        )
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
