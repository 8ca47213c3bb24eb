"""The steps of a plan: each shared capture runs once, and nothing that is cached."""

import math
from typing import Any

import msgspec
import pytest

from tests.support.specs import FACTS, blocks, capture_facts, ir_facts, spec
from tone_shootout.rendering.engine.schedule import Step, schedule, sound_keys
from tone_shootout.rendering.media_info import Limits
from tone_shootout.rendering.plan.planner import Plan, plan

AMPS = [f"amp-{n}.nam" for n in range(4)]
CABS = [f"cab-{n}.wav" for n in range(5)]
GEAR = {name: capture_facts(name, gear_type="amp") for name in AMPS} | {name: ir_facts(name) for name in CABS}
GRID: list[dict[str, Any]] = [{"name": f"{amp} {cab}", "blocks": blocks(amp, cab)} for amp in AMPS for cab in CABS]


def planned(*chains: dict[str, Any], **more: Any) -> Plan:
    return plan(spec(*chains, **more), {**FACTS, **GEAR}, limits=Limits(chains=20))


def run(plan: Plan, there: set[str] | None = None) -> list[Step]:
    return [step for steps in schedule(plan, there or set()) for step in steps]


def test_four_amps_through_five_cabs_run_four_inferences() -> None:
    rounds = schedule(planned(*GRID), set())
    assert [len(steps) for steps in rounds] == [4, 16]
    assert [sum(step.inferences for step in steps) for steps in rounds] == [4, 0]
    assert all(not step.resumes for step in rounds[0])
    assert {key for step in rounds[1] for key in step.resumed_keys} == {
        step.segment.stages[0].key for step in rounds[0]
    }, "the others go on from what the first four have made"


def test_a_round_only_needs_outputs_of_earlier_rounds() -> None:
    cabs = [{"name": f"P {amp} {cab}", "blocks": blocks("pedal.nam", amp, cab)} for amp in AMPS for cab in CABS]
    ready: set[str] = set()
    steps = schedule(planned(*cabs), set())
    for turn in steps:
        made = [stage.key for step in turn for stage in step.stages if stage.inference]
        assert len(made) == len(set(made))
        assert all(key in ready for step in turn for key in step.resumed_keys)
        ready |= set(made)
    assert sum(step.inferences for turn in steps for step in turn) == 1 + len(AMPS)
    assert sorted(step.segment.position for turn in steps for step in turn) == list(range(1, 21))


def test_available_outputs_are_not_rendered_again() -> None:
    made = planned(*GRID)
    assert schedule(made, {segment.render_key for segment in made.segments}) == []
    behind_captures = {segment.stages[0].key for segment in made.segments}
    (once,) = schedule(made, behind_captures)
    assert [(step.runs, step.inferences) for step in once] == [((1,), 0)] * 20
    assert math.fsum(step.cost for step in once) == pytest.approx(
        math.fsum(segment.stages[1].cost for segment in made.segments)
    )


def test_a_step_resumes_from_the_last_available_output() -> None:
    made = planned({"name": "Boosted", "blocks": blocks("pedal.nam", "amp-0.nam", "cab-0.wav")})
    pedal, amp, _ = made.segments[0].stages
    (step,) = run(made, {pedal.key, amp.key})
    assert (step.resumed_keys, step.inferences) == ((amp.key,), 0)
    (step,) = run(made, {pedal.key})
    assert (step.resumed_keys, step.inferences) == ((pedal.key,), 1)


def test_changing_one_chain_of_eight_leaves_one_to_render() -> None:
    there = sound_keys(planned(*GRID[:8]))
    changed = {**GRID[7], "blocks": blocks("amp-3.nam", "cab-2.wav")}
    steps = run(planned(*GRID[:7], changed), there)
    assert [(step.segment.position, step.inferences) for step in steps] == [(8, 1)]


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Another"},
        {"level": {"target_lufs": -20.0}},
        {"tracks": [{"name": "Another", "file": "riff.wav"}]},
    ],
)
def test_names_and_levels_leave_nothing_to_render(change: dict[str, Any]) -> None:
    there = sound_keys(planned(*GRID))
    renamed = [{**chain, "name": f"No. {n}", "trim_db": -1.0} for n, chain in enumerate(GRID)]
    assert run(planned(*renamed, **change), there) == []


@pytest.mark.parametrize(
    "change", [{"input_gain_db": 1.0}, {"file": "amp-1.nam"}], ids=["input gain", "another capture"]
)
def test_a_capture_with_another_drive_runs_again(change: dict[str, Any]) -> None:
    there = sound_keys(planned(GRID[0]))
    capture, cab = GRID[0]["blocks"]
    (step,) = run(planned({"name": "Changed", "blocks": [{**capture, **change}, cab]}), there)
    assert (step.resumes, step.inferences) == ((), 1)


def test_equal_chains_are_one_step() -> None:
    twice = planned(GRID[0], {**GRID[0], "name": "Again"})
    assert [step.segment.position for step in run(twice)] == [1]


def test_outputs_of_effects_are_not_cached() -> None:
    effects = [{"type": "gain", "gain_db": 1.0}, {"type": "reverb", "reverb_type": "room"}]
    made = planned({"name": "Wet", "blocks": [effects[0], *blocks("amp-0.nam", "cab-0.wav"), effects[1]]})
    (segment,) = made.segments
    assert sound_keys(made) == {segment.render_key, segment.stages[1].key}
    assert msgspec.json.decode(msgspec.json.encode(made), type=Plan) == made
