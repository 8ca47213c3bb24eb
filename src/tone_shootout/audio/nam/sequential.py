"""Sequential: several models in series (docs/nam.md, "Sequential")."""

from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct, structs

from tone_shootout.audio.nam.convolution import Signal
from tone_shootout.audio.nam.document import Metadata, check_size, decode, expect_no_weights
from tone_shootout.audio.nam.errors import NamError
from tone_shootout.audio.nam.model import Child, Model, ModelStats, Network, Source

BLOCK: Final = 512
"""Samples per block. A Linear after another model stores its output during the prewarm, so the first samples depend on
the rounding of the prewarm to blocks: the canonical renderer rounds to 512."""

CABINET_TAPS: Final = 32
"""A Linear of this many taps or more counts as the impulse response of a cabinet, a shorter one as a filter."""

_AMPS = ("amp", "amp_cab", "amp_pedal_cab", "pedal_amp", "preamp")
_PEDALS = ("amp_pedal_cab", "pedal", "pedal_amp")
_CABINETS = ("amp_cab", "amp_pedal_cab", "cab", "full_rig")


class SequentialConfig(Struct):
    """A Sequential's `config`."""

    models: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=64)]


def read_sequential(source: Source) -> "Sequential":
    """Read a Sequential.

    Args:
        source: document of the model.

    Raises:
        NamError: with a pointer to the first invalid value.
    """
    pointer = f"{source.pointer}/config/models"
    expect_no_weights(source.document.weights, f"{source.pointer}/weights")
    config = decode(source.document.config, SequentialConfig, f"{source.pointer}/config")
    children: list[Child] = []
    rate = source.sample_rate
    for index, raw in enumerate(config.models):
        child = source.embedded(raw, f"/config/models/{index}")
        found = child.model.sample_rate
        if None not in (rate, found) and rate != found:
            detail = f"expected {rate:g} like the preceding models, got {found:g}"
            raise NamError("mismatch", f"{pointer}/{index}/sample_rate", detail)
        rate = found if rate is None else rate
        if children:
            check_size(f"{pointer}/{index}", child.model.stats.inputs, children[-1].model.stats.outputs)
        children.append(child)
        # Each model is within the limits; check their sum before the next one is read.
        _total_stats(children).check_limits(f"{source.pointer}/config")
    return Sequential(_total_stats(children), rate, tuple(children))


def _total_stats(children: list[Child]) -> ModelStats:
    """Return the statistics of models in series; the prewarms add up, like in the canonical engine."""
    each = [child.model.stats for child in children]
    return ModelStats(
        inputs=each[0].inputs,
        outputs=each[-1].outputs,
        parameters=sum(stats.parameters for stats in each),
        prewarm=sum(stats.prewarm for stats in each),
        reach=sum(stats.receptive_field for stats in each) - len(each) + 1,
        state=sum(stats.state for stats in each),
        products=sum(stats.products for stats in each),
        taps=max(stats.taps for stats in each),
        size_class=each[0].size_class if len(each) == 1 else f"{len(each)} models",
    )


@dataclass(frozen=True)
class Sequential(Model):
    """Models in the order of processing, each at its default size."""

    stats: ModelStats
    sample_rate: float | None
    children: tuple[Child, ...]

    def embedded_metadata(self, size: float | None) -> Metadata:  # noqa: ARG002  # the size is not passed on
        """Return the input level of the first model, output level and loudness of the last, and the combined gear type.

        Texts are those of the first model that has any.
        """
        each = [child.metadata() for child in self.children]
        combined = Metadata()
        for metadata in each:
            combined = combined.with_fallback(structs.replace(metadata, gain=None))
        return structs.replace(
            combined,
            gear_type=_combined_gear_type(self.children, each),
            gain=each[0].gain if len(each) == 1 else None,
            input_level_dbu=each[0].input_level_dbu,
            output_level_dbu=each[-1].output_level_dbu,
            loudness=each[-1].loudness,
        )

    def parts(self) -> tuple[Child, ...]:
        """Return the models in the order of processing."""
        return self.children

    def block(self) -> int:
        """Return the block length of the canonical renderer."""
        return BLOCK

    def network(self, block: int) -> "SequentialNetwork":
        """Return the networks of the models in series, each in its initial state."""
        return SequentialNetwork([child.model.at_size(None).network(block) for child in self.children])


class SequentialNetwork:
    """State and buffers of one run of a Sequential."""

    def __init__(self, networks: list[Network]) -> None:
        self._networks = networks

    def compute(self, x: Signal) -> Signal:
        """Return the output (outputs, block) for a block of input (inputs, block)."""
        for network in self._networks:
            x = network.compute(x)
        return x

    def commit(self) -> None:
        """Store the end of the last computed block as history of the next one."""
        for network in self._networks:
            network.commit()


def _combined_gear_type(children: tuple[Child, ...], each: list[Metadata]) -> str | None:
    """Return the gear type of models in series; None if too few of them have one."""
    types: list[str | None] = []
    for child, metadata in zip(children, each, strict=True):
        gear_type = metadata.gear_type
        if gear_type is None and child.architecture == "Linear":
            gear_type = "cab" if child.model.stats.receptive_field >= CABINET_TAPS else "filter"
        types.append(gear_type and gear_type.strip().lower().replace("-", "_").replace(" ", "_"))
    if len({metadata.gear_type for metadata in each}) == 1 and each[0].gear_type is not None:
        return each[0].gear_type
    cabinet = any(gear_type in _CABINETS for gear_type in types)
    pedal = any(gear_type in _PEDALS for gear_type in types)
    if any(gear_type in _AMPS or gear_type == "full_rig" for gear_type in types):
        if cabinet:
            return "amp_pedal_cab" if pedal else "amp_cab"
        return "pedal_amp" if pedal else "amp"
    known = {metadata.gear_type for metadata in each if metadata.gear_type is not None}
    if None not in types and len(known) == 1 and not cabinet:
        return known.pop()
    return None
