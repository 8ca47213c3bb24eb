"""Reading of WaveNets, with an embedded condition model, and derivation of narrower versions."""

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from tone_shootout.audio.nam.activations import ActivationConfig
from tone_shootout.audio.nam.convolution import fast_block
from tone_shootout.audio.nam.document import check_size, decode, to_int
from tone_shootout.audio.nam.errors import NamError
from tone_shootout.audio.nam.kernels import KERNEL_BLOCK, host_target
from tone_shootout.audio.nam.model import Model, ModelStats, Network, Source
from tone_shootout.audio.nam.unused_fields import drop_unused_wavenet_fields
from tone_shootout.audio.nam.wavenet.compiled import compiled_wavenet, wavenet_layers
from tone_shootout.audio.nam.wavenet.config import LayerArrayConfig, WaveNetConfig
from tone_shootout.audio.nam.wavenet.network import WaveNetNetwork
from tone_shootout.audio.nam.wavenet.shape import WaveNetShape, wavenet_shape

SIZE_CLASSES: Final[dict[tuple[int, tuple[int, ...]], str]] = {
    (13802, (16, 8)): "standard",
    (6554, (12, 6)): "lite",
    (3026, (8, 4)): "feather",
    (842, (4, 2)): "nano",
    (12146, (8,)): "a2-full",
    (1871, (3,)): "a2-lite",
}
"""Size classes of the trainer by number of weights and channels of each array."""


def read_wavenet(source: Source) -> "WaveNet":
    """Read a WaveNet.

    Args:
        source: document of the model.

    Raises:
        NamError: with a pointer to the first invalid value.
    """
    pointer = f"{source.pointer}/config"
    config = decode(drop_unused_wavenet_fields(source.document.config), WaveNetConfig, pointer)
    condition = None
    if bytes(config.condition_dsp) != b"null":
        condition = source.embedded(config.condition_dsp, "/config/condition_dsp").model
        check_size(f"{pointer}/condition_dsp/config/in_channels", condition.stats.inputs, to_int(config.in_channels))
        if condition.sample_rate != source.sample_rate:
            detail = f"expected the outer model's {source.sample_rate}, got {condition.sample_rate}"
            raise NamError("mismatch", f"{pointer}/condition_dsp/sample_rate", detail)
    conditions = condition.stats.outputs if condition else to_int(config.in_channels)
    shape = wavenet_shape(config, conditions, pointer)
    _check_slimmable(config, pointer)

    convs = list(shape.convolutions())
    count = sum(math.prod(tensor) for tensor in shape.tensors())
    inner = condition.stats if condition else None
    lookback = sum(conv.lookback for conv in convs)
    stats = ModelStats(
        inputs=to_int(config.in_channels),
        outputs=shape.outputs,
        parameters=count + (inner.parameters if inner else 0),
        prewarm=(inner.prewarm if inner else 1) + lookback,
        reach=(inner.receptive_field if inner else 1) + lookback,
        state=(inner.state if inner else 0) + sum(conv.lookback * conv.inputs for conv in convs),
        products=(inner.products if inner else 0) + sum(conv.products for conv in convs),
        taps=max(conv.taps for conv in convs),
        size_class=SIZE_CLASSES.get((count, tuple(array.channels for array in shape.arrays)), "custom"),
    )
    stats.check_limits(pointer)
    tensors = source.tensors(shape.tensors(), count)
    slimmable = any(_allowed_channels(array) for array in config.layers)
    return WaveNet(stats, source.sample_rate, config, shape, tensors, condition, pointer, slimmable)


@dataclass(frozen=True)
class WaveNet(Model):
    """Validated config and weights of a WaveNet."""

    stats: ModelStats
    sample_rate: float | None
    config: WaveNetConfig
    shape: WaveNetShape
    tensors: list[NDArray[np.float32]]
    condition: Model | None
    pointer: str
    has_narrower: bool

    @property
    def slimmable(self) -> bool:
        """Whether the size has an effect."""
        return self.has_narrower

    def at_size(self, size: float | None) -> "WaveNet":
        """Return this or a narrower WaveNet: leading slices of all tensors in both channel axes (docs/nam.md 8.7)."""
        config = self.config if size is None else slim(self.config, size, self.pointer)
        if config is self.config:
            return self
        shape = wavenet_shape(config, self.shape.arrays[0].conditions, self.pointer)
        narrow = zip(self.tensors, shape.tensors(), strict=True)
        return replace(
            self, config=config, shape=shape, tensors=[full[tuple(map(slice, sizes))] for full, sizes in narrow]
        )

    def block(self) -> int:
        """Return the fastest block length: of the kernels, or for the widest matrix product."""
        if host_target() and wavenet_layers(self.shape):
            return KERNEL_BLOCK
        return fast_block(self.shape.convolutions(), self.shape.arrays[0].conditions)

    def network(self, block: int) -> Network:
        """Return a network with all-zero history."""
        condition = self.condition.network(block) if self.condition else None
        if (target := host_target()) and (layers := wavenet_layers(self.shape)):
            return compiled_wavenet(self.shape, self.tensors, condition, layers, block, target)
        return WaveNetNetwork(self.shape, self.tensors, condition, block)


def _allowed_channels(array: LayerArrayConfig) -> list[int]:
    """Return the numbers of channels that an array can have, ascending; empty if it has only one."""
    if not array.slimmable or array.slimmable is True or not array.slimmable.method:
        return []
    allowed = array.slimmable.kwargs.allowed_channels if array.slimmable.kwargs else None
    return [to_int(width) for width in allowed] if allowed else list(range(1, to_int(array.channels) + 1))


def _check_slimmable(config: WaveNetConfig, pointer: str) -> None:
    for index, array in enumerate(config.layers):
        here = f"{pointer}/layers/{index}/slimmable"
        if array.slimmable is True:
            raise NamError("invalid_field", here, "expected an object, false or nothing, got true")
        if not (allowed := _allowed_channels(array)):
            continue
        if array.slimmable and array.slimmable.method != "slice_channels_uniform":
            got = (array.slimmable.method or "")[:40]
            raise NamError("unsupported", f"{here}/method", f"expected slice_channels_uniform, got {got!r}")
        if allowed != sorted(set(allowed)) or allowed[-1] != array.channels:
            detail = f"expected ascending numbers that end with {array.channels:g}"
            raise NamError("mismatch", f"{here}/kwargs/allowed_channels", detail)
        if config.head:
            raise NamError("unsupported", f"{pointer}/head", "a slimmable WaveNet can't have a post-stack head")


def slim(config: WaveNetConfig, size: float, pointer: str) -> WaveNetConfig:
    """Return the config of the narrower WaveNet for a size, or the same object at full size.

    Args:
        config: config of the full WaveNet.
        size: 0 to 1.
        pointer: JSON pointer to the config.

    Raises:
        NamError: `unsupported` if the canonical engine rejects the size or computes invalid output.
    """
    widths = []
    for array in config.layers:
        allowed = _allowed_channels(array) or [to_int(array.channels)]
        widths.append(allowed[min(int(size * len(allowed)), len(allowed) - 1)])
    if all(width == array.channels for width, array in zip(widths, config.layers, strict=True)):
        return config
    layers = []
    for index, (array, width) in enumerate(zip(config.layers, widths, strict=True)):
        _check_can_slim(array, f"{pointer}/layers/{index}")
        channels = to_int(array.channels)
        layer1x1 = array.layer1x1 is None or array.layer1x1.active
        bottleneck = max(1, to_int(array.bottleneck or channels) * width // channels) if layer1x1 else width
        narrow = structs.replace(array, channels=width, bottleneck=bottleneck)
        if index > 0:
            narrow = structs.replace(narrow, input_size=widths[index - 1])
        if index + 1 < len(widths):
            outputs = widths[index + 1]
            head = structs.replace(array.head, out_channels=outputs) if array.head else None
            narrow = structs.replace(narrow, head=head, head_size=outputs)
        layers.append(narrow)
    return structs.replace(config, layers=layers)


def _check_can_slim(array: LayerArrayConfig, pointer: str) -> None:
    films = [value for name, value in structs.asdict(array).items() if name.endswith("_film")]
    grouped = [array.groups_input, array.groups_input_mixin]
    grouped += [part.groups for part in (array.layer1x1, array.head1x1, *films) if part and part.active]
    if any(groups > 1 for groups in grouped):
        raise NamError("unsupported", pointer, "a model with grouped convolutions only runs at full size")
    if array.head and array.head.kernel_size > 1:
        raise NamError("unsupported", f"{pointer}/head", "a model with a head kernel only runs at full size")
    for choice in (array.activation, array.secondary_activation):
        for activation in choice if isinstance(choice, list) else [choice]:
            slopes = activation.negative_slopes if isinstance(activation, ActivationConfig) else None
            if slopes and len(slopes) > 1:
                raise NamError("unsupported", pointer, "a model with a slope for each channel only runs at full size")
