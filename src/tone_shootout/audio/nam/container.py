"""SlimmableContainer: several models of one sound, selected by size (docs/nam.md section 9)."""

from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from tone_shootout.audio.nam.document import Metadata, decode
from tone_shootout.audio.nam.errors import NamError
from tone_shootout.audio.nam.model import Child, Model, ModelStats, Network, Source


class SubmodelConfig(Struct):
    """A model for sizes below `max_value`."""

    max_value: float
    model: msgspec.Raw


class ContainerConfig(Struct):
    """A container's `config`."""

    submodels: Annotated[list[SubmodelConfig], Meta(min_length=1, max_length=64)]


def read_container(source: Source) -> "Container":
    """Read a container.

    Args:
        source: document of the model.

    Raises:
        NamError: with a pointer to the first invalid value.
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
    return Container(largest.stats, source.sample_rate or largest.sample_rate, tuple(limits), tuple(children))


@dataclass(frozen=True)
class Container(Model):
    """Models and the sizes below which each is selected. The statistics are those of the largest, the default."""

    stats: ModelStats
    sample_rate: float | None
    limits: tuple[float, ...]
    children: tuple[Child, ...]

    @property
    def slimmable(self) -> bool:
        """Whether the size has an effect."""
        return True

    def select(self, size: float | None) -> Child:
        """Return the first model whose limit is above `size`, else the last, which is the default."""
        if size is None:
            return self.children[-1]
        below = (child for limit, child in zip(self.limits, self.children, strict=True) if size < limit)
        return next(below, self.children[-1])

    def at_size(self, size: float | None) -> Model:
        """Return the selected model, at its own default size."""
        return self.select(size).model.at_size(None)

    def embedded_metadata(self, size: float | None) -> Metadata:
        """Return the metadata of the model that is used at a size."""
        return self.select(size).metadata()

    def size_limits(self) -> tuple[float, ...]:
        """Return the sizes below which each model is used; the last one is also used above all limits."""
        return self.limits

    def parts(self) -> tuple[Child, ...]:
        """Return the models in ascending size."""
        return self.children

    def block(self) -> int:
        """Return the default model's block length."""
        return self.children[-1].model.block()

    def network(self, block: int) -> Network:
        """Return the default model's network."""
        return self.children[-1].model.network(block)
