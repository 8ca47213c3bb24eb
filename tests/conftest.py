"""What holds for every test."""

import gc
import logging
import os
import sys

import hypothesis
import pytest
import structlog

# The same examples each time: a change is judged by what it changes. `--hypothesis-profile=default` looks for others.
hypothesis.settings.register_profile("same-examples", derandomize=True)
hypothesis.settings.load_profile("same-examples")

# The service under test runs in a thread of this process: its access log would stand between the dots, and what it has
# to say of errors in the output of the command that a test happens to run meanwhile.
structlog.configure(
    wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
    logger_factory=structlog.PrintLoggerFactory(sys.__stderr__),
)

# Processes of ours are started by the hundred: what one of them has compiled, the others need not.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Nothing of what the tests import is garbage; looking through all of it while it grows takes 5 s of a process's 12.
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bring files with slow tests to the front, so that no process is left alone with one at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
