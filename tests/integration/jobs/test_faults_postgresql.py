"""Every acknowledged job completes after any process dies, on the queue in PostgreSQL.

In `task test`, `tests/integration/test_survival.py` kills everything on this queue.
"""

import pytest

from tests.support.faults import ThoroughFaultTests

pytestmark = [pytest.mark.slow, pytest.mark.thorough, pytest.mark.timeout(400)]


class TestThoroughlyOnPostgreSQL(ThoroughFaultTests):
    queue = "postgresql"
