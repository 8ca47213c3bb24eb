"""Every acknowledged job completes after any process dies, on the queue in Redis."""

import pytest

from tests.support.faults import FaultTests

pytestmark = [pytest.mark.slow, pytest.mark.thorough, pytest.mark.timeout(400)]


class TestOnRedis(FaultTests):
    queue = "redis"
