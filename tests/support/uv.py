"""The uv that runs the tests, which need not be on PATH."""

import os
import shutil


def find_uv() -> str:
    """Return the path of uv: `uv run` sets the variable UV to its own."""
    uv = os.environ.get("UV") or shutil.which("uv")
    assert uv is not None, "run the tests by `uv run`"
    return uv
