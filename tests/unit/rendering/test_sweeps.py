"""Input sweeps: chains at several levels, grouped by level."""

from typing import Any

import msgspec
import pytest

from tests.support.records import pair
from tests.support.specs import FACTS, blocks, capture_facts, spec, split
from tone_shootout.rendering.executor.sweeps import sweep_distances, swept_tones
from tone_shootout.rendering.media_info import Limits
from tone_shootout.rendering.plan.planner import Plan, plan
from tone_shootout.rendering.spec.document import SpecDocument
from tone_shootout.rendering.spec.grid import Expansion, expand

PLEXI = {"name": "Plexi", "blocks": blocks("amp.nam", "cab.wav")}
COMBO = {"name": "Combo", "blocks": blocks("pedal.nam", "combo.nam")}


def _expand(*chains: dict[str, Any], **more: Any) -> Expansion:
    document = {"di_tracks": [{"name": "Riff", "file": "riff.wav"}], "chains": list(chains), **more}
    return expand(msgspec.convert(document, SpecDocument))


def _plan(*chains: dict[str, Any], **more: Any) -> Plan:
    found = _expand(*chains, **more)
    assert found.errors == ()
    return plan(found.spec, FACTS)


def _names(found: Expansion) -> list[str]:
    return [chain.name for chain in found.spec.chains]


def test_every_chain_is_at_every_level_grouped_by_level() -> None:
    found = _expand(PLEXI, COMBO, sweep=[{"input_db": [-12, 0, 6]}])
    assert _names(found) == [
        *("Plexi, -12 dB", "Combo, -12 dB", "Plexi, 0 dB", "Combo, 0 dB", "Plexi, +6 dB", "Combo, +6 dB"),
    ]
    assert [chain.input_gain_db for chain in found.spec.chains] == [-12.0, -12.0, 0.0, 0.0, 6.0, 6.0]


def test_a_chain_can_have_levels_of_its_own() -> None:
    own = {**COMBO, "input_gain_db": [-6, 0]}
    assert _names(_expand(PLEXI, own)) == ["Plexi", "Combo, 0 dB", "Combo, -6 dB"]
    both = _expand(PLEXI, own, sweep=[{"input_db": [0, 3]}])
    assert _names(both) == ["Plexi, 0 dB", "Combo, 0 dB", "Plexi, +3 dB", "Combo, -6 dB"]


def test_the_level_of_a_chain_is_added_to_those_of_the_sweep() -> None:
    found = _expand({**PLEXI, "input_gain_db": -2.0}, sweep=[{"input_db": [-1, 1]}])
    assert [(chain.name, chain.input_gain_db) for chain in found.spec.chains] == [
        ("Plexi, -1 dB", -3.0),
        ("Plexi, +1 dB", -1.0),
    ]


def test_a_grid_is_swept_too_and_errors_point_to_its_entries() -> None:
    grid = {"captures": ["amp.nam"], "cab_irs": ["cab.wav", "no.wav"]}
    found = _expand(PLEXI, grid=grid, sweep=[{"input_db": [-6, 6]}])
    assert len(found.spec.chains) == 6
    assert found.pointer("/chains/3/blocks/1/file") == "/chains/0/blocks/1/file"
    assert found.pointer("/chains/5/blocks/1/file") == "/grid/cab_irs/1"


def test_a_level_changes_the_input_of_the_first_capture_alone_and_shares_keys_with_its_block() -> None:
    planned = _plan(PLEXI, COMBO, sweep=[{"input_db": [-6, 0]}])
    assert [[stage.input_db for stage in segment.stages] for segment in planned.segments] == [
        [-6.0, 0.0],
        [-6.0, 0.0],
        [0.0, 0.0],
        [0.0, 0.0],
    ]
    lowered = [{"type": "capture", "file": "amp.nam", "input_gain_db": -6.0}, *blocks("cab.wav")]
    written = plan(spec(lowered, PLEXI["blocks"]), FACTS)
    assert [planned.segments[0].render_key, planned.segments[2].render_key] == [
        segment.render_key for segment in written.segments
    ]


def test_each_path_of_a_split_is_driven_by_the_level() -> None:
    chain = {
        "name": "Both",
        "blocks": [split(blocks("combo.nam"), blocks("unknown.nam"))],
        "input_gain_db": [-3.0, 3.0],
    }
    for segment, level in zip(_plan(chain).segments, (-3.0, 3.0), strict=True):
        assert [stage.input_db for stage in segment.stages] == [level, level, 0.0]


@pytest.mark.parametrize(
    ("more", "errors"),
    [
        ({"sweep": [{"input_db": [0, 6, 0]}]}, [("invalid", "/sweep")]),
        ({"sweep": [{"input_db": [0, 6]}, {"input_db": [6]}]}, [("invalid", "/sweep")]),
        ({"sweep": [{"input_db": list(range(9))}]}, [("too_many_chains", "/sweep")]),
    ],
)
def test_impossible_sweeps_are_errors(more: dict[str, Any], errors: list[tuple[str, str]]) -> None:
    found = _expand(PLEXI, COMBO, **more)
    assert [(error.code, error.pointer) for error in found.errors] == errors
    assert _names(found) == ["Plexi", "Combo"]


def test_names_and_levels_that_do_not_fit_point_to_the_chain() -> None:
    found = _expand({**PLEXI, "name": "x" * 75}, {**COMBO, "input_gain_db": 58.0}, sweep=[{"input_db": [3, -3]}])
    assert [(error.code, error.pointer) for error in found.errors] == [
        ("invalid", "/chains/0/name"),
        ("invalid", "/chains/1/input_gain_db"),
    ]


def test_too_many_segments_point_to_the_sweep() -> None:
    tracks = [{"name": f"Riff {n}", "file": "riff.wav"} for n in range(8)]
    document = {"di_tracks": tracks, "chains": [PLEXI], "sweep": [{"input_db": list(range(9))}]}
    found = expand(msgspec.convert(document, SpecDocument), limits=Limits())
    assert [(error.code, error.pointer) for error in found.errors] == [("too_many_segments", "/sweep")]


def test_distances_are_means_over_the_other_tones_of_a_level() -> None:
    third = {"name": "Other", "blocks": blocks("amp.nam", "cab2.wav")}
    planned = _plan(PLEXI, COMBO, third, sweep=[{"input_db": [6, -6]}])
    tones = swept_tones(planned, planned.segments)
    assert list(tones) == ["Plexi", "Combo", "Other"]
    pairs = [pair(one, other, 10.0 * one + other) for one in range(1, 7) for other in range(one + 1, 7)]
    found = sweep_distances(tones, pairs)
    assert found is not None
    assert found.input_db == (-6.0, 6.0)
    # At -6 dB the segments 4 to 6, at 6 dB the segments 1 to 3.
    assert found.distances_db == ((45.5, 12.5), (50.5, 17.5), (51.0, 18.0))


def test_one_tone_or_one_level_is_no_sweep() -> None:
    for planned in (_plan(PLEXI, sweep=[{"input_db": [0, 6]}]), _plan(PLEXI, COMBO)):
        assert swept_tones(planned, planned.segments) == {}


def test_a_silent_level_is_left_out() -> None:
    planned = _plan(PLEXI, COMBO, sweep=[{"input_db": [-60, 0]}])
    tones = swept_tones(planned, planned.segments)
    found = sweep_distances(tones, [pair(3, 4, 2.0)])
    assert found is not None
    assert (found.input_db, found.distances_db) == ((0.0,), ((2.0,), (2.0,)))
    assert sweep_distances(tones, []) is None


def test_a_level_and_a_calibration_add_up() -> None:
    facts = {**FACTS, "amp.nam": capture_facts("amp.nam", gear_type="amp", input_level_dbu=10.0)}
    document = {"di_tracks": [{"name": "Riff", "file": "riff.wav", "calibration_dbu": 12.0}], "chains": [PLEXI]}
    found = expand(msgspec.convert({**document, "sweep": [{"input_db": [-6]}]}, SpecDocument))
    stage = plan(found.spec, facts).segments[0].stages[0]
    assert (stage.drive_db, stage.input_db) == (2.0, -6.0)
