"""Notices about files that are usable but probably contain a mistake."""

from typing import Annotated

from msgspec import Meta, Struct


class FileNotice(Struct, frozen=True):
    """A probable mistake in a file. The file is used unchanged."""

    code: Annotated[str, Meta(description="Stable identifier.", examples=["clipped"])]
    detail: Annotated[str, Meta(description="One-line message for the user: what was found, then what to do.")]
