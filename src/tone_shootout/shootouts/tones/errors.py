"""Errors of imports from TONE3000, beside those of `tone3000.errors`."""

from tone_shootout.kit.http.problems import InvalidError


class UnsupportedFormatError(InvalidError):
    """The tone's files have a format that no block supports."""

    code = "unsupported_format"

    def __init__(self, format_name: str) -> None:
        found = f"the format {format_name}" if format_name else "no stated format"
        super().__init__(f"Expected captures (nam) or impulse responses (ir), got {found}.")
