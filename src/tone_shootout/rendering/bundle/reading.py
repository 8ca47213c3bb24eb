"""Reads a bundle without trust: only what its manifest names is read, up to the size that it states."""

import hashlib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from tone_shootout.rendering.output.manifest import Manifest, decode_manifest
from tone_shootout.rendering.output.result_folder import INPUTS_NAME, MANIFEST_NAME, inside
from tone_shootout.zip_files import ArchiveError, extract, list_files, read_chunks

MAX_MANIFEST_BYTES: Final = 64 << 20
MAX_SOUND_BYTES: Final = 1 << 30
"""Largest segment or input that is unpacked, whatever the manifest states."""


class Bundle:
    """A bundle on disk.

    Args:
        path: path of the file.

    Raises:
        ArchiveError: it is no bundle.
        OSError: it can't be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files = {info.filename: info for info in list_files(path)}
        info = self._files.get(MANIFEST_NAME)
        if info is None:
            raise ArchiveError("invalid_archive", f"expected a bundle with {MANIFEST_NAME} in it")
        content = b"".join(read_chunks(path, info, MAX_MANIFEST_BYTES))
        try:
            self.manifest: Manifest = decode_manifest(content)
        except msgspec.DecodeError as error:
            raise ArchiveError("invalid_archive", f"{MANIFEST_NAME}: expected a result manifest: {error}") from None

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield path and fault of each file that is missing or differs from the manifest. Nothing is written."""
        for item in self.manifest.files:
            info = self._files.get(item.path)
            if info is None:
                yield item.path, "missing"
                continue
            digest = hashlib.sha256()
            try:
                for chunk in read_chunks(self._path, info, item.size_bytes):
                    digest.update(chunk)
            except ArchiveError as error:
                yield item.path, error.detail
                continue
            if digest.hexdigest() != item.sha256:
                yield item.path, "its hash differs from the manifest"

    def unpack_sound(self, folder: Path) -> None:
        """Write segments and inputs to a folder, as in a result folder: all that `verify` reads.

        Raises:
            OSError: the folder can't be written.
        """
        sizes = {item.path: item.size_bytes for item in self.manifest.files}
        wanted = {segment.file: sizes.get(segment.file, 0) for segment in self.manifest.segments}
        largest = max((item.size_bytes for item in self.manifest.inputs), default=0)
        inputs = [name for name in self._files if name.startswith(f"{INPUTS_NAME}/")][: len(self.manifest.inputs)]
        for name in wanted:
            target = inside(folder, name)
            if name in self._files and target is not None:
                self._write(self._files[name], target, wanted[name])
        for number, name in enumerate(inputs):
            self._write(self._files[name], folder / INPUTS_NAME / f"{number}{Path(name).suffix[:8]}", largest)

    def _write(self, info: zipfile.ZipInfo, target: Path, limit: int) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with target.open("wb") as file:
                extract(self._path, info, file, min(limit, MAX_SOUND_BYTES))
        except ArchiveError:
            target.unlink(missing_ok=True)  # `faults` tells of it, and `verify` that it is missing
