"""Reads spec files in TOML or JSON and validates them; errors explain common mistakes."""

import math
import re
import tomllib
from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal

import msgspec

from tone_shootout.document_errors import explain_all
from tone_shootout.rendering.spec.document import SpecDocument
from tone_shootout.rendering.spec.grid import AXES
from tone_shootout.rendering.spec.pointers import Place, block_pointer, di_track_pointer, template_pointer
from tone_shootout.rendering.spec.schema import DiTrack, InvalidSpec, SpecError

MAX_SPEC_BYTES = 1_000_000

Format = Literal["toml", "json"]

_UTF8_BOM: Final = b"\xef\xbb\xbf"
_UTF16_BOMS: Final = (b"\xff\xfe", b"\xfe\xff")
_TABLES: Final = (
    "di_tracks",
    "chains",
    "chains.blocks",
    "chains.blocks.bands",
    "chains.blocks.paths",
    "chains.blocks.paths.blocks",
    "chains.blocks.paths.blocks.bands",
    "grid.template",
    "grid.template.bands",
    "grid.template.paths",
    "grid.template.paths.blocks",
    "grid.template.paths.blocks.bands",
)
"""Names of the tables that may be repeated, in TOML's notation."""
_ONE_TABLE: Final = re.compile(r"^[ \t]*\[([ \t.a-z_]+)\][ \t\r]*(?:#.*)?$", re.MULTILINE)
"""A TOML line that opens a single table."""
_LINE: Final = re.compile(r"\(at line (\d+), column \d+\)")
_BACKSLASH: Final = "a backslash starts an escape there; write the path with forward slashes (C:/tones/amp.nam){}"
_QUOTES: Final = " or in single quotes ('C:\\tones\\amp.nam')"
_DOUBLED: Final = ' or with doubled backslashes ("C:\\\\tones\\\\amp.nam")'


def parse_document(data: bytes, *, format: Format) -> SpecDocument:  # noqa: A002 - the term that users know
    """Parse and validate a spec file.

    Args:
        data: content of the file, UTF-8, at most 1 MB.
        format: `toml` or `json`.

    Raises:
        SpecError: the file is not TOML or JSON or larger than 1 MB.
        InvalidSpec: with all errors: fields that are unknown, missing or out of range.
    """
    document = decode_document(data, format=format)
    if errors := find_errors(document, format=format):
        raise InvalidSpec(errors)
    parsed = msgspec.convert(document, SpecDocument)
    _check_slices(parsed.di_tracks)
    return parsed


def decode_document(data: bytes, *, format: Format) -> Any:  # noqa: A002 - as above
    """Decode a spec file without validating it.

    Raises:
        SpecError: the file is not TOML or JSON or larger than 1 MB.
    """
    if len(data) > MAX_SPEC_BYTES:
        raise SpecError("too_large", "", f"expected a spec of at most {MAX_SPEC_BYTES} bytes, got {len(data)}")
    return _decode(data, format)


def find_errors(document: Any, *, format: Format) -> list[SpecError]:  # noqa: A002 - as above
    """Return all errors in the structure of a decoded document; empty if it is a `SpecDocument`."""
    found = [*_models(document), *_control_characters(document, format)]
    known = {error.pointer for error in found}
    with_model = {error.pointer.removesuffix("/tone3000") for error in found if error.code == "needs_service"}
    for code, pointer, detail in explain_all(document, SpecDocument):
        # A block with a model has no file.
        if pointer not in known and pointer.removesuffix("/file") not in with_model:
            error = SpecError(code, pointer, detail)
            found.append(SpecError(code, pointer, detail + _shape(error, format)))
    return found


def _decode(data: bytes, format: Format) -> Any:  # noqa: A002 - as above
    """Decode TOML or JSON to plain objects.

    Raises:
        SpecError: code `malformed`.
    """
    name = format.upper()
    if data.startswith(_UTF16_BOMS) or b"\0" in data[:4]:
        raise SpecError("malformed", "", f"expected {name} as UTF-8, got UTF-16: save the file as UTF-8")
    try:
        text = data.removeprefix(_UTF8_BOM).decode()
    except UnicodeDecodeError as error:
        detail = f"expected {name} as UTF-8, byte {error.start + 1} is invalid: save the file as UTF-8"
        raise SpecError("malformed", "", detail) from None
    try:
        return tomllib.loads(text, parse_float=_finite) if format == "toml" else msgspec.json.decode(text)
    except (ValueError, RecursionError) as error:
        advice = _toml_advice(text, str(error)) if format == "toml" else _json_advice(str(error))
        raise SpecError("malformed", "", f"expected {name}: {error}{advice}") from None


def _toml_advice(text: str, error: str) -> str:
    """Return advice for invalid TOML: Windows paths, and single brackets in place of double ones."""
    if any(word in error for word in ("twice", "overwrite", "mutate", "redefine")):
        names = [re.sub(r"\s", "", table) for table in _ONE_TABLE.findall(text)]
        for name in (each for each in names if each in _TABLES):
            return f"; several are allowed: write [[{name}]] with two brackets for each of them, not [{name}]"
    match = _LINE.search(error)
    lines = text.split("\n")
    line = lines[int(match.group(1)) - 1] if match and int(match.group(1)) <= len(lines) else ""
    if re.search(r'"[^"]*\\', line):
        return f"; {_BACKSLASH.format(_QUOTES)}"
    return ""


def _json_advice(error: str) -> str:
    return f"; {_BACKSLASH.format(_DOUBLED)}" if "escape" in error else ""


def _shape(found: SpecError, format: Format) -> str:  # noqa: A002 - as above
    """Return advice for a single table where several are expected, and the reverse."""
    steps = [step for step in found.pointer.split("/") if step and not step.isdigit()]
    name = ".".join(steps)
    if name in _TABLES and found.detail.startswith("Expected `array`, got `object`"):
        if format == "json":
            return f': several are allowed, write a list, `"{steps[-1]}": [{{...}}]`'
        inline = f", or `{steps[-1]} = [{{ ... }}]`" if len(steps) > 1 else ""
        return f": several are allowed, write [[{name}]] with two brackets for each of them{inline}, not [{name}]"
    if name in ("level", "grid") and found.detail.startswith(
        ("Expected `object`, got `array`", "Expected `object | null`, got `array`")
    ):
        return f": write [{name}] with one bracket" if format == "toml" else ": write an object, not a list"
    return ""


def _control_characters(document: Any, format: Format) -> Iterator[SpecError]:  # noqa: A002 - as above
    r"""Yield errors of paths with control characters, usually escapes in place of backslashes: `C:\tones` has a tab."""
    for pointer, file in _files(document):
        if any(ord(char) < ord(" ") or char == "\x7f" for char in file):
            advice = _BACKSLASH.format(_QUOTES if format == "toml" else _DOUBLED)
            yield SpecError("invalid", pointer, f"expected a path, got {file[:80]!r} with control characters; {advice}")


def _files(document: Any) -> Iterator[tuple[str, str]]:
    """Yield pointer and value of each path in a document that has not been validated."""
    for index, track in enumerate(_dicts(document, "di_tracks")):
        if isinstance(file := track.get("file"), str):
            yield di_track_pointer(index, "file"), file
    for index, chain in enumerate(_dicts(document, "chains")):
        for place, block in _blocks(chain, "blocks"):
            if isinstance(file := block.get("file"), str):
                yield block_pointer(index, place, "file"), file
    for pointer, entry in _grid_entries(document):
        if isinstance(entry, str):
            yield pointer, entry
        elif isinstance(file := entry.get("file"), str):
            yield f"{pointer}/file", file


def _grid_entries(document: Any) -> Iterator[tuple[str, str | dict[str, Any]]]:
    """Yield pointer and value of each entry of a grid, and of each block of its template."""
    grid = document.get("grid") if isinstance(document, dict) else None
    for name in AXES:
        entries = grid.get(name) if isinstance(grid, dict) else None
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            if isinstance(entry, (str, dict)):
                yield f"/grid/{name}/{index}", entry
    yield from ((template_pointer(place), block) for place, block in _blocks(grid, "template"))


def _blocks(holder: Any, name: str) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Yield the blocks of a list and those of the paths of its splits, with their places."""
    for index, block in enumerate(_dicts(holder, name)):
        yield (index,), block
        for number, path in enumerate(_dicts(block, "paths")):
            yield from (((index, number, position), inner) for position, inner in enumerate(_dicts(path, "blocks")))


def _dicts(document: Any, name: str) -> list[dict[str, Any]]:
    """Return the objects of a list, with an empty one in place of any other value, so that indices are unchanged."""
    found = document.get(name) if isinstance(document, dict) else None
    return [each if isinstance(each, dict) else {} for each in found] if isinstance(found, list) else []


def _models(document: Any) -> Iterator[SpecError]:
    """Yield errors of TONE3000 models: only the service can fetch them."""
    holders: list[tuple[str, str | dict[str, Any]]] = [
        (block_pointer(index, place), block)
        for index, chain in enumerate(_dicts(document, "chains"))
        for place, block in _blocks(chain, "blocks")
    ]
    for pointer, holder in [*holders, *_grid_entries(document)]:
        if isinstance(holder, dict) and "tone3000" in holder:
            yield SpecError(
                "needs_service",
                f"{pointer}/tone3000",
                "expected `file`: only the service fetches TONE3000 models. Start it with `shootout serve`, sign "
                "in with TONE3000 and submit the shootout there, or download the model and set `file` to its path",
            )


def _check_slices(tracks: Sequence[DiTrack]) -> None:
    """Check that every slice ends after its start.

    Raises:
        SpecError: `invalid_slice`, with a pointer to `end_s` of the DI track.
    """
    for index, track in enumerate(tracks):
        if track.end_s is not None and track.end_s <= track.start_s:
            raise SpecError(
                "invalid_slice",
                di_track_pointer(index, "end_s"),
                f"expected an end after {track.start_s:g} s, got {track.end_s:g} s",
            )


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"expected a finite number, got {text}")
    return value
