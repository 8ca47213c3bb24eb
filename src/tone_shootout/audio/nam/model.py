"""What every architecture offers: a model (weights, immutable) makes networks (buffers and state, one for each run)."""

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
"""Ten seconds at 48 kHz. A dilation costs no weights, so a small file could ask for any amount of memory."""
MAX_STATE = 2**24
"""Numbers of history that a run may keep: 64 MB."""
MAX_TAPS = 2**15
"""Rows of a convolution's stack: 8 MB in the shortest blocks. The largest known capture has 120."""
MAX_PRODUCTS = 2**22
"""Multiplications a sample, with groups written out: 16 MB of weights, 300 times an A1 standard capture."""


class Network(Protocol):
    """A model at work: the state of one run, and buffers for one block."""

    def compute(self, x: Signal) -> Signal:
        """Return the output for a block.

        It depends on the committed state and x alone, so it can be called again once more of the block is known.

        Args:
            x: input, shape (inputs, block).

        Returns:
            Output, shape (outputs, block), in a buffer that the next call overwrites.
        """
        ...

    def commit(self) -> None:
        """Let the block last computed be the past of the next one."""
        ...


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a config asks for, counted before anything of that size exists.

    Attributes:
        inputs: channels in.
        outputs: channels out.
        parameters: weights, those of embedded models included.
        prewarm: zeros that the canonical engine feeds before the first sample (docs/nam.md sections 8.6 and 10).
        reach: samples of the past that reach an output; None: as many as the prewarm.
        state: numbers of history that a run keeps.
        products: multiplications a sample.
        taps: the largest K·inputs of its convolutions.
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
        """Samples that reach an output (recurrent: samples of prewarm)."""
        return self.prewarm if self.reach is None else self.reach

    def check(self, pointer: str) -> None:
        """Refuse what would take absurd memory or time.

        Raises:
            NamError: `too_large`.
        """
        for what, asked, allowed in (
            ("samples of receptive field", self.receptive_field, MAX_RECEPTIVE_FIELD),
            ("numbers of state", self.state, MAX_STATE),
            ("taps and channels in one convolution", self.taps, MAX_TAPS),
            ("multiplications a sample", self.products, MAX_PRODUCTS),
        ):
            if asked > allowed:
                raise NamError(
                    "too_large", pointer, f"the config asks for {asked} {what}, more than the {allowed} allowed"
                )


class Model(ABC):
    """Checked shapes and weights of one `.nam` model, shared by all its runs."""

    figures: Figures
    sample_rate: float | None
    slimmable: bool = False

    def sized(self, size: float | None) -> "Model":  # noqa: ARG002  # one size fits most
        """Return the model that plays at a size in 0..1, None for the default; itself where it has one size.

        Raises:
            NamError: where the canonical engine can't make it smaller.
        """
        return self

    def inner_metadata(self, size: float | None) -> Metadata:  # noqa: ARG002  # only models of models have some
        """Return what the models inside say of the sound at a size, where this one is made of models."""
        return Metadata()

    def steps(self) -> tuple[float, ...]:
        """Return the sizes below which each of `parts` plays, ascending; empty where no size chooses among them."""
        return ()

    def parts(self) -> tuple["Child", ...]:
        """Return the models that this one is made of, in the order of the file."""
        return ()

    @abstractmethod
    def block(self) -> int:
        """Return the samples a block with which its network runs fastest."""

    @abstractmethod
    def network(self, block: int) -> Network:
        """Return a network in its initial state, before the prewarm."""


@dataclass(frozen=True, kw_only=True)
class Child:
    """A model inside another one.

    Attributes:
        pointer: where it stands in the file.
        architecture: what its document calls it.
        own: what its document says about it.
        model: the model.
    """

    pointer: str
    architecture: str
    own: Metadata
    model: Model = field(repr=False)

    def metadata(self, size: float | None = None) -> Metadata:
        """Return what is said of it at a size, by itself or else by the models inside it."""
        return self.own.completed(self.model.inner_metadata(size))


@dataclass(frozen=True)
class Source:
    """A model's document, and how to read the models that it embeds.

    Attributes:
        document: its envelope.
        pointer: where it stands in the file.
        embedded: reads the model whose JSON is given, at the place given below this one.
    """

    document: ModelDocument
    pointer: str
    embedded: Callable[[msgspec.Raw, str], Child] = field(repr=False)

    @property
    def sample_rate(self) -> float | None:
        """Hz, or None where the file does not say."""
        rate = self.document.sample_rate
        return None if rate is msgspec.UNSET else rate

    def tensors(self, shapes: Iterable[tuple[int, ...]], count: int) -> list[NDArray[np.float32]]:
        """Cut the flat list of weights into tensors.

        Args:
            shapes: their shapes, in the order of the file; the last index varies fastest.
            count: the sum of their sizes.

        Raises:
            NamError: for another count, or weights that are no finite float32 numbers.
        """
        weights = read_weights(self.document.weights, count, f"{self.pointer}/weights")
        tensors: list[NDArray[np.float32]] = []
        start = 0
        for shape in shapes:
            stop = start + int(np.prod(shape))
            tensors.append(weights[start:stop].reshape(shape))
            start = stop
        return tensors
