"""Every acknowledged job ends completed, whatever dies, on the queue that PostgreSQL keeps."""

import pytest

from tests.integration.jobs.faults import FaultTests

pytestmark = pytest.mark.slow


class TestOnPostgresql(FaultTests):
    queue = "postgresql"
