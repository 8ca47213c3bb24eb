"""Interfaces of the architectures: a `Model` (immutable weights) creates a `Network` (state and buffers) per run."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from tone_shootout.audio.nam.convolution import Signal
from tone_shootout.audio.nam.document import Metadata, ModelDocument, read_weights
from tone_shootout.audio.nam.errors import NamError

MAX_LAYERS = 512
MAX_RECEPTIVE_FIELD = 480_000
"""Limit in samples, 10 s at 48 kHz. A dilation needs no weights, so a small file could require any amount of memory."""
MAX_STATE = 2**24
"""Limit of the float32 values of history per run: 64 MB."""
MAX_TAPS = 2**15
"""Limit of the rows of a convolution's stack: 8 MB in the shortest blocks. The largest known capture has 120."""
MAX_PRODUCTS = 2**22
"""Limit of multiplications per sample, with groups expanded: 16 MB of weights, 300 times an A1 standard capture."""


class Network(Protocol):
    """State of one run of a model, and buffers for one block."""

    def compute(self, x: Signal) -> Signal:
        """Compute the output for a block.

        The result depends only on the committed state and x, so a block can be computed again when more of it is known.

        Args:
            x: input, shape (inputs, block).

        Returns:
            Output, shape (outputs, block), in a buffer that the next call overwrites.
        """
        ...

    def commit(self) -> None:
        """Store the end of the last computed block as history of the next one."""
        ...


@dataclass(frozen=True, kw_only=True)
class ModelStats:
    """Size and cost of a model, computed from its config before allocation.

    Attributes:
        inputs: input channels.
        outputs: output channels.
        parameters: number of weights, including embedded models.
        prewarm: zeros that the canonical engine feeds before the first sample (docs/nam.md sections 8.6 and 10).
        reach: past samples that affect an output; None if equal to `prewarm`.
        state: values of history per run.
        products: multiplications per sample.
        taps: maximum K·inputs of the convolutions.
        size_class: short name of the shape: `standard`, `a2-full`, `1x16`, `custom`, ….
    """

    inputs: int
    outputs: int
    parameters: int
    prewarm: int
    state: int
    products: int
    taps: int = 0
    reach: int | None = None
    size_class: str

    @property
    def receptive_field(self) -> int:
        """Samples that affect an output; for recurrent models, samples of prewarm."""
        return self.prewarm if self.reach is None else self.reach

    def check_limits(self, pointer: str) -> None:
        """Check the limits of memory and time.

        Args:
            pointer: JSON pointer to the config.

        Raises:
            NamError: `too_large`.
        """
        for name, value, limit in (
            ("samples of receptive field", self.receptive_field, MAX_RECEPTIVE_FIELD),
            ("values of state", self.state, MAX_STATE),
            ("taps and channels in one convolution", self.taps, MAX_TAPS),
            ("multiplications per sample", self.products, MAX_PRODUCTS),
        ):
            if value > limit:
                raise NamError("too_large", pointer, f"the config requires {value} {name}, more than {limit}")


@dataclass(frozen=True)
class Model(ABC):
    """Validated shapes and weights of one `.nam` model, shared by all its runs."""

    stats: ModelStats
    sample_rate: float | None

    @property
    def slimmable(self) -> bool:
        """Whether the size has an effect."""
        return False

    def at_size(self, size: float | None) -> "Model":  # noqa: ARG002  # most models have one size
        """Return the model for a size, 0 to 1 or None for the default; the same object if it has only one size.

        Raises:
            NamError: `unsupported` if the canonical engine can't reduce this model.
        """
        return self

    def embedded_metadata(self, size: float | None) -> Metadata:  # noqa: ARG002  # most models embed no others
        """Return the combined metadata of the embedded models at a size; empty without embedded models."""
        return Metadata()

    def size_limits(self) -> tuple[float, ...]:
        """Return the sizes below which each of `parts` is used, ascending; empty if the size does not select a part."""
        return ()

    def parts(self) -> tuple["Child", ...]:
        """Return the embedded models in the order of the file."""
        return ()

    @abstractmethod
    def block(self) -> int:
        """Return the fastest block length in samples."""

    @abstractmethod
    def network(self, block: int) -> Network:
        """Return a network in its initial state, before the prewarm."""


@dataclass(frozen=True, kw_only=True)
class Child:
    """An embedded model.

    Attributes:
        pointer: JSON pointer to the model.
        architecture: architecture by its document.
        own: metadata of its document.
        model: the model.
    """

    pointer: str
    architecture: str
    own: Metadata
    model: Model = field(repr=False)

    def metadata(self, size: float | None = None) -> Metadata:
        """Return its metadata at a size, with fallback to the models that it embeds."""
        return self.own.with_fallback(self.model.embedded_metadata(size))


@dataclass(frozen=True)
class Source:
    """Document of a model, with a function that reads embedded models.

    Attributes:
        document: envelope of the model.
        pointer: JSON pointer to the model.
        embedded: reads an embedded model from its JSON and its pointer relative to this model.
    """

    document: ModelDocument
    pointer: str
    embedded: Callable[[msgspec.Raw, str], Child] = field(repr=False)

    @property
    def sample_rate(self) -> float | None:
        """Sample rate in Hz; None if the document declares none."""
        rate = self.document.sample_rate
        return None if rate is msgspec.UNSET else rate

    def tensors(self, shapes: Iterable[tuple[int, ...]], count: int) -> list[NDArray[np.float32]]:
        """Split the flat list of weights into tensors.

        Args:
            shapes: shapes of the tensors in the order of the file; the last index varies fastest.
            count: sum of their sizes.

        Raises:
            NamError: as for `document.read_weights`.
        """
        weights = read_weights(self.document.weights, count, f"{self.pointer}/weights")
        tensors: list[NDArray[np.float32]] = []
        start = 0
        for shape in shapes:
            stop = start + int(np.prod(shape))
            tensors.append(weights[start:stop].reshape(shape))
            start = stop
        return tensors
