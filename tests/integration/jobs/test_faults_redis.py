"""Every acknowledged job completes after any process dies, on the queue in Redis."""

import pytest

from tests.support.faults import QuickFaultTests, ThoroughFaultTests

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


class TestQuicklyOnRedis(QuickFaultTests):
    queue = "redis"


@pytest.mark.thorough
class TestThoroughlyOnRedis(ThoroughFaultTests):
    queue = "redis"
