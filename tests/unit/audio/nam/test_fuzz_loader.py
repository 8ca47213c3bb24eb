"""Fuzzing with damaged captures for minutes: each is rejected with one line or runs."""

import pytest

from tests.bench.fuzz_loader import fuzz

MINUTES = 3
SEED = 11

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(600)]


def test_no_damaged_capture_crashes_the_loader() -> None:
    outcome = fuzz(MINUTES, SEED)
    crashes = [finding for finding in outcome.findings if "Traceback" in finding]
    assert not crashes, "\n".join(crashes)
    assert outcome.counts["loaded"] > 0, "some of the damage is harmless"
