"""What can go wrong with bringing a model of TONE3000 home, beyond what goes wrong with TONE3000."""

from tone_shootout.kit.http.problems import InvalidError


class UnsupportedFormatError(InvalidError):
    """Files of a kind that no block plays."""

    code = "unsupported_format"

    def __init__(self, what: str) -> None:
        super().__init__(f"Expected captures (nam) or impulse responses (ir), not {what or 'unnamed'} ones.")
