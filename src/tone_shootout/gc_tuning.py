"""Importing much at once, without looking through it for garbage again and again."""

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def importing() -> Generator[None, None, None]:
    """Import what a process lives on.

    None of it is ever garbage, but the collector looks through all of it whenever it has grown by a quarter, and at
    the end: a third of what it takes to start and stop a web process. What is forked shares more memory, too.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
