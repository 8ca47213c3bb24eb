"""Fields of the `config` of a WaveNet (docs/nam.md section 8.1); null counts as absent."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from tone_shootout.audio.nam.activations import ActivationConfig
from tone_shootout.audio.nam.document import Channels, Size, Sizes

ActivationField = str | ActivationConfig


class FilmConfig(Struct):
    """A FiLM slot, active by default (docs/nam.md section 4.2)."""

    active: bool = True
    shift: bool = True
    groups: Channels = 1


class Layer1x1Config(Struct):
    """The 1×1 convolution from the activation to the residual."""

    active: bool
    groups: Channels


class Head1x1Config(Struct):
    """The 1×1 convolution from the activation to the head."""

    active: bool
    out_channels: Channels
    groups: Channels


class HeadConfig(Struct):
    """The head of a layer array in the newer format."""

    out_channels: Channels
    kernel_size: Size
    bias: bool
    head_dilation: Size = 1


class PostHeadConfig(Struct):
    """The head after all layer arrays (docs/nam.md section 8.4)."""

    channels: Channels
    out_channels: Channels
    kernel_sizes: Sizes
    activation: ActivationField
    in_channels: Channels | None = None


class SlimmableKwargs(Struct):
    """Arguments of the slimming method."""

    allowed_channels: Sizes | None = None


class SlimmableConfig(Struct):
    """Method by which an array can be reduced (docs/nam.md section 8.7)."""

    method: str | None = None
    kwargs: SlimmableKwargs | None = None


class LayerArrayConfig(Struct):
    """One layer array."""

    input_size: Channels
    condition_size: Channels
    channels: Channels
    dilations: Sizes
    activation: ActivationField | Annotated[list[ActivationField], Meta(max_length=1024)]
    bottleneck: Channels | None = None
    kernel_size: Size | None = None
    kernel_sizes: Sizes | None = None
    gated: bool | None = None
    gating_mode: str | list[str] | None = None
    secondary_activation: ActivationField | list[ActivationField | None] | None = None
    head: HeadConfig | None = None
    head_size: Channels | None = None
    head_bias: bool | None = None
    head1x1: Head1x1Config | None = None
    layer1x1: Layer1x1Config | None = None
    groups_input: Channels = 1
    groups_input_mixin: Channels = 1
    conv_pre_film: FilmConfig | bool | None = None
    conv_post_film: FilmConfig | bool | None = None
    input_mixin_pre_film: FilmConfig | bool | None = None
    input_mixin_post_film: FilmConfig | bool | None = None
    activation_pre_film: FilmConfig | bool | None = None
    activation_post_film: FilmConfig | bool | None = None
    layer1x1_post_film: FilmConfig | bool | None = None
    head1x1_post_film: FilmConfig | bool | None = None
    slimmable: SlimmableConfig | bool | None = None


class WaveNetConfig(Struct):
    """The `config` of a WaveNet. `head_scale` is required, but the last weight replaces its value."""

    layers: Annotated[list[LayerArrayConfig], Meta(min_length=1, max_length=256)]
    head_scale: float
    head: PostHeadConfig | None = None
    in_channels: Channels = 1
    condition_dsp: msgspec.Raw = msgspec.Raw(b"null")
