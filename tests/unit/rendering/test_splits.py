"""Splits: which chains are complete, what runs once, and what is summed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.render_inputs import RATE, lay_out, plain_gain, plan_in, plucks
from tests.support.specs import FACTS, blocks, capture_facts, spec, split
from tone_shootout.rendering.engine.chain import SourceCache, render_segment
from tone_shootout.rendering.engine.schedule import schedule
from tone_shootout.rendering.errors import RenderError
from tone_shootout.rendering.executor.tasks import SourceFile
from tone_shootout.rendering.plan.planner import Plan, plan
from tone_shootout.rendering.spec.schema import InvalidSpec

CABS = split(blocks("cab.wav"), blocks("cab2.wav"))
AMPS = split(blocks("amp.nam", "cab.wav"), blocks("combo.nam"))


def _faults(*chain: dict[str, Any], **more: Any) -> list[tuple[str, str]]:
    try:
        plan(spec(list(chain), **more), FACTS)
    except InvalidSpec as invalid:
        return [(error.code, error.pointer) for error in invalid.errors]
    return []


@pytest.mark.parametrize(
    "chain",
    [
        [*blocks("amp.nam"), CABS],
        [*blocks("pedal.nam"), AMPS],
        [split(blocks("amp.nam"), blocks("pedal.nam", "amp.nam")), *blocks("cab.wav")],
        [split(blocks("combo.nam"), [])],
        [*blocks("pedal.nam"), split(blocks("amp.nam", "cab.wav"), [{"type": "gain", "gain_db": 1.0}])],
        [split([], blocks("pedal.nam")), *blocks("amp.nam"), CABS],
    ],
)
def test_a_chain_is_complete_if_each_way_through_it_is(chain: list[dict[str, Any]]) -> None:
    assert _faults(*chain) == []


@pytest.mark.parametrize(
    ("chain", "faults"),
    [
        ([CABS], [("no_amp", "/chains/0/blocks/0/paths/0"), ("no_amp", "/chains/0/blocks/0/paths/1")]),
        ([split([], []), *blocks("amp.nam")], [("ir_required", "/chains/0/blocks/0/paths/0")]),
        ([split(blocks("amp.nam"), []), *blocks("cab.wav")], [("no_amp", "/chains/0/blocks/0/paths/1")]),
        ([*blocks("amp.nam"), split(blocks("cab.wav"), [])], [("ir_required", "/chains/0/blocks/1/paths/1")]),
        ([*blocks("combo.nam"), CABS], [("ir_forbidden", f"/chains/0/blocks/1/paths/{n}/blocks/0") for n in (0, 1)]),
        ([*blocks("amp.nam"), CABS, *blocks("cab.wav")], [("multiple_irs", "/chains/0/blocks/2")]),
        ([AMPS, *blocks("cab.wav")], [("multiple_irs", "/chains/0/blocks/1"), ("ir_forbidden", "/chains/0/blocks/1")]),
        (
            [*blocks("amp.nam"), split(blocks("amp.nam", "cab.wav"), blocks("cab.wav"))],
            [("multiple_amps", "/chains/0/blocks/1/paths/0/blocks/0")],
        ),
        (
            [split([], []), split([], []), split([], []), split([], []), split([], [])],
            [("too_many_splits", "/chains/0/blocks")],
        ),
    ],
)
def test_a_fault_points_to_its_block_or_path(chain: list[dict[str, Any]], faults: list[tuple[str, str]]) -> None:
    found = _faults(*chain)
    assert set(faults) <= set(found)
    assert {code for code, _ in found} == {code for code, _ in faults}


def test_allow_and_bypass_hold_for_paths() -> None:
    chain = [*blocks("amp.nam"), split(blocks("cab.wav"), [])]
    assert _faults(*chain, allow=["no_cab"]) == []
    assert _faults(*blocks("combo.nam"), {**CABS, "bypass": True}) == []
    bypassed = [{**blocks("cab2.wav")[0], "bypass": True}]
    assert _faults(*blocks("amp.nam"), split(blocks("cab.wav"), bypassed)) == [
        ("ir_required", "/chains/0/blocks/1/paths/1")
    ]


def test_faults_of_parts_of_a_path_point_into_it() -> None:
    eq = {"type": "eq", "bands": [{"type": "peak", "frequency_hz": 24_000.0}]}
    pointer = "/chains/0/blocks/1/paths/1/blocks"
    assert _faults(*blocks("amp.nam"), split(blocks("cab.wav"), [*blocks("no.wav"), eq])) == [
        ("missing_asset", f"{pointer}/0/file"),
        ("beyond_nyquist", f"{pointer}/1/bands/0/frequency_hz"),
    ]


def test_what_paths_share_is_one_stage_and_runs_once() -> None:
    shared = split(blocks("amp.nam", "cab.wav"), blocks("amp.nam", "cab2.wav"))
    before = [*blocks("amp.nam"), CABS]
    planned = plan(spec(blocks("amp.nam", "cab.wav"), before, [shared]), FACTS)
    assert [len(segment.stages) for segment in planned.segments] == [2, 4, 4]
    assert len({stage.key for segment in planned.segments for stage in segment.stages if stage.inference}) == 1
    assert sum(step.inferences for steps in schedule(planned, set()) for step in steps) == 1


def test_everything_of_a_path_is_part_of_the_key() -> None:
    def key(*paths: dict[str, Any]) -> str:
        return plan(spec([*blocks("amp.nam"), split(*paths)]), FACTS).segments[0].render_key

    one, two = ({"blocks": blocks(cab)} for cab in ("cab.wav", "cab2.wav"))
    changed = [{"mix_db": -1.0}, {"polarity": "inverted"}, {"align": False}, {"blocks": blocks("cab.wav")}]
    assert len({key(one, two), key(two, one), *(key(one, {**two, **change}) for change in changed)}) == 6
    assert key(one, two) == key({**one, "mix_db": -0.0}, two)


def test_each_path_calibrates_its_first_capture() -> None:
    facts = {
        **FACTS,
        "one.nam": capture_facts("one.nam", gear_type="amp_cab", input_level_dbu=10.0),
        "two.nam": capture_facts("two.nam", gear_type="amp_cab"),
    }
    track = {"name": "Riff", "file": "riff.wav", "calibration_dbu": 12.0}
    planned = plan(spec([split(blocks("one.nam"), blocks("two.nam"))], blocks("one.nam"), tracks=[track]), facts)
    segment = planned.segments[0]
    assert [stage.drive_db for stage in segment.stages] == [2.0, None, None]
    assert segment.calibration.split("; ") == [
        "path 1: +2.00 dB: DI track 12 dBu, capture 10 dBu",
        "path 2: unchanged: the capture does not state its input level",
    ]
    assert "uneven_calibration" in {notice.code for notice in planned.notices}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("sources")
    lay_out(made)
    (made / "low.nam").write_bytes(plain_gain(0.5, rate=44_100))
    (made / "half.nam").write_bytes(plain_gain(0.5))
    return made


def _plan(folder: Path, *chain: dict[str, Any]) -> tuple[Plan, dict[str, SourceFile]]:
    document = spec(list(chain), allow=["no_amp", "no_cab", "multiple_amps"])
    planned, paths = plan_in(folder, document, fades=False)
    return planned, {file: SourceFile(str(path), planned.media_info[file]) for file, path in paths.items()}


def _render(folder: Path, *chain: dict[str, Any], **more: Any) -> NDArray[np.float32]:
    planned, files = _plan(folder, *chain)
    (chain_spec,) = planned.spec.chains
    return render_segment(
        planned.segments[0],
        chain_spec,
        files["riff.wav"],
        files,
        SourceCache(),
        more.pop("report", lambda _: None),
        **more,
    )


def test_a_blend_of_a_path_with_itself_is_a_gain_of_6_db(folder: Path) -> None:
    rig = blocks("a.nam", "cab-a.wav")
    blended = _render(folder, split(rig, rig))
    np.testing.assert_array_equal(blended, 2 * _render(folder, *rig))
    np.testing.assert_allclose(blended, _render(folder, *rig, {"type": "gain", "gain_db": 6.0206}), rtol=1e-5)


def test_opposite_polarities_cancel_and_the_split_is_named(folder: Path) -> None:
    rig = blocks("a.nam", "cab-a.wav")
    with pytest.raises(RenderError) as caught:
        _render(folder, split(rig, {"blocks": rig, "polarity": "inverted"}))
    assert (caught.value.code, caught.value.pointer) == ("silent", "/chains/0/blocks/0")
    assert "block 1 (split) outputs silence" in caught.value.detail


def test_a_dry_path_is_the_input_of_the_split_at_its_gain(folder: Path) -> None:
    received = _render(folder, {"type": "gain", "gain_db": 6.0}, split(blocks("half.nam"), {"mix_db": -12.0}))
    expected = 10 ** (6 / 20) * (0.5 + 10 ** (-12 / 20)) * plucks(2.0)
    np.testing.assert_allclose(received, expected, atol=1e-6)


def test_a_silent_path_names_its_block_if_all_are_silent(folder: Path) -> None:
    gate = {"type": "noise_gate", "threshold_db": 0.0}
    quiet = {"type": "gain", "gain_db": -40.0}
    with pytest.raises(RenderError, match=r"block 1, path 1, block 2 \(noise gate\) outputs silence"):
        _render(folder, split([quiet, gate], [quiet, gate]))
    np.testing.assert_allclose(_render(folder, split([quiet, gate], [])), plucks(2.0), atol=1e-4)


def test_paths_at_other_rates_are_summed_at_that_of_the_split(folder: Path) -> None:
    tone = blocks("half.nam")
    received = _render(folder, *tone, split(blocks("low.nam"), []))
    # The attack of a note has treble that does not pass the lower rate.
    difference = np.square(received - 0.75 * plucks(2.0)).mean() / np.square(received).mean()
    assert 10 * np.log10(difference) < -40.0
    assert received.shape == (2 * RATE,)


def test_paths_are_moved_as_told(folder: Path) -> None:
    received = _render(folder, split(blocks("half.nam"), []), shifts={1: (0, 480)})
    moved = np.append(plucks(2.0)[480:], np.zeros(480, np.float32))
    np.testing.assert_allclose(received, 0.5 * plucks(2.0) + moved, atol=1e-6)


def test_resuming_from_the_captures_of_two_paths_gives_the_same_samples(folder: Path) -> None:
    chain = [
        *blocks("pedal.nam"),
        split(blocks("a.nam", "cab-a.wav"), blocks("b.nam")),
        {"type": "gain", "gain_db": 1.0},
    ]
    kept: dict[int, NDArray[np.float32]] = {}
    whole = _render(folder, *chain, on_stage=lambda number, x: kept.update({number: x.copy()}))
    planned, _ = _plan(folder, *chain)
    stages = planned.segments[0].stages
    captures = {number: stage.key for number, stage in enumerate(stages) if stage.inference}
    (((step,),)) = [[each for steps in schedule(planned, set(captures.values())) for each in steps]]
    assert set(step.resumes) == set(captures) - {0}
    costs: list[float] = []
    again = _render(
        folder, *chain, runs=step.runs, resumed={number: kept[number] for number in step.resumes}, report=costs.append
    )
    assert again.tobytes() == whole.tobytes()
    assert costs[-1] == pytest.approx(step.cost)
