"""Render keys: the content hash of everything that shapes a segment's samples, and of nothing else.

Names, paths, levels and trims are not in it. A stage key is the same for the first blocks of a chain: two chains that
begin alike share it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from types import MappingProxyType
from typing import Any, Final

import msgspec

from tone_shootout.audio.nam import ENGINE_VERSION
from tone_shootout.audio.sides import Channel
from tone_shootout.rendering.spec.schema import Block

SOUND_VERSION: Final = 3
"""Counts up when anything but the tone engine changes the samples of a segment."""

ENGINE: Final = f"{ENGINE_VERSION}+chain.{SOUND_VERSION}"
"""What a segment was made with; a part of every key."""

_LIBRARIES: Final = ("av", "numpy", "onnxruntime", "scipy", "soxr")

_SILENT_FIELDS = ("file", "bypass", "gear")


@cache
def libraries() -> Mapping[str, str]:
    """Return the versions of the libraries that decode, filter, resample and multiply; a part of every key.

    What they make differs between their versions, in the last bits at least.
    """
    return MappingProxyType({name: version(name) for name in _LIBRARIES})


def canonical(document: Any) -> bytes:
    """Encode a document as JSON in one way only: sorted keys, no white space, shortest decimal form of a float."""
    return msgspec.json.encode(document, order="sorted")


def key_of(document: Any) -> str:
    """Return the SHA-256 of a document's canonical form, in hexadecimal."""
    return hashlib.sha256(canonical(document)).hexdigest()


def di_document(
    *, sha256: str, start: int, stop: int, channel: Channel | None = None, padded: bool = False
) -> dict[str, Any]:
    """Describe a slice of a DI track.

    Args:
        sha256: of its file.
        start: first sample, at its own rate.
        stop: last sample, exclusive.
        channel: side of its file, where one is chosen.
        padded: whether its samples have fewer bytes than their containers; such files were once read wrongly.
    """
    document: dict[str, Any] = {"sha256": sha256, "start": start, "stop": stop}
    if channel is not None:
        document["channel"] = channel
    return document | {"padded": True} if padded else document


def block_document(
    block: Block, *, rate: int, sha256: str | None, drive_db: float | None, padded: bool = False
) -> dict[str, Any]:
    """Describe a block that takes part: its parameters, the rate that it runs at, the content of its file.

    Args:
        block: the block.
        rate: Hz.
        sha256: hash of the capture or cab IR that it loads.
        drive_db: calibration gain in front of it, where there is one.
        padded: as in `di_document`, of a cab IR.
    """
    document: dict[str, Any] = msgspec.to_builtins(block)
    document = {name: _plain(value) for name, value in document.items() if name not in _SILENT_FIELDS}
    if document.get("channel", "") is None:
        del document["channel"]  # it came later than the keys, and most chains choose none
    document["rate"] = rate
    if sha256 is not None:
        document["sha256"] = sha256
    if padded:
        document["padded"] = True
    if drive_db is not None:
        document["drive_db"] = _plain(drive_db)
    return document


def stage_keys(di: dict[str, Any], blocks: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """Return the key of the sound behind each block."""
    return tuple(
        key_of({**_made_with(), "di": di, "blocks": list(blocks[: index + 1])}) for index in range(len(blocks))
    )


def render_key(di: dict[str, Any], blocks: Sequence[dict[str, Any]], *, rate: int) -> str:
    """Return the key of a segment that comes out at `rate` Hz."""
    return key_of({**_made_with(), "di": di, "blocks": list(blocks), "rate": rate})


def _made_with() -> dict[str, Any]:
    return {"engine": ENGINE, "libraries": dict(libraries())}


def _plain(value: Any) -> Any:
    """Make minus zero zero: they are one sound and must be one key."""
    if isinstance(value, float):
        return value + 0.0
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value
