"""Errors of rendering."""


class RenderError(Exception):
    """Failure to render a segment or to write a file.

    Attributes:
        code: stable identifier: `silent`, `not_finite`, `changed`, `out_of_memory`, `storage`, or the code of the
            error that caused it.
        detail: one-line message for the user that names the DI track, the chain and the block.
        segment: position of the segment; None if the error does not concern one segment.
        pointer: JSON pointer into the spec to the block or DI track that caused the error; None if there is none.
    """

    def __init__(self, code: str, detail: str, *, segment: int | None = None, pointer: str | None = None) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.segment = segment
        self.pointer = pointer

    def __str__(self) -> str:
        return self.detail


class WorkerDied(Exception):  # noqa: N818 - names an event, as `Cancelled` does
    """A rendering process exited or was killed, for instance because memory ran out."""


class Cancelled(Exception):  # noqa: N818 - cancellation is not a failure
    """The caller cancelled the rendering; raised by a reporter's `check`."""
