"""From bytes to a checked document: JSON, the envelope every model has, versions, metadata, weights.

The file is hostile until checked, so nothing is decoded before its size is known. `msgspec` validates the JSON and
leaves `config`, `weights` and embedded models as unread slices of the text; `config` is small by rule, and the numbers
of `weights` are only read once their count matches what `config` asks for.
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
"""A config with everything embedded in it. The largest known container, two A2 captures, has 0.7 MB."""
MAX_METADATA_BYTES = 2**20
MAX_PARAMETERS = 2**21
"""150 times an A1 standard capture: decoding more would take hundreds of megabytes."""
MAX_DEPTH = 8
"""Models inside models."""

DEFAULT_SAMPLE_RATE = 48000.0
"""What the trainer's documentation says to assume where a file states no rate (docs/nam.md section 1)."""

Size = Annotated[float, Meta(ge=1, le=2**24, multiple_of=1)]
"""A whole number of at least one. JSON writers may put 4.0 for 4, so it is read as a float; `whole` makes it an int."""
Channels = Annotated[float, Meta(ge=1, le=4096, multiple_of=1)]
"""A `Size` that buffers are made of; the largest known capture has 16."""
Sizes = Annotated[list[Size], Meta(min_length=1, max_length=1024)]

T = TypeVar("T")


def whole(size: float) -> int:
    """Return a `Size` as an int: `multiple_of=1` has already refused fractions."""
    return int(size)


def expect(pointer: str, found: float, expected: int) -> None:
    """Refuse a size that differs from what its neighbours ask for."""
    if found != expected:
        raise NamError("mismatch", pointer, f"expected {expected} to fit the rest of the model, got {found:g}")


class ModelDocument(msgspec.Struct):
    """The envelope of a model, at the root of a file or embedded in another model (docs/nam.md section 1)."""

    version: str
    architecture: str
    config: msgspec.Raw
    weights: msgspec.Raw
    sample_rate: Annotated[float, Meta(ge=1000, le=768_000)] | msgspec.UnsetType = msgspec.UNSET
    metadata: msgspec.Raw = msgspec.Raw(b"null")


class Metadata(msgspec.Struct, frozen=True):
    """What a file says about its capture (docs/nam.md section 3); None where it says nothing. Texts are untrusted.

    Attributes:
        name: free text.
        modeled_by: free text.
        gear_make: free text.
        gear_model: free text.
        gear_type: by convention `amp`, `pedal`, `pedal_amp`, `amp_cab`, `amp_pedal_cab`, `preamp` or `studio`.
        tone_type: by convention `clean`, `overdrive`, `crunch`, `hi_gain` or `fuzz`.
        loudness: dBFS RMS of the capture's output for the trainer's standard input.
        gain: 0 (clean) to 1 (flattened), how much the capture compresses.
        input_level_dbu: dBu RMS of a 1 kHz sine whose digital peak is 0 dBFS at the capture's input.
        output_level_dbu: the same at its output.
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

    def completed(self, other: "Metadata") -> "Metadata":
        """Return this with what `other` says where this says nothing (an empty text says nothing)."""
        mine = {name: value for name, value in msgspec.structs.asdict(self).items() if value not in (None, "")}
        return msgspec.structs.replace(other, **mine)


_NUMBERS = frozenset({"loudness", "gain", "input_level_dbu", "output_level_dbu"})


def read_document(data: bytes | msgspec.Raw, pointer: str = "", *, depth: int = 0) -> ModelDocument:
    """Read the envelope of a model and check its version.

    Args:
        data: UTF-8 JSON of one model.
        pointer: where this model stands in the file.
        depth: how many models it is inside of.

    Raises:
        NamError: for text that is no such model, too long or too deeply embedded.
    """
    text = bytes(data)
    if len(text) > MAX_FILE_BYTES:
        raise NamError("too_large", pointer, f"expected at most {MAX_FILE_BYTES} bytes, got {len(text)}")
    if depth > MAX_DEPTH:
        raise NamError("too_deep", pointer, f"models are embedded in each other more than {MAX_DEPTH} deep")
    try:
        document = decode(text.removeprefix(b"\xef\xbb\xbf"), ModelDocument, pointer)
    except NamError as error:
        raise (_named(text, error) if depth == 0 else error) from None
    _check_version(document.version, f"{pointer}/version")
    config = len(bytes(document.config))
    if config > MAX_CONFIG_BYTES:
        raise NamError("too_large", f"{pointer}/config", f"expected at most {MAX_CONFIG_BYTES} bytes, got {config}")
    return document


def _named(text: bytes, error: NamError) -> NamError:
    """Return an error that says what the file is, where it is something else than a capture; else the same error."""
    known = describe(text)
    if known is None or known in (CAPTURE, JSON) or error.code not in ("not_json", "missing_field"):
        return error
    code = "unsupported" if error.code == "missing_field" else error.code
    return NamError(code, "", f"expected {CAPTURE}; the file is {known}")


def decode(text: bytes | msgspec.Raw, kind: type[T], pointer: str) -> T:
    """Decode JSON into `kind`, a msgspec type, strictly: no NaN, no trailing text, no bool for a number.

    Raises:
        NamError: pointing at the first place that does not fit.
    """
    return _checked(lambda: msgspec.json.decode(text, type=kind), pointer)


def _checked(read: Callable[[], T], pointer: str) -> T:
    """Call `read`, a use of msgspec, and turn what it raises into a NamError."""
    try:
        return read()
    except msgspec.ValidationError as error:
        raise _invalid(str(error), pointer) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NamError("not_json", pointer, f"expected a JSON document, got something else: {error}") from None
    except RecursionError:
        raise NamError("too_deep", pointer, "the JSON is nested too deeply") from None


def _invalid(message: str, pointer: str) -> NamError:
    """Turn msgspec's ``Expected `int`, got `str` - at `$.layers[0].channels` `` into an error with a JSON pointer."""
    what, _, path = message.replace("`", "").partition(" - at $")
    pointer += path.replace("[", "/").replace("]", "").replace(".", "/")
    if missing := re.fullmatch(r"Object missing required field (\w+)", what):
        return NamError("missing_field", f"{pointer}/{missing[1]}", "this field is required")
    what = what.replace("float that's a multiple of 1.0", "a whole number").replace("float", "number")
    return NamError("invalid_field", pointer, what[:1].lower() + what[1:])


def _check_version(version: str, pointer: str) -> None:
    """Accept 0.5.0 to 0.7.x, as the canonical engine does (docs/nam.md section 2)."""
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6}){2}", version):
        raise NamError("unsupported", pointer, f"expected a version like 0.5.4, got {version[:40]!r}")
    if not (0, 5, 0) <= tuple(map(int, version.split("."))) < (0, 8, 0):
        raise NamError("unsupported", pointer, f"expected version 0.5.0 to 0.7.x, got {version}")


def read_weights(raw: msgspec.Raw, expected: int, pointer: str) -> NDArray[np.float32]:
    """Read a flat list of weights.

    Args:
        raw: the JSON of the list.
        expected: how many the config asks for, a Python int of any size.
        pointer: where the list stands in the file.

    Returns:
        Weights, shape (expected,), all finite.

    Raises:
        NamError: for another count, anything but finite float32 numbers, or too many of them.
    """
    if expected > MAX_PARAMETERS:
        raise NamError(
            "too_large", pointer, f"the config asks for {expected} weights, more than the {MAX_PARAMETERS} allowed"
        )
    found = _count(raw)
    if found is not None and found != expected:
        raise NamError("weight_count", pointer, f"the config asks for {expected} weights, the file has {found}")
    with np.errstate(over="ignore"):
        weights = np.array(decode(raw, list[float], pointer), dtype=np.float32)
    if not np.isfinite(weights).all():
        index = int(np.flatnonzero(~np.isfinite(weights))[0])
        raise NamError("weight_value", f"{pointer}/{index}", "expected a number within the range of float32")
    return weights


def expect_no_weights(raw: msgspec.Raw, pointer: str) -> None:
    """Refuse weights of a model that only holds other models.

    Raises:
        NamError: `invalid_field` for anything but a list, `weight_count` for a list with entries.
    """
    found = _count(raw)
    if found is None:
        raise NamError("invalid_field", pointer, "expected an empty array")
    if found:
        detail = (
            f"expected an empty list, got {found} entries: the weights belong to the models in /config/models; "
            "files of the earlier experimental form of Sequential can't be read, export the capture again"
        )
        raise NamError("weight_count", pointer, detail)


def _count(raw: msgspec.Raw) -> int | None:
    """Return how many entries a JSON list of numbers has without decoding it, None for what is no list."""
    text = bytes(raw)
    if not text.startswith(b"["):
        return None
    return text.count(b",") + 1 if text[1:-1].strip() else 0


def read_embedded_metadata(raw: msgspec.Raw) -> Metadata:
    """Read the metadata of a model inside another one; what can't be read counts as absent."""
    if len(bytes(raw)) > MAX_METADATA_BYTES:
        return Metadata()
    try:
        found = decode(raw, Any, "")
    except NamError:
        return Metadata()
    said: dict[str, Any] = found if isinstance(found, dict) else {}
    kept: dict[str, Any] = {}
    for name in Metadata.__struct_fields__:
        value = said.get(name)
        if isinstance(value, str) if name not in _NUMBERS else type(value) in (int, float):
            kept[name] = value
    try:
        return msgspec.convert(kept, Metadata)
    except (msgspec.ValidationError, OverflowError):
        return Metadata()


def read_metadata(raw: msgspec.Raw, pointer: str) -> Metadata:
    """Read what the file says about its capture; texts that are no text count as absent.

    Raises:
        NamError: for a level, loudness or gain that is no number.
    """
    size = len(bytes(raw))
    if size > MAX_METADATA_BYTES:
        raise NamError("too_large", pointer, f"expected at most {MAX_METADATA_BYTES} bytes, got {size}")
    found = decode(raw, Any, pointer)
    if not isinstance(found, dict):
        return Metadata()
    kept = {key: value for key, value in found.items() if key in _NUMBERS or isinstance(value, str)}
    return _checked(lambda: msgspec.convert(kept, Metadata), pointer)
