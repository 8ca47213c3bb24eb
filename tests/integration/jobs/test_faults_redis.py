"""Every acknowledged job ends completed, whatever dies, on the queue that Redis keeps."""

import pytest

from tests.support.faults import FaultTests

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


class TestOnRedis(FaultTests):
    queue = "redis"
