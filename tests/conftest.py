"""Configuration of all tests."""

import gc
import importlib
import logging
import os
import re
import signal
import sys
from functools import cache
from pathlib import Path

import httpx
import hypothesis
import pytest
import structlog
from xdist.remote import Producer

from tests.support.browser import MISSING, find_chromium
from tests.support.examples import THOROUGH_PROFILE
from tests.support.scheduling import BROWSER, Scheduling
from tone_shootout.rendering.executor.fork_server import preload_rendering

# One set of servers for all tests of a process, in whatever folder. Tests that are to provoke codes do.
# The process that distributes tests runs none.
_distributes = "PYTEST_XDIST_WORKER" not in os.environ and any(each.startswith("--numprocesses") for each in sys.argv)
pytest_plugins = [] if _distributes else ["tests.support.servers", "tests.support.seen_codes"]

_ALL_THOROUGH = re.compile(r"^pytestmark = .*pytest\.mark\.thorough", re.MULTILINE)

# The same examples in each run. Run others with `--hypothesis-profile=default`.
hypothesis.settings.register_profile("same-examples", derandomize=True)
hypothesis.settings.register_profile(THOROUGH_PROFILE, derandomize=True)
hypothesis.settings.load_profile("same-examples")

# The service under test runs in a thread of this process. By default, its access log would mix with the progress dots,
# and its errors with the output of commands that a test runs at the same time.
structlog.configure(
    wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
    logger_factory=structlog.PrintLoggerFactory(sys.__stderr__),
)

# Each HTTP client would load the certificates of all public authorities, which takes 50 ms; no test needs them.
vars(importlib.import_module("httpx._transports.default"))["create_ssl_context"] = cache(httpx.create_ssl_context)

# The service under test and the renderer share this process, and thus the server that their children are forked from.
preload_rendering(plots=True)

# A shell that starts this in its background lets it ignore Ctrl-C, and so would the services that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests start hundreds of Python processes: they share compiled modules.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Imports produce no garbage worth collecting, and collecting takes 5 of the 12 s of collection.
gc.disable()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not import files of which no test is selected."""
    if config.option.markexpr != "not thorough" or collection_path.suffix != ".py":
        return None
    return bool(_ALL_THOROUGH.search(collection_path.read_text(encoding="utf-8"))) or None


def pytest_collection_finish() -> None:
    """Exclude imported modules from garbage collection, then turn it on."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """Keep tests together that share something expensive."""
    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run files with slow tests first, so that no process is left with one at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow") or item.nodeid.startswith(BROWSER)}
    items.sort(key=lambda item: item.path not in slow)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in the last lines whether the tests that need a browser did not run."""
    if find_chromium() is None:
        terminalreporter.write_line(MISSING, yellow=True, bold=True)
