"""WaveNet: stacks of dilated convolutions with a residual and a head path (docs/nam.md section 8.3).

    r = rechannel(y)
    each layer:   z = conv(r) + mixin(c)
                  a = act(z)                        or gated, or blended
                  h = h + a                         or head1x1(a)
                  r = r + layer1x1(a)
    h = head(h);  y = r

The input of the first array is the raw input; that of the others, the residual and the head of the preceding array. The
condition c is the raw input or the output of an embedded model for it. FiLM may modulate the signal between any two of
these steps.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tone_shootout.audio.nam.convolution import CausalConv, ConvShape, Signal, Stack, pointwise
from tone_shootout.audio.nam.model import Network
from tone_shootout.audio.nam.wavenet.film import Film
from tone_shootout.audio.nam.wavenet.shape import ArrayShape, LayerShape, PostHeadShape, WaveNetShape

Tensors = Iterator[NDArray[np.float32]]


class Pointwise:
    """A 1×1 convolution of a signal below a row of ones: y = [b W] · [1; x]."""

    def __init__(self, shape: ConvShape, tensors: Tensors, ones_and_x: Signal, out: Signal) -> None:
        """Build the product.

        Args:
            shape: sizes of the convolution.
            tensors: iterator whose next tensors are W and b.
            ones_and_x: buffer of [1; x], shape (1 + inputs, block).
            out: buffer of y, shape (outputs, block).
        """
        weight, bias = shape.take(tensors)
        self._matrix = np.ascontiguousarray(np.concatenate([bias[:, np.newaxis], weight[:, :, 0]], axis=1))
        self._ones_and_x = ones_and_x
        self._out = out

    def compute(self) -> Signal:
        """Return y, shape (outputs, block), for the content of the input buffer."""
        return np.matmul(self._matrix, self._ones_and_x, out=self._out)


class Workspace:
    """Buffers shared by the layers of an array, so that they stay in the processor's cache.

    Attributes:
        stack: right-hand matrix of the dilated convolutions.
        z: convolution and mixin, shape (largest Z, block).
        ones_and_a: activation below a row of ones, shape (1 + bottleneck, block).
        back: output of layer1x1 to the residual, shape (channels, block).
        to_head: output of head1x1 to the head, shape (head inputs, block).
    """

    def __init__(self, shape: ArrayShape, block: int) -> None:
        self.stack = Stack([layer.conv for layer in shape.layers], block, shape.conditions)
        self.z = np.empty((max(layer.conv.outputs for layer in shape.layers), block), np.float32)
        self.ones_and_a = np.ones((1 + shape.bottleneck, block), np.float32)
        self.back = np.empty((shape.channels, block), np.float32)
        self.to_head = np.empty((shape.head.inputs, block), np.float32)


class Layer:
    """One layer and the history of its convolution."""

    def __init__(self, shape: LayerShape, tensors: Tensors, workspace: Workspace) -> None:
        self._z = workspace.z[: shape.conv.outputs]
        self._a = workspace.ones_and_a[1:]
        conv = shape.conv.take(tensors)
        mixin = shape.mixin.take(tensors)[0][:, :, 0]
        self._layer1x1 = self._head1x1 = None
        if shape.layer1x1:
            self._layer1x1 = Pointwise(shape.layer1x1, tensors, workspace.ones_and_a, workspace.back)
        if shape.head1x1:
            self._head1x1 = Pointwise(shape.head1x1, tensors, workspace.ones_and_a, workspace.to_head)
        films = {name: Film(*film.conv.take(tensors), film.dim, shift=film.shift) for name, film in shape.films.items()}
        self._conv_pre, self._conv_post = films.get("conv_pre"), films.get("conv_post")
        self._mixin_pre, self._mixin_post = films.get("input_mixin_pre"), films.get("input_mixin_post")
        self._activation_pre, self._activation_post = films.get("activation_pre"), films.get("activation_post")
        self._head1x1_post = films.get("head1x1_post")
        # The canonical engine ignores this slot in the other gating modes, although its weights are in the file.
        self._layer1x1_post = films.get("layer1x1_post") if shape.gating == "blended" else None
        self._activation, self._secondary, self._gating = shape.activation, shape.secondary, shape.gating
        # Without FiLM between them, the mixin is part of the convolution's product: more rows in the stack.
        self._mixin = mixin if self._conv_post or self._mixin_pre or self._mixin_post else None
        joined = mixin if self._mixin is None else None
        self._conv = CausalConv(*conv, shape.conv.dilation, workspace.stack, joined)

    def compute(self, r: Signal, c: Signal, h: Signal, *, last: bool) -> None:
        """Add the output of this layer to the residual and the head.

        Args:
            r: residual, shape (channels, block): the newest tap of the stack itself, unless FiLM modulates it first.
            c: condition, shape (conditions, block).
            h: head accumulator, shape (head inputs, block).
            last: whether the residual is not used afterwards and need not be updated.
        """
        z, a = self._z, self._a
        if self._conv_pre:
            self._conv_pre.apply(r, c, out=self._conv.input)
        self._conv.compute(out=z)
        if self._mixin is not None:
            self._mix(self._mixin, c, z)
        if self._activation_pre:
            self._activation_pre.apply(z, c, out=z)
        self._activate(z, a)
        if self._activation_post:
            self._activation_post.apply(a, c, out=a)

        if self._head1x1:
            to_head = self._head1x1.compute()
            if self._head1x1_post:
                self._head1x1_post.apply(to_head, c, out=to_head)
            h += to_head
        else:
            h += a

        if self._layer1x1 and not last:
            back = self._layer1x1.compute()
            if self._layer1x1_post:
                self._layer1x1_post.apply(back, c, out=back)
            r += back

    def _mix(self, mixin: NDArray[np.float32], c: Signal, z: Signal) -> None:
        """Add the mixin of the condition to z, if FiLM requires a separate product."""
        if self._conv_post:
            self._conv_post.apply(z, c, out=z)
        m = pointwise(mixin, self._mixin_pre.apply(c, c, out=np.empty_like(c)) if self._mixin_pre else c)
        if self._mixin_post:
            self._mixin_post.apply(m, c, out=m)
        z += m

    def _activate(self, z: Signal, a: Signal) -> None:
        """Write act(z), or with the halves u, g of z: gated act(u)·sec(g), blended sec(g)·act(u) + (1 − sec(g))·u."""
        if self._gating == "none":
            self._activation(z, a)
            return
        u, g = z[: len(a)], z[len(a) :]
        q = np.empty_like(a)
        self._activation(u, a)
        self._secondary(g, q)
        if self._gating == "gated":
            a *= q
        else:
            a -= u
            a *= q
            a += u

    def commit(self) -> None:
        """Store the end of the block as history."""
        self._conv.commit()


class LayerArray:
    """One layer array: rechannel, layers, head.

    Attributes:
        residual: output of the last layer, shape (channels, block); incomplete in the last array.
        head_out: output of the head, shape (head outputs, block).
    """

    def __init__(self, shape: ArrayShape, tensors: Tensors, block: int, *, last: bool, scale: float = 1.0) -> None:
        """Build the array.

        Args:
            shape: sizes of the array.
            tensors: iterator over the weights in the order of the file.
            block: samples per block.
            last: whether this is the last array.
            scale: factor of the output of the head.
        """
        workspace = Workspace(shape, block)
        self._condition = workspace.stack.condition
        self._rechannel = shape.rechannel.take(tensors)[0][:, :, 0]
        self._layers = [Layer(layer, tensors, workspace) for layer in shape.layers]
        self.residual = workspace.stack.newest(shape.channels)
        if any("conv_pre" in layer.films for layer in shape.layers):
            self.residual = np.empty((shape.channels, block), np.float32)

        weight, bias = shape.head.take(tensors)
        head_stack = Stack([shape.head], block)
        self._head = CausalConv(weight * scale, bias * scale, shape.head.dilation, head_stack)
        self.head_out = np.empty((shape.head.outputs, block), np.float32)
        self._last = last

    def compute(self, y: Signal, c: Signal, h: Signal | float) -> None:
        """Run the array over a block, into `residual` and `head_out`.

        Args:
            y: input, shape (inputs, block).
            c: condition, shape (conditions, block).
            h: head output of the preceding array, shape (head inputs, block); 0 for the first array.
        """
        np.copyto(self._condition, c)
        pointwise(self._rechannel, y, out=self.residual)
        np.copyto(self._head.input, h)
        for layer in self._layers:
            last = self._last and layer is self._layers[-1]
            layer.compute(self.residual, c, self._head.input, last=last)
        self._head.compute(out=self.head_out)

    def commit(self) -> None:
        """Store the end of the block as history."""
        for layer in self._layers:
            layer.commit()
        self._head.commit()


class PostHead:
    """The head after all arrays: an activation before every convolution (docs/nam.md section 8.4)."""

    def __init__(self, shape: PostHeadShape, tensors: Tensors, block: int) -> None:
        stack = Stack(shape.convs, block)
        self._activations = shape.activations
        self._convs = [CausalConv(*conv.take(tensors), conv.dilation, stack) for conv in shape.convs]
        self._outs = [np.empty((conv.outputs, block), np.float32) for conv in shape.convs]

    def compute(self, h: Signal) -> Signal:
        """Return the output (outputs, block) for the last array's head output (inputs, block)."""
        for activation, conv, out in zip(self._activations, self._convs, self._outs, strict=True):
            activation(h, conv.input)
            conv.compute(out=out)
            h = out
        return h

    def commit(self) -> None:
        """Store the end of the block as history."""
        for conv in self._convs:
            conv.commit()


class WaveNetNetwork:
    """State and buffers of one run of a WaveNet."""

    def __init__(
        self, shape: WaveNetShape, tensors: list[NDArray[np.float32]], condition: Network | None, block: int
    ) -> None:
        """Build the network from weights in the order and shapes of `shape.tensors()`."""
        *rest, head_scale = tensors
        remaining = iter(rest)
        self._condition = condition
        last = len(shape.arrays) - 1
        self._arrays = [
            LayerArray(
                array, remaining, block, last=index == last, scale=float(head_scale[0]) if index == last else 1.0
            )
            for index, array in enumerate(shape.arrays)
        ]
        self._post_head = PostHead(shape.post_head, remaining, block) if shape.post_head else None

    def compute(self, x: Signal) -> Signal:
        """Return the output (outputs, block) for a block of input (inputs, block)."""
        c = self._condition.compute(x) if self._condition else x
        first, *others = self._arrays
        first.compute(x, c, h=0.0)
        y, h = first.residual, first.head_out
        for array in others:
            array.compute(y, c, h)
            y, h = array.residual, array.head_out
        return self._post_head.compute(h) if self._post_head else h

    def commit(self) -> None:
        """Store the end of the block as history."""
        if self._condition:
            self._condition.commit()
        for array in self._arrays:
            array.commit()
        if self._post_head:
            self._post_head.commit()
