"""Writes the bundle of a result folder."""

import os
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from tone_shootout.rendering.bundle.contents import derived_files, input_path
from tone_shootout.rendering.output.manifest import Manifest
from tone_shootout.rendering.output.result_folder import MANIFEST_NAME, inside
from tone_shootout.rendering.output.verify import find_inputs

_HEAD_BYTES = 16


def write_bundle(folder: Path, manifest: Manifest, inputs: Sequence[Path], out: Path) -> int:
    """Write a result and all that belongs to it as one ZIP file, whole or not at all. Nothing is compressed again.

    Args:
        folder: the result folder.
        manifest: its manifest.
        inputs: folders to search for the inputs; those that are not found are left out.
        out: the file to write; it is replaced.

    Returns:
        The number of inputs that were left out.

    Raises:
        FileNotFoundError: a file of the manifest is missing.
        OSError: a file can't be read or written.
    """
    sources, missing = find_inputs(manifest, inputs)
    included = [item for item in manifest.inputs if item not in missing]
    out.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".partial-", suffix=".zip", dir=out.parent)
    try:
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w", allowZip64=True) as archive:
            archive.write(folder / MANIFEST_NAME, MANIFEST_NAME)
            for record in manifest.files:
                path = inside(folder, record.path)
                if path is None or not path.is_file():
                    raise FileNotFoundError(2, "a file of the result is missing", str(folder / record.path))
                archive.write(path, record.path)
            for item in included:
                source = sources[item.name]
                with source.open("rb") as content:
                    head = content.read(_HEAD_BYTES)
                archive.write(source, input_path(manifest, item, head))
            for path_in_bundle, content_bytes in derived_files(manifest, included).items():
                archive.writestr(path_in_bundle, content_bytes)
        Path(name).chmod(0o644)
        Path(name).replace(out)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return len(missing)
