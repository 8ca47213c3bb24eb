"""What goes wrong with a `.nam` file, said in one line."""


class NamError(ValueError):
    """A `.nam` file that cannot be played.

    Attributes:
        code: stable word for programs: `not_json`, `missing_field`, `invalid_field`, `unsupported`, `mismatch`,
            `weight_count`, `weight_value`, `too_large`, `too_deep` or `unstable`.
        pointer: JSON pointer (RFC 6901) of the offending place in the file, `""` for the whole of it.
        detail: what was expected and what came, one line.
    """

    def __init__(self, code: str, pointer: str, detail: str) -> None:
        super().__init__(code, pointer, detail)
        self.code = code
        self.pointer = pointer
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.pointer}: {self.detail}" if self.pointer else self.detail
