"""Notices about the files and settings of a shootout are in the plan, each once, with a pointer to the first use."""

from typing import Any

import msgspec
import pytest

from tests.support.specs import FACTS, blocks, spec
from tone_shootout.audio.notices import FileNotice
from tone_shootout.rendering.media_info import MediaInfo
from tone_shootout.rendering.notices import located, spec_notices
from tone_shootout.rendering.plan.planner import plan
from tone_shootout.rendering.spec.document import SpecDocument
from tone_shootout.rendering.spec.grid import expand
from tone_shootout.rendering.spec.schema import InvalidSpec

LATE = FileNotice("late_onset", "the response starts 23.4 ms late.")
CLIPPED = FileNotice("clipped", "3 samples are at full scale.")


def test_a_notice_of_a_file_is_in_the_plan_once_with_the_pointer_to_its_first_use() -> None:
    noticed: dict[str, MediaInfo] = {
        **FACTS,
        "riff.wav": msgspec.structs.replace(FACTS["riff.wav"], notices=(CLIPPED,)),
        "cab.wav": msgspec.structs.replace(FACTS["cab.wav"], notices=(LATE,)),
    }
    bypassed = {"type": "cab_ir", "file": "cab.wav", "bypass": True}
    shootout = spec(
        blocks("combo.nam", bypassed),
        blocks("amp.nam", "cab.wav"),
        {"name": "Again", "blocks": blocks("amp.nam", "cab.wav"), "trim_db": 1.0},
    )
    assert [(notice.code, notice.pointer, notice.detail) for notice in plan(shootout, noticed).notices] == [
        ("clipped", "/di_tracks/0", "DI track “Riff in E”: 3 samples are at full scale."),
        ("late_onset", "/chains/1/blocks/1", "Chain “Chain 1”, cab IR: the response starts 23.4 ms late."),
    ]


def test_media_info_stored_without_notices_is_read_without_notices() -> None:
    kept = msgspec.to_builtins(FACTS["riff.wav"])
    del kept["notices"]
    assert msgspec.convert(kept, MediaInfo) == FACTS["riff.wav"]


def _codes(*chains: Any, **more: Any) -> list[tuple[str, str]]:
    return [(notice.code, notice.pointer) for notice in plan(spec(*chains, **more), FACTS).notices]


def test_a_capture_of_unknown_gear_is_reported_at_its_first_use_with_what_to_write() -> None:
    planned = plan(spec(blocks("unknown.nam", "cab.wav"), blocks("other.nam", "unknown.nam")), FACTS)
    assert [(notice.code, notice.pointer) for notice in planned.notices] == [
        ("gear_not_stated", "/chains/0/blocks/0"),
        ("gear_not_stated", "/chains/1/blocks/0"),
    ]
    assert "Chain “Chain 0”, capture: the file does not state its gear" in planned.notices[0].detail
    assert 'Write gear = "amp" into its block' in planned.notices[0].detail


@pytest.mark.parametrize("changes", [{"catalog_gear": "amp"}, {"gear": "preamp"}, {"architecture": "unknown"}])
def test_a_capture_whose_gear_is_known_is_not_reported(changes: dict[str, Any]) -> None:
    known = msgspec.structs.replace(FACTS["unknown.nam"], **changes)
    assert plan(spec(blocks("unknown.nam", "cab.wav")), {**FACTS, "unknown.nam": known}).notices == ()


def test_gear_that_the_block_states_suffices() -> None:
    assert _codes(blocks({"type": "capture", "file": "unknown.nam", "gear": "amp"}, "cab.wav")) == []


def test_a_gear_type_that_nobody_knows_is_quoted() -> None:
    strange = msgspec.structs.replace(FACTS["unknown.nam"], gear="toaster")
    (notice,) = plan(spec(blocks("unknown.nam", "cab.wav")), {**FACTS, "unknown.nam": strange}).notices
    assert "states the unknown gear “toaster”" in notice.detail


def test_names_that_repeat_are_reported() -> None:
    chains = [{"name": "Plexi", "blocks": blocks(*files)} for files in (("amp.nam", "cab.wav"), ("combo.nam",))]
    tracks = [{"name": "Riff", "file": file} for file in ("riff.wav", "arpeggio.wav")]
    assert _codes(*chains, tracks=tracks) == [
        ("repeated_name", "/di_tracks/1/name"),
        ("repeated_name", "/chains/1/name"),
    ]


def test_chains_that_sound_alike_are_reported() -> None:
    same = [*blocks("amp.nam", "cab.wav"), {"type": "gain", "gain_db": 3.0, "bypass": True}]
    planned = plan(spec(blocks("amp.nam", "cab.wav"), blocks("combo.nam"), same), FACTS)
    assert [(notice.code, notice.pointer) for notice in planned.notices] == [("identical_chains", "/chains/2")]
    assert "“Chain 0” and “Chain 2”, are identical" in planned.notices[0].detail


@pytest.mark.parametrize(
    ("band", "stated"),
    [
        ({"type": "peak", "frequency_hz": 3.0, "gain_db": 4.0}, "a peak at 3 Hz changes nothing that can be heard"),
        ({"type": "peak", "frequency_hz": 3.0}, "Is 3000 Hz meant?"),
        ({"type": "high_shelf", "frequency_hz": 21_000.0, "gain_db": 4.0}, "high shelf at 21000 Hz changes nothing"),
        ({"type": "lowpass", "frequency_hz": 8.0}, "leaves nothing"),
        ({"type": "highpass", "frequency_hz": 22_000.0}, "leaves nothing"),
        ({"type": "highpass", "frequency_hz": 10.0}, None),  # removes DC
        ({"type": "lowpass", "frequency_hz": 21_000.0}, None),
        ({"type": "peak", "frequency_hz": 20.0}, None),
    ],
)
def test_a_filter_that_can_t_be_meant_is_reported(band: dict[str, Any], stated: str | None) -> None:
    notices = plan(spec(blocks("amp.nam", "cab.wav", {"type": "eq", "bands": [band]})), FACTS).notices
    if stated is None:
        assert notices == ()
    else:
        assert [(notice.code, notice.pointer) for notice in notices] == [
            ("implausible_filter", "/chains/0/blocks/2/bands/0/frequency_hz")
        ]
        assert stated in notices[0].detail


def test_cuts_of_a_cab_that_cross_are_reported() -> None:
    crossed = {"type": "cab_ir", "file": "cab.wav", "low_cut_hz": 8000.0, "high_cut_hz": 80.0}
    assert _codes(blocks("amp.nam", crossed)) == [("implausible_filter", "/chains/0/blocks/1/high_cut_hz")]
    assert _codes(blocks("amp.nam", {**crossed, "bypass": True}, "cab.wav")) == []


def test_a_swapped_capture_and_cab_are_recognized() -> None:
    swapped = blocks({"type": "capture", "file": "cab.wav", "gear": "amp"}, {"type": "cab_ir", "file": "amp.nam"})
    with pytest.raises(InvalidSpec) as caught:
        plan(spec(swapped), FACTS)
    details = [error.detail for error in caught.value.errors if error.code == "wrong_kind"]
    assert 'is type = "cab_ir" meant?' in details[0]
    assert 'is type = "capture" meant?' in details[1]


def test_an_amp_without_a_cab_is_told_how_to_allow_it() -> None:
    with pytest.raises(InvalidSpec, match=r'allow = \["no_cab"\]'):
        plan(spec(blocks("amp.nam")), FACTS)


def test_a_notice_about_the_template_of_a_grid_is_given_once() -> None:
    band = {"type": "peak", "frequency_hz": 3.0, "gain_db": 4.0}
    template = [{"type": "capture"}, {"type": "cab_ir"}, {"type": "eq", "bands": [band]}]
    grid = {"captures": ["amp.nam", "pedal.nam"], "cab_irs": ["cab.wav", "cab2.wav"], "template": template}
    document = {"di_tracks": [{"name": "Riff", "file": "riff.wav"}], "grid": grid}
    expansion = expand(msgspec.convert(document, SpecDocument))
    found = list(spec_notices(expansion.spec, FACTS))
    assert len(found) == 4
    assert [(notice.code, notice.pointer) for notice in located(found, expansion.pointer)] == [
        ("implausible_filter", "/grid/template/2/bands/0/frequency_hz")
    ]
