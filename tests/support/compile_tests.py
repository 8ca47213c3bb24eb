"""Collect all tests once, so that test processes that start together find them compiled.

`python -m tests.support.compile_tests` prints nothing unless the collection fails.
"""

import io
import sys
from contextlib import redirect_stdout

import pytest


def main() -> int:
    """Collect all tests; return pytest's exit status."""
    output = io.StringIO()
    with redirect_stdout(output):
        status = pytest.main(["--collect-only", "-qq", "-m", "not thorough"])
    if status != pytest.ExitCode.OK:
        print(output.getvalue())
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
