"""What a job's owner is told of its files, from what was kept when it was submitted."""

from uuid import uuid4

from tests.support.factories import JobFactory
from tone_shootout.jobs.execution.inputs import notices_of


def test_a_job_whose_kept_spec_is_refused_today_is_shown_without_notices() -> None:
    refused: tuple[dict[str, object], ...] = (
        {},
        {"di_tracks": [], "chains": []},
        {"di_tracks": [{"name": "a", "file": "a"}], "chains": "none"},
    )
    for spec in refused:
        job = JobFactory.build(owner_id=uuid4(), shootout_id=uuid4(), inputs={"spec": spec, "assets": {}})
        assert notices_of(job) == ()


def test_a_job_whose_files_need_no_notice_has_none() -> None:
    assert notices_of(JobFactory.build(owner_id=uuid4(), shootout_id=uuid4())) == ()
