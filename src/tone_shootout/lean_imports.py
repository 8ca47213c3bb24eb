"""Imports without the optional packages of libraries, which would stay in memory unused."""

import sys
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def hidden(*packages: str) -> Generator[None, None, None]:
    """Let libraries that are imported meanwhile believe that optional packages are not installed.

    Advanced Alchemy imports NumPy to compare arrays, and Mako imports Pygments for pages with tracebacks, wherever they
    are installed. Packages that are loaded already stay visible, and all of them are visible again afterwards.
    """
    blocked = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(blocked))  # type: ignore[arg-type]  # None blocks the import of a module
    try:
        yield
    finally:
        for name in blocked:
            del sys.modules[name]
