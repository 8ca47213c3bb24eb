"""What can go wrong while a plan is carried out."""


class RenderError(Exception):
    """A segment, or what is made of it, that can't be made.

    Attributes:
        code: stable, for programs: `silent`, `not_finite`, `changed`, `out_of_memory`, `storage`, or what the part
            that failed calls it.
        detail: one sentence that names the DI track, the chain and the block.
        segment: the segment's position, where it is one that can't be made.
        pointer: JSON pointer into the spec, to the block or the DI track that is the reason, where one is.
    """

    def __init__(self, code: str, detail: str, *, segment: int | None = None, pointer: str | None = None) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.segment = segment
        self.pointer = pointer

    def __str__(self) -> str:
        return self.detail


class WorkerDied(Exception):  # noqa: N818 - reads as what it is where it is caught
    """A rendering process ended by itself or was killed, for instance for lack of memory."""


class Cancelled(Exception):  # noqa: N818 - nothing went wrong
    """Whoever asked for the work wants it no more; raised by a reporter's `check`."""
