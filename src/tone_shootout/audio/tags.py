"""Tags of FLAC files (Vorbis comments, RFC 9639): equal tags and samples give equal bytes."""

from collections.abc import Mapping
from pathlib import Path

import av


def write_tags(path: Path, tags: Mapping[str, str]) -> None:
    """Replace the tags of a FLAC file; the frames of its samples are copied. The file is replaced atomically.

    The file contains no date and no version of a program.

    Args:
        path: the file, as `files.write_flac` writes it.
        tags: values by name, such as `TITLE`, in order; names are upper-case ASCII without `=`.

    Raises:
        OSError: the file can't be read or written.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        with (
            path.open("rb") as old,
            partial.open("xb+") as new,
            av.open(old, "r", format="flac") as source,
            av.open(new, "w", format="flac", options={"fflags": "+bitexact"}) as target,
        ):
            for name, value in tags.items():
                target.metadata[name] = value
            stream = source.streams.audio[0]
            copied = target.add_stream_from_template(stream)
            for packet in source.demux(stream):
                if packet.dts is not None:  # the last packet flushes a decoder and has no data
                    packet.stream = copied
                    target.mux(packet)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
