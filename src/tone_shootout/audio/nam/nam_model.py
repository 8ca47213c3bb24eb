"""A capture, ready to play: `load` a file, `start` a run, `process` blocks."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from tone_shootout.audio.blas import limit_to_one_thread
from tone_shootout.audio.nam.container import read_container
from tone_shootout.audio.nam.convnet import read_convnet
from tone_shootout.audio.nam.document import (
    DEFAULT_SAMPLE_RATE,
    Metadata,
    ModelDocument,
    read_document,
    read_embedded_metadata,
    read_metadata,
)
from tone_shootout.audio.nam.errors import NamError
from tone_shootout.audio.nam.linear import read_linear
from tone_shootout.audio.nam.lstm import read_lstm
from tone_shootout.audio.nam.model import Child, Model, Network, Source
from tone_shootout.audio.nam.sequential import read_sequential
from tone_shootout.audio.nam.wavenet import read_wavenet

ENGINE_VERSION = "1"
"""Part of every render key: changes whenever the same file and input would give other samples."""

ARCHITECTURES: dict[str, Callable[[Source], Model]] = {
    "WaveNet": read_wavenet,
    "SlimmableContainer": read_container,
    "Sequential": read_sequential,
    "LSTM": read_lstm,
    "ConvNet": read_convnet,
    "Linear": read_linear,
}


def load(data: bytes) -> "NamModel":
    """Read a `.nam` file and check all of it.

    Args:
        data: the file.

    Raises:
        NamError: for anything that the canonical engine would not play, and for sizes beyond any capture's.
    """
    document, model = _read(data, pointer="", depth=0)
    for what, channels in (("input", model.figures.inputs), ("output", model.figures.outputs)):
        if channels != 1:
            raise NamError("unsupported", "/config", f"expected one {what} channel, got {channels}")
    return NamModel(
        architecture=document.architecture,
        version=document.version,
        size_class=model.figures.size_class,
        parameters=model.figures.parameters,
        receptive_field=model.figures.receptive_field,
        sample_rate=model.sample_rate or DEFAULT_SAMPLE_RATE,
        sample_rate_stated=model.sample_rate is not None,
        own_metadata=read_metadata(document.metadata, "/metadata"),
        slimmable=model.slimmable,
        notes=_notes(document.version, model.sample_rate),
        model=model,
    )


def _read(data: bytes | msgspec.Raw, pointer: str, depth: int) -> tuple[ModelDocument, Model]:
    """Read one model's document and the model, at `pointer` in the file and inside `depth` others."""
    document = read_document(data, pointer, depth=depth)

    def embedded(raw: msgspec.Raw, place: str) -> Child:
        inner, model = _read(raw, pointer + place, depth + 1)
        own = read_embedded_metadata(inner.metadata)
        return Child(pointer=pointer + place, architecture=inner.architecture, own=own, model=model)

    if document.architecture not in ARCHITECTURES:
        detail = f"expected one of {', '.join(ARCHITECTURES)}, got {document.architecture[:40]!r}"
        raise NamError("unsupported", f"{pointer}/architecture", detail)
    return document, ARCHITECTURES[document.architecture](Source(document, pointer, embedded))


def _notes(version: str, sample_rate: float | None) -> tuple[str, ...]:
    notes = []
    if version.startswith("0.7.") and int(version.split(".")[2]) > 0:
        notes.append(f"version {version} is newer than 0.7.0; what this engine does not know of it has no effect")
    if sample_rate is None:
        notes.append(f"the file states no sample rate; {DEFAULT_SAMPLE_RATE:.0f} Hz is assumed")
    return tuple(notes)


@dataclass(frozen=True, kw_only=True)
class Part:
    """A model inside a capture.

    Attributes:
        pointer: JSON pointer to its place in the file.
        architecture: its architecture.
        size_class: as `NamModel.size_class`.
        parameters: its weights.
        receptive_field: as `NamModel.receptive_field`.
        metadata: what is said of it.
    """

    pointer: str
    architecture: str
    size_class: str
    parameters: int
    receptive_field: int
    metadata: Metadata


def _parts(model: Model) -> Iterator[Part]:
    for child in model.parts():
        figures = child.model.figures
        yield Part(
            pointer=child.pointer,
            architecture=child.architecture,
            size_class=figures.size_class,
            parameters=figures.parameters,
            receptive_field=figures.receptive_field,
            metadata=child.metadata(),
        )
        yield from _parts(child.model)


@dataclass(frozen=True, kw_only=True)
class NamModel:
    """A `.nam` file, checked and ready; immutable, so runs and threads can share it.

    Attributes:
        architecture: `WaveNet`, `LSTM`, `ConvNet`, `Linear`, `SlimmableContainer` or `Sequential`.
        version: the file's format version.
        size_class: `standard`, `lite`, `feather`, `nano`, `a2-full`, `a2-lite`, layers x units of an LSTM, or `custom`.
        parameters: weights at full size.
        receptive_field: samples that reach an output (recurrent: samples of prewarm).
        sample_rate: Hz at which it runs, 48000 where the file does not say.
        sample_rate_stated: whether the file says.
        own_metadata: what the file's outermost model says about itself.
        slimmable: whether `size` changes anything.
        notes: what its user should know, a line each.
    """

    architecture: str
    version: str
    size_class: str
    parameters: int
    receptive_field: int
    sample_rate: float
    sample_rate_stated: bool
    own_metadata: Metadata
    slimmable: bool
    notes: tuple[str, ...]
    model: Model = field(repr=False)

    @property
    def metadata(self) -> Metadata:
        """What the file says of the capture at its default size."""
        return self.metadata_at(None)

    def metadata_at(self, size: float | None) -> Metadata:
        """Return what the file says of the capture at a size: what it lacks itself, the model that plays may have."""
        return self.own_metadata.completed(self.model.inner_metadata(size))

    def steps(self) -> tuple[float, ...]:
        """Return the sizes below which each submodel of a container plays, ascending; empty for other captures."""
        return self.model.steps()

    def parts(self) -> tuple[Part, ...]:
        """Return the models inside a container or Sequential, to any depth, in the order of the file."""
        return tuple(_parts(self.model))

    def start(self, *, size: float | None = None) -> "Run":
        """Return a fresh run, prewarmed as the canonical engine does it.

        From then on the process's BLAS uses one thread: it sums in another order when threads share a product, and
        whole segments make better use of the cores.

        Args:
            size: 0 to 1 for a smaller network of a slimmable capture; others have one size and ignore it.

        Raises:
            ValueError: for a size outside 0..1.
            NamError: where this capture can't be made smaller.
        """
        if size is not None and not 0 <= size <= 1:
            raise ValueError(f"expected a size from 0 to 1, got {size}")
        limit_to_one_thread()
        model = self.model.sized(size)
        block = model.block()
        silence = np.zeros((1, block), np.float32)
        with np.errstate(all="ignore"):
            network = model.network(block)
            for _ in range(math.ceil(model.figures.prewarm / block)):
                network.compute(silence)
                network.commit()
        return Run(network, block)


class Run:
    """One signal's way through a capture.

    The network always computes whole blocks that start at multiples of `block`, with silence where the signal has not
    come yet. As it is causal, the output's bytes depend on the input's samples alone, not on how they were cut: a part
    of a block is computed again when the rest of it comes. Callers who pass multiples of `block` pay nothing for that.

    Attributes:
        block: samples a block, the cheapest unit for `process`.
    """

    def __init__(self, network: Network, block: int) -> None:
        self.block = block
        self._network = network
        self._input = np.zeros((1, block), np.float32)
        self._filled = 0

    def process(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return as many samples as came in, shape (T,) for shape (T,), any T; continues where the last call ended.

        Raises:
            ValueError: for anything but finite float32 samples in one dimension.
            NamError: `unstable`, where the capture's arithmetic leaves the range of float32.
        """
        if samples.ndim != 1 or samples.dtype != np.float32:
            raise ValueError(f"expected float32 samples of shape (T,), got {samples.dtype} of shape {samples.shape}")
        if not np.isfinite(samples).all():
            raise ValueError("expected finite samples, got NaN or infinity")
        out = np.empty_like(samples)
        done = 0
        with np.errstate(all="ignore"):
            while done < len(samples):
                done += self._advance(samples[done:], out[done:])
        if not np.isfinite(out).all():
            raise NamError("unstable", "", "the capture's output is not finite for this input")
        return out

    def _advance(self, samples: NDArray[np.float32], out: NDArray[np.float32]) -> int:
        """Compute up to the end of the current block and return how many samples that were."""
        start = self._filled
        stop = min(start + len(samples), self.block)
        self._input[0, start:stop] = samples[: stop - start]
        out[: stop - start] = self._network.compute(self._input)[0, start:stop]
        self._filled = stop
        if stop == self.block:
            self._network.commit()
            self._input.fill(0)
            self._filled = 0
        return stop - start
