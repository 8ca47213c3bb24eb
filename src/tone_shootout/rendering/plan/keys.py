"""Render keys: hashes of everything that shapes a segment's samples, and of nothing else.

Names, paths, levels and trims are not part of a key. A stage key covers the blocks up to a stage, so chains with equal
first blocks share it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from types import MappingProxyType
from typing import Any, Final

import msgspec

from tone_shootout.audio.constants import ENGINE_VERSION, FADE_MS, Channel
from tone_shootout.rendering.spec.schema import LeafBlock, SplitBlock

SOUND_VERSION: Final = 3
"""Increase it when anything but the tone engine changes the samples of a segment."""

ENGINE: Final = f"{ENGINE_VERSION}+chain.{SOUND_VERSION}"
"""Versions of tone engine and chain; part of every key."""

_LIBRARIES: Final = ("av", "numpy", "scipy", "soxr")

_FIELDS_WITHOUT_EFFECT = ("file", "bypass", "gear")

_KEY_NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "gain": {"gain_db": "db"},
    "eq": {"type": "kind", "frequency_hz": "hz", "gain_db": "db"},
    "delay": {"time_ms": "ms"},
    "reverb": {"reverb_type": "kind"},
}
"""Names in keys of the fields of a block, and of the bands of an EQ, that are named otherwise in specs.

A rename in the spec changes no sound, so it changes no key: names in keys stay as they were.
"""


@cache
def libraries() -> Mapping[str, str]:
    """Return the versions of the libraries that decode, filter, resample and multiply; part of every key.

    Their output differs between versions, at least in the last bits.
    """
    return MappingProxyType({name: version(name) for name in _LIBRARIES})


def canonical(document: Any) -> bytes:
    """Encode a document as canonical JSON: sorted keys, no white space, shortest decimal form of a float."""
    return msgspec.json.encode(document, order="sorted")


def key_of(document: Any) -> str:
    """Return the SHA-256 of a document's canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical(document)).hexdigest()


def di_document(
    *,
    sha256: str,
    start: int,
    stop: int,
    channel: Channel | None = None,
    padded: bool = False,
    tail: int = 0,
    faded: Sequence[str] = (),
) -> dict[str, Any]:
    """Describe a slice of a DI track.

    Args:
        sha256: hash of its file.
        start: first sample, at its own rate.
        stop: end, exclusive.
        channel: selected side; None: none is selected.
        padded: whether samples are smaller than their containers; an earlier version decoded such files wrongly.
        tail: silence that follows, samples.
        faded: ends of the slice that are faded: `start`, `end`.
    """
    document: dict[str, Any] = {"sha256": sha256, "start": start, "stop": stop}
    if channel is not None:
        document["channel"] = channel
    if tail:
        document["tail"] = tail
    if faded:
        document["fades"] = {"ms": FADE_MS, "at": list(faded)}
    return document | {"padded": True} if padded else document


def block_document(
    block: LeafBlock, *, rate: int, sha256: str | None, drive_db: float | None, padded: bool = False
) -> dict[str, Any]:
    """Describe an active block: its parameters, its sample rate, the content of its file.

    Args:
        block: the block.
        rate: sample rate, Hz.
        sha256: hash of its capture or cab IR; None: it has no file.
        drive_db: calibration gain before it, dB; None: none.
        padded: as in `di_document`, for a cab IR.
    """
    fields: dict[str, Any] = msgspec.to_builtins(block)
    names = _KEY_NAMES.get(fields["type"], {})
    if "bands" in fields:
        fields["bands"] = [_renamed(band, names) for band in fields["bands"]]
    else:
        fields = _renamed(fields, names)
    document = {name: _plain(value) for name, value in fields.items() if name not in _FIELDS_WITHOUT_EFFECT}
    # These fields are newer than the keys; absent keeps them equal.
    if not document.get("width", 1.0):
        del document["width"]
        document.pop("channel")  # without width, a reverb has no sides
    if document.get("channel", "") is None:
        del document["channel"]
    document["rate"] = rate
    if sha256 is not None:
        document["sha256"] = sha256
    if padded:
        document["padded"] = True
    if drive_db is not None:
        document["drive_db"] = _plain(drive_db)
    return document


def split_document(block: SplitBlock, *, rate: int, paths: Sequence[Sequence[dict[str, Any]]]) -> dict[str, Any]:
    """Describe a split.

    Args:
        block: the split.
        rate: rate at which its paths are summed, Hz.
        paths: the active blocks of each path.
    """
    described = []
    for path, inside in zip(block.paths, paths, strict=True):
        fields = {name: _plain(value) for name, value in msgspec.to_builtins(path).items() if name != "blocks"}
        if not fields["pan"]:
            del fields["pan"]  # the field is newer than the keys; absent keeps them equal
        described.append({**fields, "blocks": list(inside)})
    return {"type": "split", "rate": rate, "paths": described}


def stage_key(di: dict[str, Any], blocks: Sequence[dict[str, Any]]) -> str:
    """Return the key of the output of the last of some blocks."""
    return key_of({**_versions(), "di": di, "blocks": list(blocks)})


def response_key(blocks: Sequence[dict[str, Any]], *, rate: int) -> str:
    """Return the key of how blocks respond to a signal of their own, such as a probe, at a rate in Hz."""
    return key_of({**_versions(), "blocks": list(blocks), "rate": rate})


def render_key(
    di: dict[str, Any],
    blocks: Sequence[dict[str, Any]],
    *,
    rate: int,
    faded: bool,
    aligned: bool = False,
    righted: bool = False,
) -> str:
    """Return the key of a segment with an output rate of `rate` Hz.

    Args:
        di: the slice of its DI track.
        blocks: its blocks.
        rate: output rate, Hz.
        faded: whether its ends are faded; those of earlier versions are not, and keep their keys.
        aligned: whether it is moved earlier by the latency of its chain.
        righted: whether it is inverted if its chain inverts.
    """
    document = {**_versions(), "di": di, "blocks": list(blocks), "rate": rate}
    chosen = {"fade_ms": FADE_MS if faded else None, "aligned": aligned, "righted": righted}
    return key_of(document | {name: value for name, value in chosen.items() if value})


def _versions() -> dict[str, Any]:
    return {"engine": ENGINE, "libraries": dict(libraries())}


def _renamed(fields: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in fields.items()}


def _plain(value: Any) -> Any:
    """Replace -0.0 by 0.0: both give the same samples and must give the same key."""
    if isinstance(value, float):
        return value + 0.0
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value
