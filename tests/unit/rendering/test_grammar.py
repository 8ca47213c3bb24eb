"""The chain grammar, against the table of FAIRNESS: `pedals* → (amp + one cab IR | amp-and-cab capture) → post*`."""

from typing import Any

import msgspec
import pytest

from tests.support.specs import FACTS, blocks, capture_facts, spec
from tone_shootout.rendering.media_info import MediaInfo, SizeInfo, gear_name
from tone_shootout.rendering.plan.planner import plan
from tone_shootout.rendering.spec.schema import InvalidSpec

GAIN = {"type": "gain", "gain_db": 3.0}
EQ = {"type": "eq", "bands": [{"type": "peak", "frequency_hz": 3000.0, "gain_db": 2.0}]}


def _faults(chain: dict[str, Any] | list[dict[str, Any]], **more: Any) -> list[tuple[str, str]]:
    try:
        plan(spec(chain, **more), FACTS)
    except InvalidSpec as invalid:
        return [(error.code, error.pointer) for error in invalid.errors]
    return []


@pytest.mark.parametrize(
    "chain",
    [
        ["amp.nam", "cab.wav"],
        ["combo.nam"],
        ["pedal.nam", "amp.nam", "cab.wav"],
        ["pedal.nam", "pedal.nam", "combo.nam"],
        [GAIN, "pedal.nam", EQ, "amp.nam", GAIN, "cab.wav", EQ],
        ["unknown.nam", "cab.wav"],
        ["unknown.nam"],
        ["unknown.nam", "other.nam", "cab.wav"],
        ["unknown.nam", "amp.nam", "cab.wav"],
        ["pedal.nam", "unknown.nam"],
    ],
)
def test_a_complete_chain_is_accepted(chain: list[Any]) -> None:
    assert _faults(blocks(*chain)) == []


@pytest.mark.parametrize(
    ("chain", "faults"),
    [
        (["pedal.nam"], [("no_amp", "/chains/0/blocks")]),
        (["cab.wav"], [("no_amp", "/chains/0/blocks")]),
        ([GAIN], [("no_amp", "/chains/0/blocks")]),
        (["amp.nam"], [("ir_required", "/chains/0/blocks")]),
        (["amp.nam", "amp.nam", "cab.wav"], [("multiple_amps", "/chains/0/blocks/1")]),
        (["amp.nam", "combo.nam"], [("multiple_amps", "/chains/0/blocks/1")]),
        (["combo.nam", GAIN, "cab.wav"], [("ir_forbidden", "/chains/0/blocks/2")]),
        (["amp.nam", "cab.wav", "cab2.wav"], [("multiple_irs", "/chains/0/blocks/2")]),
        (["cab.wav", "amp.nam"], [("invalid_order", "/chains/0/blocks/1")]),
        (["amp.nam", "pedal.nam", "cab.wav"], [("invalid_order", "/chains/0/blocks/1")]),
        (["amp.nam", "cab.wav", "pedal.nam"], [("invalid_order", "/chains/0/blocks/2")]),
        (["unknown.nam", "cab.wav", "cab2.wav"], [("multiple_irs", "/chains/0/blocks/2")]),
        (
            ["amp.nam", "amp.nam", "cab.wav", "cab2.wav"],
            [("multiple_amps", "/chains/0/blocks/1"), ("multiple_irs", "/chains/0/blocks/3")],
        ),
    ],
)
def test_an_invalid_chain_is_rejected_with_a_pointer(chain: list[Any], faults: list[tuple[str, str]]) -> None:
    assert _faults(blocks(*chain)) == faults


@pytest.mark.parametrize("gear", ["amp", "preamp", "pedal_amp"])
def test_the_gear_in_the_spec_takes_precedence_over_the_file(gear: str) -> None:
    stated = {"type": "capture", "file": "combo.nam", "gear": gear}
    assert _faults([stated]) == [("ir_required", "/chains/0/blocks")]
    assert _faults(blocks(stated, "cab.wav")) == []


@pytest.mark.parametrize("gear", ["amp_cab", "amp_pedal_cab"])
def test_gear_with_its_cabinet_takes_no_ir(gear: str) -> None:
    stated = {"type": "capture", "file": "amp.nam", "gear": gear}
    assert _faults([stated]) == []
    assert _faults(blocks(stated, "cab.wav")) == [("ir_forbidden", "/chains/0/blocks/1")]


def _capture(**stated: Any) -> dict[str, MediaInfo]:
    facts = capture_facts("some.nam", slimmable=True)
    return {**FACTS, "some.nam": msgspec.structs.replace(facts, **stated)}


def _judged(facts: dict[str, MediaInfo], *chain: Any, **more: Any) -> list[str]:
    try:
        plan(spec(blocks(*chain), **more), facts)
    except InvalidSpec as invalid:
        return [error.code for error in invalid.errors]
    return []


@pytest.mark.parametrize("gear", ["amp_cab", "full-rig", "amp-cab", "AMP-CAB", "amp cab", "Full Rig"])
def test_a_full_rig_in_any_spelling_before_a_cab_ir_is_rejected_unless_allowed(gear: str) -> None:
    facts = _capture(gear=gear_name(gear))
    assert _judged(facts, "some.nam") == []
    assert _judged(facts, "some.nam", "cab.wav") == ["ir_forbidden"]
    assert _judged(facts, "some.nam", "cab.wav", allow=["ir_forbidden"]) == []


@pytest.mark.parametrize("gear", ["studio", "outboard", "space"])
@pytest.mark.parametrize(
    "chain",
    [
        ["some.nam", "amp.nam", "cab.wav"],
        ["amp.nam", "some.nam", "cab.wav"],
        ["pedal.nam", "amp.nam", "cab.wav", "some.nam"],
        ["some.nam", "combo.nam", "some.nam"],
    ],
)
def test_outboard_is_allowed_anywhere(gear: str, chain: list[str]) -> None:
    assert _judged(_capture(gear=gear), *chain) == []


def test_outboard_is_neither_amp_nor_cabinet() -> None:
    facts = _capture(gear="studio")
    assert _judged(facts, "some.nam") == ["no_amp"]
    assert _judged(facts, "amp.nam", "some.nam") == ["ir_required"]
    assert _judged(facts, "combo.nam", "some.nam", "cab.wav") == ["ir_forbidden"]


def test_a_capture_of_a_cabinet_is_a_cabinet() -> None:
    facts = _capture(gear="cab")
    assert _judged(facts, "amp.nam", "some.nam") == []
    assert _judged(facts, "combo.nam", "some.nam") == ["ir_forbidden"]
    assert _judged(facts, "amp.nam", "some.nam", "cab.wav") == ["multiple_irs"]


@pytest.mark.parametrize(
    ("stated", "block", "faults"),
    [
        ({"gear": "amp", "catalog_gear": "amp_cab"}, {}, ["ir_forbidden"]),
        ({"gear": "amp_cab", "catalog_gear": "amp"}, {}, []),
        ({"gear": "amp_cab", "catalog_gear": "experimental"}, {}, ["ir_forbidden"]),
        ({"gear": "amp_cab", "catalog_gear": None}, {}, ["ir_forbidden"]),
        ({"gear": "amp", "catalog_gear": "amp_cab"}, {"gear": "amp"}, []),
    ],
)
def test_gear_of_the_spec_precedes_the_catalog_which_precedes_the_file(
    stated: dict[str, Any], block: dict[str, Any], faults: list[str]
) -> None:
    assert _judged(_capture(**stated), {"type": "capture", "file": "some.nam", **block}, "cab.wav") == faults


def test_the_gear_of_a_container_is_that_of_the_selected_size() -> None:
    sizes = (SizeInfo(below=0.5, gear="amp"), SizeInfo(below=1.0, gear="amp_cab"))
    facts = _capture(gear="amp_cab", sizes=sizes)
    assert _judged(facts, {"type": "capture", "file": "some.nam", "size": 0.2}, "cab.wav") == []
    assert _judged(facts, {"type": "capture", "file": "some.nam"}, "cab.wav") == ["ir_forbidden"]


@pytest.mark.parametrize(
    ("chain", "allow"),
    [
        (["amp.nam"], "no_cab"),
        (["amp.nam"], "ir_required"),
        (["pedal.nam"], "no_amp"),
        (["amp.nam", "amp.nam", "cab.wav"], "multiple_amps"),
        (["combo.nam", "cab.wav"], "ir_forbidden"),
        (["amp.nam", "cab.wav", "cab2.wav"], "multiple_irs"),
        (["cab.wav", "amp.nam"], "invalid_order"),
    ],
)
def test_each_rule_can_be_ignored_for_one_chain_or_for_all(chain: list[Any], allow: str) -> None:
    assert len(_faults(blocks(*chain))) == 1
    assert _faults({"name": "Meant", "blocks": blocks(*chain), "allow": [allow]}) == []
    assert _faults(blocks(*chain), allow=[allow]) == []


def test_a_bypassed_block_does_not_count() -> None:
    bypassed = {"type": "cab_ir", "file": "cab2.wav", "bypass": True}
    assert _faults(blocks("amp.nam", "cab.wav", bypassed)) == []
    assert _faults(blocks("amp.nam", bypassed)) == [("ir_required", "/chains/0/blocks")]


def test_all_violations_of_all_chains_are_reported_together() -> None:
    with pytest.raises(InvalidSpec) as caught:
        plan(spec(blocks("amp.nam"), blocks("combo.nam"), blocks("combo.nam", "cab.wav")), FACTS)
    assert [(error.code, error.pointer) for error in caught.value.errors] == [
        ("ir_required", "/chains/0/blocks"),
        ("ir_forbidden", "/chains/2/blocks/1"),
    ]
