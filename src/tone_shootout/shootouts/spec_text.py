"""Configs as spec files in TOML: library items by the names of their files."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
import tomli_w
from msgspec import UNSET, Meta, Struct

from tone_shootout.kit.http.problems import Fault, InvalidError
from tone_shootout.rendering.media_info import Kind
from tone_shootout.rendering.spec.reading import decode_document
from tone_shootout.rendering.spec.schema import SpecError
from tone_shootout.shootouts.config import Config
from tone_shootout.shootouts.library.models import ItemRow, LibraryItem

MAX_SPEC: Final = 100_000
"""Length of a spec."""
_HEAD: Final = "# Put the files beside this spec, then run: shootout render SPEC --out DIR\n\n"
_KINDS: Final[dict[object, Kind]] = {"capture": "capture", "cab_ir": "cab_ir"}
_AXES: Final[dict[str, Kind]] = {"pedals": "capture", "captures": "capture", "cab_irs": "cab_ir"}
_HASHED: Final = re.compile(r"([0-9a-f]{8})-(.+)", re.DOTALL)


class SpecCreate(Struct, kw_only=True, forbid_unknown_fields=True):
    """A spec file to read."""

    spec: Annotated[
        str,
        Meta(
            description="Content of the file.",
            examples=['title = "Two crunches"\n[[di_tracks]]\nname = "Riff"\nfile = "riff.wav"\n'],
            max_length=MAX_SPEC,
        ),
    ]
    format: Annotated[Literal["toml", "json"], Meta(description="Format of the file.", examples=["toml"])] = "toml"


class SpecConfigRead(Struct, kw_only=True):
    """A spec file as a config, which is not checked."""

    config: Annotated[
        dict[str, Any],
        Meta(
            description="The config: `asset` in place of each `file` that your library has.",
            examples=[{"title": "Two crunches", "di_tracks": [], "chains": []}],
        ),
    ]
    missing: Annotated[list[str], Meta(description="Files that your library does not have.", examples=[["plexi.nam"]])]


class InvalidSpecTextError(InvalidError):
    """The text is no spec file."""

    code = "malformed"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, errors=[Fault(code=self.code, pointer="/spec", detail=detail)])


def read_spec(spec: SpecCreate) -> dict[str, Any]:
    """Decode a spec file.

    Raises:
        InvalidSpecTextError: it is malformed.
    """
    try:
        document = decode_document(spec.spec.encode(), format=spec.format)
    except SpecError as error:
        raise InvalidSpecTextError(error.detail) from None
    if not isinstance(document, dict):
        raise InvalidSpecTextError("expected an object")
    return document


def files_in(document: dict[str, Any]) -> list[tuple[Kind, str]]:
    """Return kind and name of each file in a spec."""
    return [(kind, str(holder["file"])) for kind, holder in _holders(document)]


def config_of(document: dict[str, Any], items: Sequence[LibraryItem]) -> SpecConfigRead:
    """Return a spec with the ids of library items in place of files. The document is changed.

    A file is the item with this file name or, if there is none, with this name.
    """
    missing = []
    for kind, holder in _holders(document):
        item = _find(kind, str(holder["file"]), items)
        if item is None:
            missing.append(str(holder["file"]))
        else:
            del holder["file"]
            holder["asset"] = str(item.id)
    return SpecConfigRead(config=document, missing=list(dict.fromkeys(missing)))


def names_of(file: str) -> tuple[str, str, str]:
    """Return the file name in a path, the same without a hash that `spec_text` has added, and its stem; lower case."""
    name = PurePosixPath(file.replace("\\", "/")).name.lower()
    hashed = _HASHED.fullmatch(name)
    return name, hashed[2] if hashed else name, PurePosixPath(name).stem


def spec_text(config: Config, items: Mapping[UUID, ItemRow]) -> str:
    """Return a config as a spec file in TOML, without values that are defaults."""
    names = [item.filename.lower() for item in items.values()]
    files = {
        str(item.id): item.filename if names.count(item.filename.lower()) == 1 else f"{item.sha256[:8]}-{item.filename}"
        for item in items.values()
    }
    return _HEAD + tomli_w.dumps(_with_files(_plain(config), files))


def _find(kind: Kind, file: str, items: Sequence[LibraryItem]) -> LibraryItem | None:
    name, bare, stem = names_of(file)
    hashed = _HASHED.fullmatch(name)
    found = [item for item in items if item.kind == kind]
    by_hash = [item for item in found if hashed and item.sha256.startswith(hashed[1]) and item.filename.lower() == bare]
    by_file = [item for item in found if item.filename.lower() == name]
    return next(iter([*by_hash, *by_file, *(item for item in found if item.name.lower() in (name, stem))]), None)


def _holders(document: dict[str, Any]) -> Iterator[tuple[Kind, dict[str, Any]]]:
    """Yield kind and table of each file; paths in a grid are turned into tables."""
    for track in _tables(document.get("di_tracks")):
        if "file" in track:
            yield "di_track", track
    grid = document.get("grid")
    grid = grid if isinstance(grid, dict) else {}
    lists = [*(chain.get("blocks") for chain in _tables(document.get("chains"))), grid.get("template")]
    blocks = [block for each in lists for block in _tables(each)]
    inside = [
        inner for block in blocks for path in _tables(block.get("paths")) for inner in _tables(path.get("blocks"))
    ]
    for block in (*blocks, *inside):
        kind = _KINDS.get(block.get("type"))
        if kind is not None and "file" in block:
            yield kind, block
    for axis, kind in _AXES.items():
        entries = grid.get(axis)
        if isinstance(entries, list):
            entries[:] = [{"file": entry} if isinstance(entry, str) else entry for entry in entries]
            yield from ((kind, entry) for entry in _tables(entries) if "file" in entry)


def _tables(value: object) -> Iterator[dict[str, Any]]:
    return (each for each in value if isinstance(each, dict)) if isinstance(value, list) else iter(())


def _plain(value: Any) -> Any:
    """Return a struct as plain objects, without fields that have their defaults."""
    if isinstance(value, Struct):
        tag = value.__struct_config__.tag
        found: dict[str, Any] = {} if tag is None else {str(value.__struct_config__.tag_field): tag}
        for field in msgspec.structs.fields(value):
            content = getattr(value, field.name)
            if content is not None and content is not UNSET and (content != field.default or field.name == "schema"):
                found[field.encode_name] = _plain(content)
        return found
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, UUID) else value


def _with_files(value: Any, files: Mapping[str, str]) -> Any:
    """Return plain objects with file names in place of the ids of library items."""
    if isinstance(value, dict):
        return {
            "file" if key == "asset" else key: files[each] if key == "asset" else _with_files(each, files)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [_with_files(each, files) for each in value]
    return files.get(value, value) if isinstance(value, str) else value
