"""What to know about a file that can be used all the same."""

from msgspec import Struct


class FileNotice(Struct, frozen=True):
    """Something that a file's author most likely did not mean; the file is used as it is.

    Attributes:
        code: stable, for programs.
        detail: one sentence for people: what was found, and what to do about it.
    """

    code: str
    detail: str
