"""The error for invalid `.nam` files."""


class NamError(ValueError):
    """Invalid or unsupported `.nam` file.

    Attributes:
        code: stable identifier: `not_json`, `missing_field`, `invalid_field`, `unsupported`, `mismatch`,
            `weight_count`, `weight_value`, `too_large`, `too_deep` or `unstable`.
        pointer: JSON pointer (RFC 6901) to the invalid value, `""` for the whole file.
        detail: one-line message for the user.
    """

    def __init__(self, code: str, pointer: str, detail: str) -> None:
        super().__init__(code, pointer, detail)
        self.code = code
        self.pointer = pointer
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.pointer}: {self.detail}" if self.pointer else self.detail
