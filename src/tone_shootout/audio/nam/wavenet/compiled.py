"""WaveNets as kernels: each layer is one kernel, from its input to the input of the next layer.

`network` is the readable form of the same computation, and runs the shapes that have no kernels: with FiLM, or too
large.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tone_shootout.audio.nam.activations import Activation
from tone_shootout.audio.nam.convolution import ConvShape
from tone_shootout.audio.nam.kernels.layer import Layer, Weights
from tone_shootout.audio.nam.kernels.program import KernelNetwork, Program, can_compile
from tone_shootout.audio.nam.kernels.target import Target
from tone_shootout.audio.nam.model import Network
from tone_shootout.audio.nam.wavenet.shape import ArrayShape, LayerShape, WaveNetShape

Tensors = Iterator[NDArray[np.float32]]


def wavenet_layers(shape: WaveNetShape) -> list[Layer] | None:
    """Return the kernels of a WaveNet in the order of computation; None if a layer has no kernel."""
    found: list[Layer] = []
    for array in shape.arrays:
        found.append(Layer(array.rechannel.inputs, array.channels))
        for layer in array.layers:
            if any(_has_effect(name, layer) for name in layer.films):
                return None
            found.append(_layer(layer, array))
        found.append(_conv(array.head, _after_head(shape, array)))
    if shape.post_head:
        after = [*shape.post_head.activations[1:], None]
        found += [_conv(conv, activation) for conv, activation in zip(shape.post_head.convs, after, strict=True)]
    return found if can_compile(found) else None


def compiled_wavenet(
    shape: WaveNetShape,
    tensors: list[NDArray[np.float32]],
    condition: Network | None,
    layers: list[Layer],
    block: int,
    target: Target,
) -> KernelNetwork:
    """Compile a WaveNet.

    Args:
        shape: sizes and functions.
        tensors: weights in the order and shapes of `shape.tensors()`.
        condition: network of the condition, or None.
        layers: result of `wavenet_layers`.
        block: samples per block.
        target: instruction set.
    """
    *rest, head_scale = tensors
    remaining, kernels = iter(rest), iter(layers)
    program = Program(target, block)
    x = program.buffer(shape.arrays[0].rechannel.inputs)
    c = program.buffer(shape.arrays[0].conditions) if condition else x
    y, h = x, program.silence(shape.arrays[0].head.inputs)
    for array in shape.arrays:
        last = array is shape.arrays[-1]
        residuals = [program.buffer(array.channels, layer.conv.lookback) for layer in array.layers]
        residuals.append(program.buffer(array.channels))
        heads = program.buffer(array.head.inputs, array.head.lookback)
        program.layer(next(kernels), _plain_weights(array.rechannel, remaining), x=y, y=residuals[0])
        for index, layer in enumerate(array.layers):
            program.layer(
                next(kernels),
                _layer_weights(layer, remaining),
                dilation=layer.conv.dilation,
                x=residuals[index],
                c=c,
                h=heads if index else h,
                new_h=heads,
                y=residuals[index + 1],
            )
        h = program.buffer(array.head.outputs, _lookback_after(shape, last=last))
        weights = _plain_weights(
            array.head, remaining, _after_head(shape, array), scale=float(head_scale[0]) if last else 1.0
        )
        program.layer(next(kernels), weights, dilation=array.head.dilation, x=heads, y=h)
        y = residuals[-1]
    if shape.post_head:
        convs = shape.post_head.convs
        after = [*shape.post_head.activations[1:], None]
        for index, (conv, activation) in enumerate(zip(convs, after, strict=True)):
            following = program.buffer(conv.outputs, convs[index + 1].lookback if index + 1 < len(convs) else 0)
            program.layer(next(kernels), _plain_weights(conv, remaining, activation), x=h, y=following)
            h = following
    return program.network(x, h, (c, condition) if condition else None)


def _has_effect(film: str, layer: LayerShape) -> bool:
    """Whether the engine applies a FiLM slot: this one has weights but no effect, as in `network.Layer`."""
    return film != "layer1x1_post" or layer.gating == "blended"


def _layer(layer: LayerShape, array: ArrayShape) -> Layer:
    """Return the kernel of a layer. The last one of all computes a residual that nobody uses, to share its kernel."""
    gated = layer.gating != "none"
    return Layer(
        inputs=layer.conv.inputs,
        outputs=layer.conv.outputs,
        kernel=layer.conv.kernel,
        conditions=layer.mixin.inputs,
        activation=layer.activation.kind,
        gating=layer.gating,
        secondary=layer.secondary.kind if gated else "Linear",
        head=array.head.inputs,
        head1x1=layer.head1x1 is not None,
        output="residual" if layer.layer1x1 else "x",
    )


def _conv(conv: ConvShape, after: Activation | None) -> Layer:
    return Layer(conv.inputs, conv.outputs, conv.kernel, activation=after.kind if after else "Linear")


def _after_head(shape: WaveNetShape, array: ArrayShape) -> Activation | None:
    """Return the activation that follows the head of an array: the first of the post-stack head."""
    return shape.post_head.activations[0] if shape.post_head and array is shape.arrays[-1] else None


def _lookback_after(shape: WaveNetShape, *, last: bool) -> int:
    return shape.post_head.convs[0].lookback if shape.post_head and last else 0


def _layer_weights(layer: LayerShape, tensors: Tensors) -> Weights:
    weight, bias = layer.conv.take(tensors)
    mixin = layer.mixin.take(tensors)[0][:, :, 0]
    back = _matrix(layer.layer1x1, tensors)
    head = _matrix(layer.head1x1, tensors)
    for film in layer.films.values():
        film.conv.take(tensors)
    rows = layer.conv.outputs if layer.gating == "none" else layer.conv.outputs // 2
    secondary = layer.secondary.parameters(rows) if layer.gating != "none" else None
    return Weights(weight, bias, mixin, head, back, layer.activation.parameters(rows), secondary)


def _matrix(conv: ConvShape | None, tensors: Tensors) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    if conv is None:
        return None
    weight, bias = conv.take(tensors)
    return weight[:, :, 0], bias


def _plain_weights(conv: ConvShape, tensors: Tensors, after: Activation | None = None, scale: float = 1.0) -> Weights:
    weight, bias = (tensor * np.float32(scale) for tensor in conv.take(tensors))
    return Weights(weight, bias, parameters=after.parameters(conv.outputs) if after else None)
