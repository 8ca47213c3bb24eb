"""Public interface of the engine: `load` a capture, `start` a run, `process` blocks."""

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

ARCHITECTURES: dict[str, Callable[[Source], Model]] = {
    "WaveNet": read_wavenet,
    "SlimmableContainer": read_container,
    "Sequential": read_sequential,
    "LSTM": read_lstm,
    "ConvNet": read_convnet,
    "Linear": read_linear,
}


def load(data: bytes) -> "NamModel":
    """Read and validate a `.nam` file.

    Args:
        data: content of the file.

    Raises:
        NamError: for files that the canonical engine rejects, and for sizes above the limits.
    """
    document, model = _read(data, pointer="", depth=0)
    for name, channels in (("input", model.stats.inputs), ("output", model.stats.outputs)):
        if channels != 1:
            raise NamError("unsupported", "/config", f"expected one {name} channel, got {channels}")
    return NamModel(
        architecture=document.architecture,
        version=document.version,
        size_class=model.stats.size_class,
        parameters=model.stats.parameters,
        receptive_field=model.stats.receptive_field,
        sample_rate=model.sample_rate or DEFAULT_SAMPLE_RATE,
        sample_rate_stated=model.sample_rate is not None,
        own_metadata=read_metadata(document.metadata, "/metadata"),
        slimmable=model.slimmable,
        notes=_notes(document.version, model.sample_rate),
        model=model,
    )


def _read(data: bytes | msgspec.Raw, pointer: str, depth: int) -> tuple[ModelDocument, Model]:
    """Read the document and the weights of one model at `pointer`, enclosed by `depth` others."""
    document = read_document(data, pointer, depth=depth)

    def embedded(raw: msgspec.Raw, relative: str) -> Child:
        inner, model = _read(raw, pointer + relative, depth + 1)
        own = read_embedded_metadata(inner.metadata)
        return Child(pointer=pointer + relative, architecture=inner.architecture, own=own, model=model)

    if document.architecture not in ARCHITECTURES:
        detail = f"expected one of {', '.join(ARCHITECTURES)}, got {document.architecture[:40]!r}"
        raise NamError("unsupported", f"{pointer}/architecture", detail)
    return document, ARCHITECTURES[document.architecture](Source(document, pointer, embedded))


def _notes(version: str, sample_rate: float | None) -> tuple[str, ...]:
    notes = []
    if version.startswith("0.7.") and int(version.split(".")[2]) > 0:
        notes.append(f"version {version} is newer than 0.7.0; features unknown to this engine have no effect")
    if sample_rate is None:
        notes.append(f"the file declares no sample rate; {DEFAULT_SAMPLE_RATE:.0f} Hz is assumed")
    return tuple(notes)


@dataclass(frozen=True, kw_only=True)
class Part:
    """An embedded model of a capture.

    Attributes:
        pointer: JSON pointer to the model.
        architecture: architecture of the model.
        size_class: as in `NamModel`.
        parameters: number of weights.
        receptive_field: as in `NamModel`.
        metadata: metadata of the model.
    """

    pointer: str
    architecture: str
    size_class: str
    parameters: int
    receptive_field: int
    metadata: Metadata


def _parts(model: Model) -> Iterator[Part]:
    for child in model.parts():
        stats = child.model.stats
        yield Part(
            pointer=child.pointer,
            architecture=child.architecture,
            size_class=stats.size_class,
            parameters=stats.parameters,
            receptive_field=stats.receptive_field,
            metadata=child.metadata(),
        )
        yield from _parts(child.model)


@dataclass(frozen=True, kw_only=True)
class NamModel:
    """A validated `.nam` file; immutable, so that runs and threads can share it.

    Attributes:
        architecture: `WaveNet`, `LSTM`, `ConvNet`, `Linear`, `SlimmableContainer` or `Sequential`.
        version: format version of the file.
        size_class: `standard`, `lite`, `feather`, `nano`, `a2-full`, `a2-lite`, layers x units of an LSTM, or `custom`.
        parameters: number of weights at full size.
        receptive_field: samples that affect an output; for recurrent models, samples of prewarm.
        sample_rate: sample rate in Hz, 48000 if the file declares none.
        sample_rate_stated: whether the file declares the sample rate.
        own_metadata: metadata of the outermost model.
        slimmable: whether `size` has an effect.
        notes: one-line messages for the user.
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
        """Metadata of the capture at its default size."""
        return self.metadata_at(None)

    def metadata_at(self, size: float | None) -> Metadata:
        """Return the metadata of the capture at a size, with fallback to the embedded model that is used."""
        return self.own_metadata.with_fallback(self.model.embedded_metadata(size))

    def size_limits(self) -> tuple[float, ...]:
        """Return the sizes below which each submodel of a container is used, ascending; empty for other captures."""
        return self.model.size_limits()

    def parts(self) -> tuple[Part, ...]:
        """Return the models inside a container or Sequential, to any depth, in the order of the file."""
        return tuple(_parts(self.model))

    def start(self, *, size: float | None = None) -> "Run":
        """Start a run, prewarmed like in the canonical engine.

        Limits BLAS to one thread in this process, see `blas.limit_to_one_thread`.

        Args:
            size: 0 to 1 for a smaller network of a slimmable capture; ignored by other captures.

        Raises:
            ValueError: for a size outside 0 to 1.
            NamError: `unsupported` if the capture can't be reduced.
        """
        if size is not None and not 0 <= size <= 1:
            raise ValueError(f"expected a size from 0 to 1, got {size}")
        limit_to_one_thread()
        model = self.model.at_size(size)
        block = model.block()
        silence = np.zeros((1, block), np.float32)
        with np.errstate(all="ignore"):
            network = model.network(block)
            for _ in range(math.ceil(model.stats.prewarm / block)):
                network.compute(silence)
                network.commit()
        return Run(network, block)


class Run:
    """One signal processed by a capture.

    The network always computes whole blocks that start at multiples of `block`, with silence for samples that are not
    available yet. It is causal, so the bytes of the output depend only on the samples of the input, not on their
    division into calls: an incomplete block is computed again with the next samples. Multiples of `block` avoid that.

    Attributes:
        block: samples per block, the most efficient unit for `process`.
    """

    def __init__(self, network: Network, block: int) -> None:
        self.block = block
        self._network = network
        self._input = np.zeros((1, block), np.float32)
        self._filled = 0

    def process(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Process samples, continuing where the last call ended.

        Args:
            samples: float32, shape (T,), any T.

        Returns:
            Output, float32, shape (T,).

        Raises:
            ValueError: for other types and shapes, NaN and infinity.
            NamError: `unstable` if the output is not finite.
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
        """Compute up to the end of the current block and return the number of samples."""
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
