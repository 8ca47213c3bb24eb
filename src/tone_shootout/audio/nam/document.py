"""Validation of `.nam` documents: JSON, the envelope common to all models, versions, metadata, weights.

Files are untrusted, so nothing is decoded before its size is known. `msgspec` validates the JSON and leaves `config`,
`weights` and embedded models as undecoded slices of the text; the size of `config` is limited, and `weights` is decoded
only if the number of its entries matches `config`.
"""

import re
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tone_shootout.audio.nam.errors import NamError
from tone_shootout.audio.sniffing import CAPTURE, JSON, describe

MAX_FILE_BYTES = 64 * 2**20
MAX_CONFIG_BYTES = 4 * 2**20
"""Limit of a config including embedded models. The largest known container, two A2 captures, has 0.7 MB."""
MAX_METADATA_BYTES = 2**20
MAX_PARAMETERS = 2**21
"""Limit of the weights: 150 times an A1 standard capture. Decoding more would take hundreds of megabytes."""
MAX_DEPTH = 8
"""Limit of the nesting of models."""

DEFAULT_SAMPLE_RATE = 48000.0
"""Sample rate in Hz of files that declare none, by the documentation of the trainer (docs/nam.md section 1)."""

Size = Annotated[float, Meta(ge=1, le=2**24, multiple_of=1)]
"""An integer of at least 1, decoded as a float because JSON writers may write 4.0 for 4; see `to_int`."""
Channels = Annotated[float, Meta(ge=1, le=4096, multiple_of=1)]
"""A number of channels; the largest known capture has 16."""
Sizes = Annotated[list[Size], Meta(min_length=1, max_length=1024)]

T = TypeVar("T")


def to_int(size: float) -> int:
    """Convert a `Size` or `Channels` to an int; its validation has already rejected fractions."""
    return int(size)


def check_size(pointer: str, found: float, expected: int) -> None:
    """Check that a size fits the adjacent parts of a model.

    Raises:
        NamError: `mismatch`.
    """
    if found != expected:
        raise NamError("mismatch", pointer, f"expected {expected} to fit the rest of the model, got {found:g}")


class ModelDocument(msgspec.Struct):
    """Envelope of a model at the root of a file or embedded in another model (docs/nam.md section 1)."""

    version: str
    architecture: str
    config: msgspec.Raw
    weights: msgspec.Raw
    sample_rate: Annotated[float, Meta(ge=1000, le=768_000)] | msgspec.UnsetType = msgspec.UNSET
    metadata: msgspec.Raw = msgspec.Raw(b"null")


class Metadata(msgspec.Struct, frozen=True):
    """Metadata of a capture (docs/nam.md section 3); None for absent fields. Texts are untrusted.

    Attributes:
        name: free text.
        modeled_by: free text.
        gear_make: free text.
        gear_model: free text.
        gear_type: by convention `amp`, `pedal`, `pedal_amp`, `amp_cab`, `amp_pedal_cab`, `preamp` or `studio`.
        tone_type: by convention `clean`, `overdrive`, `crunch`, `hi_gain` or `fuzz`.
        loudness: RMS level of the output for the trainer's standard input, in dBFS.
        gain: compression by the capture, 0 (clean) to 1 (fully compressed).
        input_level_dbu: RMS level in dBu of a 1 kHz sine with a digital peak of 0 dBFS at the input.
        output_level_dbu: the same at the output.
    """

    name: str | None = None
    modeled_by: str | None = None
    gear_make: str | None = None
    gear_model: str | None = None
    gear_type: str | None = None
    tone_type: str | None = None
    loudness: float | None = None
    gain: float | None = None
    input_level_dbu: float | None = None
    output_level_dbu: float | None = None

    def with_fallback(self, other: "Metadata") -> "Metadata":
        """Return a copy with absent fields and empty texts replaced by those of `other`."""
        present = {name: value for name, value in msgspec.structs.asdict(self).items() if value not in (None, "")}
        return msgspec.structs.replace(other, **present)


_NUMBERS = frozenset({"loudness", "gain", "input_level_dbu", "output_level_dbu"})


def read_document(data: bytes | msgspec.Raw, pointer: str = "", *, depth: int = 0) -> ModelDocument:
    """Read the envelope of a model and check its version.

    Args:
        data: one model as UTF-8 JSON.
        pointer: JSON pointer to the model.
        depth: number of models that enclose it.

    Raises:
        NamError: for invalid JSON, missing or invalid fields, unsupported versions, and documents that are too large or
            too deeply nested.
    """
    text = bytes(data)
    if len(text) > MAX_FILE_BYTES:
        raise NamError("too_large", pointer, f"expected at most {MAX_FILE_BYTES} bytes, got {len(text)}")
    if depth > MAX_DEPTH:
        raise NamError("too_deep", pointer, f"models are nested more than {MAX_DEPTH} deep")
    try:
        document = decode(text.removeprefix(b"\xef\xbb\xbf"), ModelDocument, pointer)
    except NamError as error:
        raise (_identify(text, error) if depth == 0 else error) from None
    _check_version(document.version, f"{pointer}/version")
    config = len(bytes(document.config))
    if config > MAX_CONFIG_BYTES:
        raise NamError("too_large", f"{pointer}/config", f"expected at most {MAX_CONFIG_BYTES} bytes, got {config}")
    return document


def _identify(text: bytes, error: NamError) -> NamError:
    """Return an error that names the format of the file if that is known and not a capture, else the same error."""
    known = describe(text)
    if known is None or known in (CAPTURE, JSON) or error.code not in ("not_json", "missing_field"):
        return error
    code = "unsupported" if error.code == "missing_field" else error.code
    return NamError(code, "", f"expected {CAPTURE}; the file is {known}")


def decode(text: bytes | msgspec.Raw, kind: type[T], pointer: str) -> T:
    """Decode JSON into `kind`, a msgspec type, strictly: no NaN, no trailing text, no bool for a number.

    Args:
        text: JSON.
        kind: msgspec type.
        pointer: JSON pointer to the value, a prefix of the pointers in errors.

    Raises:
        NamError: with a pointer to the first invalid value.
    """
    return _convert_errors(lambda: msgspec.json.decode(text, type=kind), pointer)


def _convert_errors(read: Callable[[], T], pointer: str) -> T:
    """Call `read` and convert the errors of msgspec to NamError."""
    try:
        return read()
    except msgspec.ValidationError as error:
        raise _invalid(str(error), pointer) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NamError("not_json", pointer, f"expected a JSON document, got something else: {error}") from None
    except RecursionError:
        raise NamError("too_deep", pointer, "the JSON is nested too deeply") from None


def _invalid(message: str, pointer: str) -> NamError:
    """Convert msgspec's ``Expected `int`, got `str` - at `$.layers[0].channels` `` to an error with a JSON pointer."""
    detail, _, path = message.replace("`", "").partition(" - at $")
    pointer += path.replace("[", "/").replace("]", "").replace(".", "/")
    if missing := re.fullmatch(r"Object missing required field (\w+)", detail):
        return NamError("missing_field", f"{pointer}/{missing[1]}", "this field is required")
    detail = detail.replace("float that's a multiple of 1.0", "an integer").replace("float", "number")
    return NamError("invalid_field", pointer, detail[:1].lower() + detail[1:])


def _check_version(version: str, pointer: str) -> None:
    """Accept 0.5.0 to 0.7.x, like the canonical engine (docs/nam.md section 2)."""
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6}){2}", version):
        raise NamError("unsupported", pointer, f"expected a version like 0.5.4, got {version[:40]!r}")
    if not (0, 5, 0) <= tuple(map(int, version.split("."))) < (0, 8, 0):
        raise NamError("unsupported", pointer, f"expected version 0.5.0 to 0.7.x, got {version}")


def read_weights(raw: msgspec.Raw, expected: int, pointer: str) -> NDArray[np.float32]:
    """Decode a flat list of weights.

    Args:
        raw: JSON of the list.
        expected: number of weights by the config, a Python int of any size.
        pointer: JSON pointer to the list.

    Returns:
        Weights, shape (expected,), all finite.

    Raises:
        NamError: `weight_count` for another number of weights, `weight_value` or `invalid_field` for anything but
            finite float32 numbers, `too_large` for too many.
    """
    if expected > MAX_PARAMETERS:
        raise NamError("too_large", pointer, f"the config requires {expected} weights, more than {MAX_PARAMETERS}")
    found = _count(raw)
    if found is not None and found != expected:
        raise NamError("weight_count", pointer, f"the config requires {expected} weights, the file has {found}")
    with np.errstate(over="ignore"):
        weights = np.array(decode(raw, list[float], pointer), dtype=np.float32)
    if not np.isfinite(weights).all():
        index = int(np.flatnonzero(~np.isfinite(weights))[0])
        raise NamError("weight_value", f"{pointer}/{index}", "expected a number within the range of float32")
    return weights


def expect_no_weights(raw: msgspec.Raw, pointer: str) -> None:
    """Check that a model that consists of other models has no weights itself.

    Raises:
        NamError: `invalid_field` for anything but a list, `weight_count` for a list with entries.
    """
    found = _count(raw)
    if found is None:
        raise NamError("invalid_field", pointer, "expected an empty array")
    if found:
        detail = (
            f"expected an empty list, got {found} entries: weights belong in the models of /config/models. "
            "The earlier, experimental format of Sequential is not supported; export the capture again."
        )
        raise NamError("weight_count", pointer, detail)


def _count(raw: msgspec.Raw) -> int | None:
    """Return the length of a JSON list of numbers without decoding it; None for other values."""
    text = bytes(raw)
    if not text.startswith(b"["):
        return None
    return text.count(b",") + 1 if text[1:-1].strip() else 0


def read_embedded_metadata(raw: msgspec.Raw) -> Metadata:
    """Read the metadata of an embedded model; invalid values count as absent."""
    if len(bytes(raw)) > MAX_METADATA_BYTES:
        return Metadata()
    try:
        found = decode(raw, Any, "")
    except NamError:
        return Metadata()
    fields: dict[str, Any] = found if isinstance(found, dict) else {}
    valid: dict[str, Any] = {}
    for name in Metadata.__struct_fields__:
        value = fields.get(name)
        if isinstance(value, str) if name not in _NUMBERS else type(value) in (int, float):
            valid[name] = value
    try:
        return msgspec.convert(valid, Metadata)
    except (msgspec.ValidationError, OverflowError):
        return Metadata()


def read_metadata(raw: msgspec.Raw, pointer: str) -> Metadata:
    """Read the metadata of the outermost model; text fields of another type count as absent.

    Raises:
        NamError: `invalid_field` for a level, loudness or gain that is not a number, `too_large`, `not_json`.
    """
    size = len(bytes(raw))
    if size > MAX_METADATA_BYTES:
        raise NamError("too_large", pointer, f"expected at most {MAX_METADATA_BYTES} bytes, got {size}")
    found = decode(raw, Any, pointer)
    if not isinstance(found, dict):
        return Metadata()
    valid = {key: value for key, value in found.items() if key in _NUMBERS or isinstance(value, str)}
    return _convert_errors(lambda: msgspec.convert(valid, Metadata), pointer)
