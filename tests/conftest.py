"""What holds for every test."""

import logging

import pytest
import structlog

# The service under test runs in a thread of this process: its access log would stand between the dots.
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bring files with slow tests to the front, so that no process is left alone with one at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
