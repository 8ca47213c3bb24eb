"""Mark of the operations that maintenance mode refuses."""

from typing import Final

MAKES_WORK: Final = "makes_work"
"""Option of a handler: it submits a job, or adds what jobs are made of."""
