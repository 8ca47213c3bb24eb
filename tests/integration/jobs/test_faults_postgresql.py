"""Every acknowledged job completes after any process dies, on the queue in PostgreSQL."""

import pytest

from tests.support.faults import QuickFaultTests, ThoroughFaultTests

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


class TestQuicklyOnPostgreSQL(QuickFaultTests):
    queue = "postgresql"


@pytest.mark.thorough
class TestThoroughlyOnPostgreSQL(ThoroughFaultTests):
    queue = "postgresql"
