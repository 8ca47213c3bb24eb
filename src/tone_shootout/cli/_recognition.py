"""Files that commands take in any number, recognized by their content."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tone_shootout.rendering.media_info import MediaInfo


def files_of(files: tuple[Path, ...], *, deep: bool = False) -> Iterator[tuple[Path, bool]]:
    """Yield the path of each file, and whether it was named, not found in a folder.

    Args:
        files: files and folders.
        deep: whether folders in folders count; links to folders do not. Hidden files and folders never do.
    """
    for path in files:
        if not path.is_dir():
            yield path, True
            continue
        with suppress(PermissionError):
            shown = sorted(each for each in path.iterdir() if not each.name.startswith("."))
            yield from ((each, False) for each in shown if each.is_file())
            folders = tuple(each for each in shown if deep and each.is_dir() and not each.is_symlink())
            yield from ((each, False) for each, _ in files_of(folders, deep=True))


def recognize(path: Path, *, is_named: bool) -> "MediaInfo | None":
    """Return the media info of a file; None: it is another kind of file and was not named.

    Raises:
        OSError: the file can't be read.
        SourceError: it can't be used.
    """
    from tone_shootout.audio.recognition import is_impulse_response
    from tone_shootout.audio.sniffing import SNIFFED_BYTES, describe
    from tone_shootout.cli._files import is_capture
    from tone_shootout.rendering.engine.sources import SourceError, decode_audio, probe, read_source
    from tone_shootout.rendering.media_info import DEFAULT_LIMITS

    if is_capture(path):
        with path.open("rb") as file:
            if not is_named and path.suffix.lower() != ".nam" and describe(file.read(SNIFFED_BYTES)) == "JSON":
                return None
        return probe(path, "capture")
    data = read_source(path, max_bytes=DEFAULT_LIMITS.max_upload_bytes)
    try:
        audio = decode_audio(data, max_seconds=DEFAULT_LIMITS.max_di_seconds)
    except SourceError as error:
        if error.code == "not_audio" and not is_named:
            return None
        raise
    return probe(path, "cab_ir" if is_impulse_response(audio) else "di_track")
