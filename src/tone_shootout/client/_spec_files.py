"""Local files: their hashes, and specs that name them."""

import hashlib
import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path, PurePosixPath
from typing import Any, Final

from msgspec import Struct

from tone_shootout.client.errors import LocalFileError
from tone_shootout.client.models import Kind

_KINDS: Final[dict[object, Kind]] = {"capture": "capture", "cab_ir": "cab_ir"}
_AXES: Final[dict[Kind, tuple[str, ...]]] = {"capture": ("pedals", "captures"), "cab_ir": ("cab_irs",)}
"""Lists of a grid, by the kind of their files."""
_MAX_NAME: Final = 80
"""Length of a chain's name, which has the names of all its parts."""
_MAX_SPEC_BYTES: Final = 2_000_000


NamedFile = tuple[str | Path, Kind] | tuple[str | Path, Kind, str | None]
"""Path and kind of a file, and its name in the library."""


class LocalFile(Struct, frozen=True):
    """A file that a shootout needs; `name` is its name in the library, None: its file name."""

    path: Path
    kind: Kind
    sha256: str
    name: str | None = None
    size_bytes: int = 0


def local_file(path: Path, kind: Kind, name: str | None = None) -> LocalFile:
    """Return a file with its SHA-256.

    Raises:
        LocalFileError: it can't be read.
    """
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            return LocalFile(path, kind, sha256, name, size_bytes=file.tell())
    except OSError as error:
        raise LocalFileError(f"{path}: {error.strerror or error}") from None


def content_of(path: Path) -> bytes:
    """Return the content of a file.

    Raises:
        LocalFileError: it can't be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise LocalFileError(f"{path}: {error.strerror or error}") from None


def local_files(files: Iterable[NamedFile]) -> list[LocalFile]:
    """Return files with their SHA-256.

    Raises:
        LocalFileError: one can't be read.
    """
    return [local_file(Path(each[0]), each[1], each[2] if len(each) == 3 else None) for each in files]


class SpecFile:
    """A spec file: the document, and the files that it names."""

    def __init__(self, path: Path) -> None:
        """Read a spec file and the files that it names.

        Raises:
            LocalFileError: a file can't be read, or the spec is neither TOML nor JSON.
        """
        self._folder = path.parent
        self.document = _read(path)
        self.files = {
            (kind, text): local_file(self._resolve(text), kind, name) for kind, text, name in _references(self.document)
        }

    def config(self, assets: Mapping[tuple[Kind, str], str]) -> dict[str, Any]:
        """Return the config: the spec with the ids of library items in place of files.

        Args:
            assets: ids by kind and the spec's `file`.
        """
        document: dict[str, Any] = deepcopy(self.document)
        for kind, holder in _holders(document):
            holder["asset"] = assets[kind, holder.pop("file")]
        return document

    def _resolve(self, text: str) -> Path:
        return self._folder / Path(text).expanduser()


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_SPEC_BYTES + 1)
        if len(data) > _MAX_SPEC_BYTES:
            raise LocalFileError(f"{path}: expected at most {_MAX_SPEC_BYTES} bytes")
        text = data.decode("utf-8-sig")
        document = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except OSError as error:
        raise LocalFileError(f"{path}: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise LocalFileError(f"{path}: {error}") from None
    if not isinstance(document, dict):
        raise LocalFileError(f"{path}: expected an object")
    return document


def _references(document: dict[str, Any]) -> Iterator[tuple[Kind, str, str | None]]:
    for kind, holder in _holders(deepcopy(document)):
        name = holder.get("name") if kind == "di_track" else None
        yield kind, holder["file"], name if isinstance(name, str) else None


def _holders(document: dict[str, Any]) -> Iterator[tuple[Kind, dict[str, Any]]]:
    """Yield the kind and the table of each file in a spec, which the service validates later.

    Paths in a grid are turned into tables, named as `shootout render` names them.
    """
    for track in _tables(document.get("di_tracks")):
        yield "di_track", track
    for table in _tables(document.get("chains"), needs_file=False):
        yield from _blocks(table.get("blocks"))
    grid = document.get("grid")
    if not isinstance(grid, dict):
        return
    yield from _blocks(grid.get("template"))
    axes: dict[Kind, list[list[Any]]] = {
        kind: [grid[name] for name in names if isinstance(grid.get(name), list) and grid[name]]
        for kind, names in _AXES.items()
    }
    count = sum(map(len, axes.values()))
    for kind, lists in axes.items():
        for entries in lists:
            entries[:] = [{"file": entry} if isinstance(entry, str) else entry for entry in entries]
            for entry in _tables(entries):
                entry.setdefault("name", _name_of(entry["file"], (_MAX_NAME - 2 * (count - 1)) // count))
                yield kind, entry


def _blocks(value: object) -> Iterator[tuple[Kind, dict[str, Any]]]:
    for block in _tables(value, needs_file=False):
        if (kind := _KINDS.get(block.get("type"))) is not None and isinstance(block.get("file"), str):
            yield kind, block
        for path in _tables(block.get("paths"), needs_file=False):
            yield from _blocks(path.get("blocks"))


def _name_of(file: str, longest: int) -> str:
    name = PurePosixPath(file.replace("\\", "/")).stem
    return "".join(char if char.isprintable() else " " for char in name)[:longest].strip() or "unnamed"


def _tables(value: object, *, needs_file: bool = True) -> Iterator[dict[str, Any]]:
    for each in value if isinstance(value, list) else []:
        if isinstance(each, dict) and (not needs_file or isinstance(each.get("file"), str)):
            yield each
