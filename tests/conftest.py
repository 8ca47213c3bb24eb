"""What holds for every test."""

import logging

import structlog

# The service under test runs in a thread of this process: its access log would stand between the dots.
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
