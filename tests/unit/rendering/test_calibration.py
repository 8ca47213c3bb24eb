"""Chains are calibrated if both levels are known; a mix of calibrated and uncalibrated chains causes a notice."""

from typing import Any

import msgspec
import pytest

from tests.support.specs import FACTS, blocks, capture_facts, spec
from tone_shootout.rendering.media_info import MediaInfo, SizeInfo
from tone_shootout.rendering.plan.planner import Plan, plan
from tone_shootout.rendering.spec.schema import Spec

LEVEL = capture_facts("level.nam", gear_type="amp", input_level_dbu=12.0)
KNOWN: dict[str, MediaInfo] = {**FACTS, "level.nam": LEVEL}


def _spec(*chains: list[str], calibration_dbu: float | None = 13.0, **more: Any) -> Spec:
    shootout = spec(*({"name": f"Chain {i}", "blocks": blocks(*chain)} for i, chain in enumerate(chains)), **more)
    track = msgspec.structs.replace(shootout.di_tracks[0], calibration_dbu=calibration_dbu)
    return msgspec.structs.replace(shootout, di_tracks=(track,))


def _warned(planned: Plan) -> list[tuple[str, str]]:
    return [(notice.code, notice.pointer) for notice in planned.notices]


def test_uncalibrated_chains_next_to_calibrated_ones_are_named() -> None:
    planned = plan(_spec(["level.nam", "cab.wav"], ["amp.nam", "cab.wav"]), KNOWN)
    assert _warned(planned) == [("uneven_calibration", "/chains/1")]
    detail = planned.notices[0].detail
    assert "“Chain 0” is calibrated, that of “Chain 1” is not" in detail
    assert "not comparable" in detail
    assert "\n" not in detail


@pytest.mark.parametrize(
    "shootout",
    [
        _spec(["level.nam", "cab.wav"], ["level.nam"], allow=("no_cab",)),
        _spec(["amp.nam", "cab.wav"], ["combo.nam"], calibration_dbu=None),
        _spec(["level.nam", "cab.wav"]),
    ],
    ids=["all are", "none is", "one chain"],
)
def test_equally_calibrated_chains_have_no_notice(shootout: Spec) -> None:
    assert _warned(plan(shootout, KNOWN)) == []


def test_a_level_that_only_the_di_track_states_is_reported() -> None:
    planned = plan(_spec(["amp.nam", "cab.wav"], ["combo.nam"]), KNOWN)
    assert _warned(planned) == [("one_sided_calibration", "/di_tracks/0/calibration_dbu")]
    assert "no capture states its own" in planned.notices[0].detail


def test_a_level_that_only_captures_state_is_reported() -> None:
    planned = plan(_spec(["level.nam", "cab.wav"], ["amp.nam", "cab.wav"], calibration_dbu=None), KNOWN)
    assert _warned(planned) == [("one_sided_calibration", "/di_tracks/0/calibration_dbu")]
    assert "“Chain 0” states its input level, but the DI track “Riff in E” does not" in planned.notices[0].detail


def test_a_level_that_only_some_di_tracks_state_is_reported() -> None:
    shootout = _spec(["level.nam", "cab.wav"])
    second = msgspec.structs.replace(shootout.di_tracks[0], name="Other", calibration_dbu=None)
    planned = plan(msgspec.structs.replace(shootout, di_tracks=(*shootout.di_tracks, second)), KNOWN)
    assert _warned(planned) == [("one_sided_calibration", "/di_tracks/1/calibration_dbu")]
    assert "“Other” does not state its own, as “Riff in E” does" in planned.notices[0].detail


def test_captures_without_media_info_have_no_notice() -> None:
    unknown = msgspec.structs.replace(capture_facts("amp.nam"), architecture="unknown")
    assert _warned(plan(_spec(["level.nam", "cab.wav"], ["amp.nam", "cab.wav"]), {**KNOWN, "amp.nam": unknown})) == []


@pytest.mark.parametrize(("size", "drive"), [(None, 1.0), (1.0, 1.0), (0.5, 1.0), (0.49, 3.0), (0.0, 3.0)])
def test_a_container_is_calibrated_by_the_selected_submodel(size: float | None, drive: float) -> None:
    sizes = (SizeInfo(below=0.5, input_level_dbu=10.0), SizeInfo(below=1.0, input_level_dbu=12.0))
    facts = msgspec.structs.replace(LEVEL, slimmable=True, sizes=sizes)
    block: dict[str, Any] = {"type": "capture", "file": "level.nam", "size": size}
    planned = plan(_spec([block, "cab.wav"]), {**KNOWN, "level.nam": facts})  # type: ignore[list-item]
    assert planned.segments[0].stages[0].drive_db == pytest.approx(drive)
