"""Errors of carrying out a plan."""


class RenderError(Exception):
    """A segment, or a file that is made from it, can't be made.

    Attributes:
        code: stable identifier for programs: `silent`, `not_finite`, `changed`, `out_of_memory`, `storage`, or the
            code of the error that caused it.
        detail: a sentence that names the DI track, the chain and the block.
        segment: position of the segment; None: the error is not about one segment.
        pointer: JSON pointer into the spec to the block or DI track that is the cause; None: there is none.
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
