"""What an interruption costs a job."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tone_shootout.jobs.models import Job
from tone_shootout.jobs.scheduling.retry_policy import retry_or_fail
from tone_shootout.jobs.status import JobStatus
from tone_shootout.kit.settings import WorkerSettings


def _delay_s(interruptions: int, settings: WorkerSettings) -> float:
    """Return the delay before the next attempt after this many interruptions."""
    _, values = retry_or_fail(Job(interruptions=interruptions - 1), settings, code="gone", detail="It is gone.")
    delay: timedelta = values["not_before"].right.value
    return delay.total_seconds()


def test_the_delay_doubles_up_to_its_longest() -> None:
    settings = WorkerSettings(attempts=10, backoff_s=2.0, backoff_max_s=15.0)
    assert [_delay_s(number, settings) for number in range(1, 6)] == [2.0, 4.0, 8.0, 15.0, 15.0]


@given(number=st.integers(1, 100_000))
def test_no_number_of_interruptions_is_too_large(number: int) -> None:
    settings = WorkerSettings(attempts=1_000_000)
    assert 0 < _delay_s(number, settings) <= settings.backoff_max_s


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_the_last_attempt_ends_in_failure_and_every_one_before_in_another(attempts: int) -> None:
    settings = WorkerSettings(attempts=attempts)
    outcomes = [
        retry_or_fail(Job(interruptions=n), settings, code="gone", detail="It is gone.") for n in range(attempts)
    ]
    assert [status for status, _ in outcomes] == [JobStatus.QUEUED] * (attempts - 1) + [JobStatus.FAILED]
    assert [values["interruptions"] for _, values in outcomes] == list(range(1, attempts + 1))
    assert outcomes[-1][1]["error_code"] == "gone"
    assert all("not_before" in values and "error_code" not in values for _, values in outcomes[:-1])
