"""ZIP archives of captures and sound files, read without trust.

Nothing is written under a name from an archive. Counts and sizes are checked before anything is allocated for them, and
content is read up to its limit whatever its header states.
"""

import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from tone_shootout.audio.sniffing import SOUND_SUFFIXES
from tone_shootout.rendering.media_info import Kind
from tone_shootout.rendering.output.result_folder import INPUTS_NAME, MANIFEST_NAME
from tone_shootout.zip_files import list_files

_DI_FOLDERS: Final = frozenset({"di", "dis", "di_track", "di_tracks", "di-tracks"})
"""Folders whose sound files are DI tracks; those of other folders are cab IRs."""
_JUNK: Final = frozenset({"thumbs.db", "desktop.ini"})


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in an archive.

    Attributes:
        name: its path in the archive, printable.
        kind: kind of library item that it becomes; None: none.
        status: `usable`; `skipped`: it is no capture and no sound file; `failed`: it may not be read.
        code: reason why it is not usable.
        detail: the same in words.
        info: the entry for `extract`.
    """

    name: str
    info: zipfile.ZipInfo
    kind: Kind | None = None
    status: Literal["usable", "skipped", "failed"] = "usable"
    code: str = ""
    detail: str = ""


def list_entries(path: Path) -> list[Entry]:
    """Return the files of an archive, in its order. Folders are left out.

    Of a bundle (`rendering.bundle`) only the inputs are usable: segments are no cab IRs.

    Raises:
        ArchiveError: `invalid_archive`, `too_many_files`.
    """
    files = list_files(path)
    is_bundle = any(info.filename == MANIFEST_NAME for info in files)
    entries = [_entry(info) for info in files]
    return [_skipped(entry) if is_bundle and _is_result(entry) else entry for entry in entries]


def _is_result(entry: Entry) -> bool:
    return entry.status == "usable" and not entry.name.startswith(f"{INPUTS_NAME}/")


def _skipped(entry: Entry) -> Entry:
    detail = "a file of the result: of a bundle only the inputs are added"
    return Entry(entry.name, entry.info, status="skipped", code="result_file", detail=detail)


def _entry(info: zipfile.ZipInfo) -> Entry:
    path = info.filename.replace("\\", "/")
    name = "".join(char if char.isprintable() else "?" for char in path)[-255:] or "unnamed"
    *folders, last = path.split("/")
    suffix = Path(last).suffix.lower()
    if "__MACOSX" in folders or last.startswith(".") or last.lower() in _JUNK:
        return Entry(name, info, status="skipped", code="junk_file", detail="a file of the operating system")
    if path.startswith("/") or ".." in folders or path[1:2] == ":":
        detail = "expected a path within the archive"
        return Entry(name, info, status="failed", code="unsafe_path", detail=detail)
    if stat.S_ISLNK(info.external_attr >> 16):
        return Entry(name, info, status="failed", code="unsafe_path", detail="expected a file, got a link")
    if suffix != ".nam" and suffix not in SOUND_SUFFIXES:
        detail = "expected a capture (.nam) or a sound file"
        return Entry(name, info, status="skipped", code="unknown_file_type", detail=detail)
    if info.flag_bits & 0x1:
        detail = "expected an archive without a password"
        return Entry(name, info, status="failed", code="encrypted_file", detail=detail)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        detail = "expected an entry that is stored or compressed with deflate"
        return Entry(name, info, status="failed", code="invalid_archive", detail=detail)
    if suffix == ".nam":
        return Entry(name, info, kind="capture")
    is_di = any(folder.lower() in _DI_FOLDERS for folder in folders)
    return Entry(name, info, kind="di_track" if is_di else "cab_ir")
