"""What a job's owner is told of its files, from what was kept when it was submitted."""

from uuid import uuid4

import msgspec

from tests.support.factories import JobFactory
from tone_shootout.jobs.execution.inputs import Inputs, notices_of
from tone_shootout.rendering.media_info import DEFAULT_LIMITS
from tone_shootout.rendering.spec.document import SpecDocument
from tone_shootout.rendering.spec.grid import expand


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


def test_a_pointer_to_a_chain_of_a_grid_leads_to_its_entry_in_the_config() -> None:
    document = msgspec.convert(
        {
            "di_tracks": [{"name": "Riff", "file": "riff"}],
            "chains": [{"name": "Own", "blocks": [{"type": "gain", "gain_db": 0.0}]}],
            "grid": {"captures": [f"amp-{number}" for number in range(9)], "cab_irs": ["cab-0", "cab-1", "cab-2"]},
        },
        SpecDocument,
    )
    spec = expand(document, limits=msgspec.structs.replace(DEFAULT_LIMITS, chains=99)).spec
    inputs = Inputs(spec=spec, assets={}, document=document)
    kept = msgspec.convert(msgspec.to_builtins(inputs), Inputs)
    assert kept.locate("/chains/0/blocks/0") == "/chains/0/blocks/0"
    assert kept.locate("/chains/5/blocks/0") == "/grid/captures/1"
    assert kept.locate("/chains/5/blocks/1") == "/grid/cab_irs/1"
    assert Inputs(spec=spec, assets={}).locate("/chains/5/blocks/0") == "/chains/5/blocks/0"
