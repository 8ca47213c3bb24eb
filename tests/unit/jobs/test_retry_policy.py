"""What an interruption costs a job."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tone_shootout.jobs.models import Job
from tone_shootout.jobs.scheduling.retry_policy import backoff_s, retry_or_fail
from tone_shootout.jobs.status import JobStatus
from tone_shootout.kit.settings import WorkerSettings


def test_the_wait_doubles_up_to_its_longest() -> None:
    settings = WorkerSettings(backoff_s=2.0, backoff_max_s=15.0)
    assert [backoff_s(number, settings) for number in range(1, 6)] == [2.0, 4.0, 8.0, 15.0, 15.0]


@given(number=st.integers(1, 100_000))
def test_no_number_of_interruptions_is_too_large(number: int) -> None:
    assert 0 < backoff_s(number, WorkerSettings()) <= WorkerSettings().backoff_max_s


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
