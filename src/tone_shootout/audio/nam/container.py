"""SlimmableContainer: several models of one sound, chosen by size (docs/nam.md section 9)."""

from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from tone_shootout.audio.nam.document import Metadata, decode
from tone_shootout.audio.nam.errors import NamError
from tone_shootout.audio.nam.model import Child, Figures, Model, Network, Source


class SubmodelConfig(Struct):
    """A model for sizes below `max_value`."""

    max_value: float
    model: msgspec.Raw


class ContainerConfig(Struct):
    """A container's `config`."""

    submodels: Annotated[list[SubmodelConfig], Meta(min_length=1, max_length=64)]


def read_container(source: Source) -> "Container":
    """Read a container.

    Raises:
        NamError: pointing at what does not fit.
    """
    pointer = f"{source.pointer}/config/submodels"
    config = decode(source.document.config, ContainerConfig, f"{source.pointer}/config")
    limits = [submodel.max_value for submodel in config.submodels]
    for index in range(1, len(limits)):
        if limits[index] <= limits[index - 1]:
            raise NamError("mismatch", f"{pointer}/{index}/max_value", "expected max_values in ascending order")
    if limits[-1] < 1:
        raise NamError("mismatch", f"{pointer}/{len(limits) - 1}/max_value", "expected the last max_value to reach 1.0")
    children = []
    for index, submodel in enumerate(config.submodels):
        child = source.embedded(submodel.model, f"/config/submodels/{index}/model")
        model = child.model
        if None not in (rates := {model.sample_rate, source.sample_rate}) and len(rates) > 1:
            detail = f"expected the container's {source.sample_rate}, got {model.sample_rate}"
            raise NamError("mismatch", f"{pointer}/{index}/model/sample_rate", detail)
        children.append(child)
    largest = children[-1].model
    return Container(largest.figures, source.sample_rate or largest.sample_rate, tuple(limits), tuple(children))


@dataclass(frozen=True)
class Container(Model):
    """The models and the sizes below which each is chosen. Figures are those of the largest, the default."""

    figures: Figures
    sample_rate: float | None
    limits: tuple[float, ...]
    children: tuple[Child, ...]

    slimmable = True

    def chosen(self, size: float | None) -> Child:
        """Return the first model whose limit is above size, else the last, which is the default."""
        if size is None:
            return self.children[-1]
        below = (child for limit, child in zip(self.limits, self.children, strict=True) if size < limit)
        return next(below, self.children[-1])

    def sized(self, size: float | None) -> Model:
        """Return the chosen model; the size is not passed on to it."""
        return self.chosen(size).model.sized(None)

    def inner_metadata(self, size: float | None) -> Metadata:
        """Return what is said of the model that plays at a size."""
        return self.chosen(size).metadata()

    def steps(self) -> tuple[float, ...]:
        """Return the sizes below which each model plays; the last one plays above them all too."""
        return self.limits

    def parts(self) -> tuple[Child, ...]:
        """Return the models, the smallest first."""
        return self.children

    def block(self) -> int:
        """Return the default model's block length."""
        return self.children[-1].model.block()

    def network(self, block: int) -> Network:
        """Return the default model's network."""
        return self.children[-1].model.network(block)
