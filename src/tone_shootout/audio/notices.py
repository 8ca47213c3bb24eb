"""What to know about a file that can be used all the same."""

from typing import Annotated

from msgspec import Meta, Struct


class FileNotice(Struct, frozen=True):
    """Something that a file's author most likely did not mean; the file is used as it is."""

    code: Annotated[str, Meta(description="Stable, for programs.", examples=["clipped"])]
    detail: Annotated[str, Meta(description="One sentence for people: what was found, and what to do about it.")]
