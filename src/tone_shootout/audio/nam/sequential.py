"""Sequential: several models of which each plays what the one before it has made (docs/nam.md, "Sequential")."""

from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct, structs

from tone_shootout.audio.nam.convolution import Signal
from tone_shootout.audio.nam.document import Metadata, decode, expect, expect_no_weights
from tone_shootout.audio.nam.errors import NamError
from tone_shootout.audio.nam.model import Child, Figures, Model, Network, Source

BLOCK: Final = 512
"""Samples a block. A Linear behind another model remembers what that one put out while it was prewarmed, so how far
the prewarm is rounded up can be heard in its first samples: 512 is what the canonical renderer rounds to."""

CABINET_TAPS: Final = 32
"""A Linear of this many taps or more is taken for a cabinet's impulse response, a shorter one for a plain filter."""

_AMPS = ("amp", "amp_cab", "amp_pedal_cab", "pedal_amp", "preamp")
_PEDALS = ("amp_pedal_cab", "pedal", "pedal_amp")
_CABINETS = ("amp_cab", "amp_pedal_cab", "cab", "full_rig")


class SequentialConfig(Struct):
    """A Sequential's `config`."""

    models: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=64)]


def read_sequential(source: Source) -> "Sequential":
    """Read a Sequential.

    Raises:
        NamError: pointing at what does not fit.
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
            raise NamError("mismatch", f"{pointer}/{index}/sample_rate", f"expected {rate:g} as before, got {found:g}")
        rate = found if rate is None else rate
        if children:
            expect(f"{pointer}/{index}", child.model.figures.inputs, children[-1].model.figures.outputs)
        children.append(child)
        # Each model is within bounds of its own; here their sum is, before the next one is read.
        _figures(children).check(f"{source.pointer}/config")
    return Sequential(_figures(children), rate, tuple(children))


def _figures(children: list[Child]) -> Figures:
    """Return what the models ask for together; the prewarm is the sum of theirs, as in the canonical engine."""
    each = [child.model.figures for child in children]
    return Figures(
        inputs=each[0].inputs,
        outputs=each[-1].outputs,
        parameters=sum(figures.parameters for figures in each),
        prewarm=sum(figures.prewarm for figures in each),
        reach=sum(figures.receptive_field for figures in each) - len(each) + 1,
        state=sum(figures.state for figures in each),
        products=sum(figures.products for figures in each),
        taps=max(figures.taps for figures in each),
        size_class=each[0].size_class if len(each) == 1 else f"{len(each)} models",
    )


@dataclass(frozen=True)
class Sequential(Model):
    """The models in the order in which they play, each at its default size."""

    figures: Figures
    sample_rate: float | None
    children: tuple[Child, ...]

    def inner_metadata(self, size: float | None) -> Metadata:  # noqa: ARG002  # the size is not passed on
        """Return the first model's input level, the last one's output level and loudness, and the gear of all together.

        The names are those of the first model that has any.
        """
        said = [child.metadata() for child in self.children]
        names = Metadata()
        for each in said:
            names = names.completed(structs.replace(each, gain=None))
        return structs.replace(
            names,
            gear_type=_gear(self.children, said),
            gain=said[0].gain if len(said) == 1 else None,
            input_level_dbu=said[0].input_level_dbu,
            output_level_dbu=said[-1].output_level_dbu,
            loudness=said[-1].loudness,
        )

    def parts(self) -> tuple[Child, ...]:
        """Return the models in the order in which they play."""
        return self.children

    def block(self) -> int:
        """Return the canonical renderer's block length."""
        return BLOCK

    def network(self, block: int) -> "SequentialNetwork":
        """Return the models' networks in a row, each in its initial state."""
        return SequentialNetwork([child.model.sized(None).network(block) for child in self.children])


class SequentialNetwork:
    """A Sequential at work."""

    def __init__(self, networks: list[Network]) -> None:
        self._networks = networks

    def compute(self, x: Signal) -> Signal:
        """Return the output (outputs, block) for a block of input (inputs, block)."""
        for network in self._networks:
            x = network.compute(x)
        return x

    def commit(self) -> None:
        """Let the block last computed be the past of the next one."""
        for network in self._networks:
            network.commit()


def _gear(children: tuple[Child, ...], said: list[Metadata]) -> str | None:
    """Return the gear that the models are together; None where too little is known of them."""
    words: list[str | None] = []
    for child, metadata in zip(children, said, strict=True):
        word = metadata.gear_type
        if word is None and child.architecture == "Linear":
            word = "cab" if child.model.figures.receptive_field >= CABINET_TAPS else "filter"
        words.append(word and word.strip().lower().replace("-", "_").replace(" ", "_"))
    if len({metadata.gear_type for metadata in said}) == 1 and said[0].gear_type is not None:
        return said[0].gear_type
    cabinet = any(word in _CABINETS for word in words)
    pedal = any(word in _PEDALS for word in words)
    if any(word in _AMPS or word == "full_rig" for word in words):
        if cabinet:
            return "amp_pedal_cab" if pedal else "amp_cab"
        return "pedal_amp" if pedal else "amp"
    known = {metadata.gear_type for metadata in said if metadata.gear_type is not None}
    if None not in words and len(known) == 1 and not cabinet:
        return known.pop()
    return None
