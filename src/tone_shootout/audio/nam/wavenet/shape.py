"""Sizes and functions of a WaveNet, computed from its `config` and validated against each other.

This module allocates only a few hundred bytes per layer: it counts the weights that a config requires and bounds the
memory of a run before anything of that size is allocated.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from tone_shootout.audio.nam.activations import Activation, build_activation
from tone_shootout.audio.nam.convolution import ConvShape
from tone_shootout.audio.nam.document import check_size, to_int
from tone_shootout.audio.nam.errors import NamError
from tone_shootout.audio.nam.model import MAX_LAYERS
from tone_shootout.audio.nam.wavenet.config import (
    ActivationField,
    FilmConfig,
    LayerArrayConfig,
    PostHeadConfig,
    WaveNetConfig,
)

ActivationChoice = ActivationField | list[ActivationField] | list[ActivationField | None] | None
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FilmShape:
    """Sizes of a FiLM slot: one 1×1 convolution of the condition gives scale rows, then shift rows."""

    dim: int
    shift: bool
    conv: ConvShape


@dataclass(frozen=True, slots=True)
class LayerShape:
    """Sizes and functions of one layer.

    Attributes:
        conv: dilated convolution, channels → Z.
        mixin: 1×1 of the condition → Z, no bias.
        layer1x1: bottleneck → channels, or None.
        head1x1: bottleneck → head, or None.
        films: active FiLM slots by name without `_film`, in the order of their weights.
        gating: `none` (Z = bottleneck), `gated` or `blended` (Z = 2·bottleneck).
        activation: primary activation.
        secondary: activation of the gate or blend.
    """

    conv: ConvShape
    mixin: ConvShape
    layer1x1: ConvShape | None
    head1x1: ConvShape | None
    films: dict[str, FilmShape]
    gating: str
    activation: Activation
    secondary: Activation

    def convolutions(self) -> Iterator[ConvShape]:
        """Yield all convolutions in the order of their weights (docs/nam.md section 8.2)."""
        yield from (self.conv, self.mixin)
        yield from (conv for conv in (self.layer1x1, self.head1x1) if conv)
        yield from (film.conv for film in self.films.values())


@dataclass(frozen=True, slots=True)
class ArrayShape:
    """Sizes of one layer array.

    Attributes:
        rechannel: 1×1 of the input → channels, no bias.
        layers: sizes of the layers.
        head: convolution of the sum of the layers → head output.
        bottleneck: channels after the activation.
    """

    rechannel: ConvShape
    layers: tuple[LayerShape, ...]
    head: ConvShape
    bottleneck: int

    @property
    def channels(self) -> int:
        """Residual channels."""
        return self.rechannel.outputs

    @property
    def conditions(self) -> int:
        """Channels of the condition."""
        return self.layers[0].mixin.inputs

    def convolutions(self) -> Iterator[ConvShape]:
        """Yield all convolutions in the order of their weights."""
        yield self.rechannel
        for layer in self.layers:
            yield from layer.convolutions()
        yield self.head


@dataclass(frozen=True, slots=True)
class PostHeadShape:
    """The post-stack head: an activation before every convolution (docs/nam.md section 8.4)."""

    activations: tuple[Activation, ...]
    convs: tuple[ConvShape, ...]


@dataclass(frozen=True, slots=True)
class WaveNetShape:
    """Sizes of all layer arrays and of the post-stack head."""

    arrays: tuple[ArrayShape, ...]
    post_head: PostHeadShape | None

    @property
    def outputs(self) -> int:
        """Output channels."""
        return (self.post_head.convs[-1] if self.post_head else self.arrays[-1].head).outputs

    def convolutions(self) -> Iterator[ConvShape]:
        """Yield all convolutions in the order of their weights."""
        for array in self.arrays:
            yield from array.convolutions()
        if self.post_head:
            yield from self.post_head.convs

    def tensors(self) -> list[tuple[int, ...]]:
        """Return the shapes of all weights in the order of the file; the last is head_scale, a single number."""
        return [*(shape for conv in self.convolutions() for shape in conv.tensors()), (1,)]


def wavenet_shape(config: WaveNetConfig, conditions: int, pointer: str) -> WaveNetShape:
    """Compute and validate the shape of a WaveNet.

    Args:
        config: fields of the file.
        conditions: channels of the condition: those of the input or of the output of condition_dsp.
        pointer: JSON pointer to the config.

    Raises:
        NamError: `mismatch` for sizes that do not fit each other, `unsupported` for unknown functions, `missing_field`,
            `invalid_field`, or `too_large` for too many layers.
    """
    inputs = to_int(config.in_channels)
    count = sum(len(layers.dilations) for layers in config.layers)
    if count > MAX_LAYERS:
        raise NamError("too_large", f"{pointer}/layers", f"expected at most {MAX_LAYERS} layers, got {count}")
    arrays: list[ArrayShape] = []
    for index, layers in enumerate(config.layers):
        here = f"{pointer}/layers/{index}"
        check_size(f"{here}/input_size", layers.input_size, arrays[-1].channels if arrays else inputs)
        check_size(f"{here}/condition_size", layers.condition_size, conditions)
        array = _array_shape(layers, here)
        if arrays:
            check_size(f"{here}/channels", array.channels, arrays[-1].head.outputs)
            check_size(f"{here}/bottleneck", array.head.inputs, arrays[-1].head.outputs)
        arrays.append(array)
    post_head = _post_head_shape(config.head, arrays[-1].head.outputs, f"{pointer}/head") if config.head else None
    return WaveNetShape(tuple(arrays), post_head)


def _array_shape(config: LayerArrayConfig, pointer: str) -> ArrayShape:
    channels, conditions = to_int(config.channels), to_int(config.condition_size)
    bottleneck = to_int(config.bottleneck or channels)
    if config.layer1x1 and not config.layer1x1.active:
        check_size(f"{pointer}/bottleneck", bottleneck, channels)
    layer1x1 = head1x1 = None
    if config.layer1x1 is None or config.layer1x1.active:
        groups = config.layer1x1.groups if config.layer1x1 else 1
        layer1x1 = _conv(bottleneck, channels, groups=groups, pointer=f"{pointer}/layer1x1/groups")
    if config.head1x1 and config.head1x1.active:
        outputs, groups = to_int(config.head1x1.out_channels), config.head1x1.groups
        head1x1 = _conv(bottleneck, outputs, groups=groups, pointer=f"{pointer}/head1x1/groups")

    count = len(config.dilations)
    kernels = _kernels(config, count, pointer)
    gatings = _gatings(config, count, pointer)
    activations = _activations(config.activation, count, bottleneck, f"{pointer}/activation")
    if isinstance(config.secondary_activation, list) and not isinstance(config.gating_mode, list):
        raise NamError("mismatch", f"{pointer}/secondary_activation", "a list requires a list of gating modes")
    secondaries = _activations(config.secondary_activation, count, bottleneck, f"{pointer}/secondary_activation")

    layers: list[LayerShape] = []
    for index in range(count):
        gating = gatings[index]
        z = bottleneck if gating == "none" else 2 * bottleneck
        layers.append(
            LayerShape(
                conv=_conv(
                    channels,
                    z,
                    kernels[index],
                    to_int(config.dilations[index]),
                    groups=config.groups_input,
                    pointer=f"{pointer}/groups_input",
                ),
                mixin=_conv(
                    conditions, z, groups=config.groups_input_mixin, bias=False, pointer=f"{pointer}/groups_input_mixin"
                ),
                layer1x1=layer1x1,
                head1x1=head1x1,
                films=_films(config, z, bottleneck, head1x1, pointer),
                gating=gating,
                activation=activations[index],
                secondary=secondaries[index],
            )
        )
    head = _head(config, head1x1.outputs if head1x1 else bottleneck, pointer)
    rechannel = ConvShape(to_int(config.input_size), channels, bias=False)
    return ArrayShape(rechannel, tuple(layers), head, bottleneck)


def _conv(
    inputs: int, outputs: int, kernel: int = 1, dilation: int = 1, *, groups: float, bias: bool = True, pointer: str
) -> ConvShape:
    if inputs % groups or outputs % groups:
        detail = f"expected groups that divide {inputs} and {outputs} channels, got {groups:g}"
        raise NamError("mismatch", pointer, detail)
    return ConvShape(inputs, outputs, kernel, dilation, to_int(groups), bias)


def _one_each(values: list[T], count: int, pointer: str) -> list[T]:
    """Return a list after checking that it has one entry per layer."""
    if len(values) != count:
        raise NamError("mismatch", pointer, f"expected one entry for each of {count} dilations, got {len(values)}")
    return values


def _kernels(config: LayerArrayConfig, count: int, pointer: str) -> list[int]:
    if (config.kernel_size is None) == (config.kernel_sizes is None):
        raise NamError("mismatch", f"{pointer}/kernel_size", "expected either kernel_size or kernel_sizes, not both")
    if config.kernel_size is not None:
        return [to_int(config.kernel_size)] * count
    return [to_int(size) for size in _one_each(config.kernel_sizes or [], count, f"{pointer}/kernel_sizes")]


def _gatings(config: LayerArrayConfig, count: int, pointer: str) -> list[str]:
    if config.gating_mode is None:
        return ["gated" if config.gated else "none"] * count
    modes = config.gating_mode if isinstance(config.gating_mode, list) else [config.gating_mode] * count
    _one_each(modes, count, f"{pointer}/gating_mode")
    for index, mode in enumerate(modes):
        if mode not in ("none", "gated", "blended"):
            here = f"{pointer}/gating_mode" + (f"/{index}" if isinstance(config.gating_mode, list) else "")
            raise NamError("unsupported", here, f"expected none, gated or blended, got {mode[:40]!r}")
    return modes


def _activations(field: ActivationChoice, count: int, channels: int, pointer: str) -> list[Activation]:
    """Build the activation of each layer; Sigmoid if the file names none, which only a secondary activation may do."""
    if not isinstance(field, list):
        return [build_activation("Sigmoid" if field is None else field, channels, pointer)] * count
    choices: list[ActivationField | None] = [*field]
    return [
        build_activation("Sigmoid" if choice is None else choice, channels, f"{pointer}/{index}")
        for index, choice in enumerate(_one_each(choices, count, pointer))
    ]


def _films(
    config: LayerArrayConfig, z: int, bottleneck: int, head1x1: ConvShape | None, pointer: str
) -> dict[str, FilmShape]:
    """Return the active slots, in the order of their weights."""
    channels, conditions = to_int(config.channels), to_int(config.condition_size)
    layer1x1 = config.layer1x1 is None or config.layer1x1.active
    slots: tuple[tuple[str, FilmConfig | bool | None, int], ...] = (
        ("conv_pre", config.conv_pre_film, channels),
        ("conv_post", config.conv_post_film, z),
        ("input_mixin_pre", config.input_mixin_pre_film, conditions),
        ("input_mixin_post", config.input_mixin_post_film, z),
        ("activation_pre", config.activation_pre_film, z),
        ("activation_post", config.activation_post_film, bottleneck),
        ("layer1x1_post", config.layer1x1_post_film, channels if layer1x1 else 0),
        ("head1x1_post", config.head1x1_post_film, head1x1.outputs if head1x1 else 0),
    )
    films: dict[str, FilmShape] = {}
    for name, slot, dim in slots:
        here = f"{pointer}/{name}_film"
        if slot is True:
            raise NamError("invalid_field", here, "expected an object, false or nothing, got true")
        if not slot or not slot.active:
            continue
        if not dim:
            raise NamError("mismatch", here, f"this slot requires an active {name.removesuffix('_post')}")
        rows = 2 * dim if slot.shift else dim
        conv = _conv(conditions, rows, groups=slot.groups, pointer=f"{here}/groups")
        films[name] = FilmShape(dim, slot.shift, conv)
    return films


def _head(config: LayerArrayConfig, inputs: int, pointer: str) -> ConvShape:
    if config.head:
        head = config.head
        return ConvShape(
            inputs, to_int(head.out_channels), to_int(head.kernel_size), to_int(head.head_dilation), bias=head.bias
        )
    if config.head_size is None or config.head_bias is None:
        missing = "head_size" if config.head_size is None else "head_bias"
        raise NamError("missing_field", f"{pointer}/{missing}", "expected head, or head_size and head_bias")
    return ConvShape(inputs, to_int(config.head_size), bias=config.head_bias)


def _post_head_shape(config: PostHeadConfig, inputs: int, pointer: str) -> PostHeadShape:
    if config.in_channels is not None:
        check_size(f"{pointer}/in_channels", config.in_channels, inputs)
    last = len(config.kernel_sizes) - 1
    widths = [inputs, *[to_int(config.channels)] * last, to_int(config.out_channels)]
    kernels = [to_int(size) for size in config.kernel_sizes]
    convs = tuple(ConvShape(widths[i], widths[i + 1], kernels[i]) for i in range(last + 1))
    activations = tuple(build_activation(config.activation, conv.inputs, f"{pointer}/activation") for conv in convs)
    return PostHeadShape(activations, convs)
