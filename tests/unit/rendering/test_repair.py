"""The valid parts of a malformed spec are checked, and nothing is reported that only follows from a malformed part."""

from typing import Any

import msgspec

from tone_shootout.document_errors import explain_all
from tone_shootout.rendering.media_info import CabIrInfo, CaptureInfo, DiTrackInfo, MediaInfo
from tone_shootout.rendering.plan.planner import plan
from tone_shootout.rendering.spec.document import SpecDocument
from tone_shootout.rendering.spec.grid import expand
from tone_shootout.rendering.spec.repair import repair
from tone_shootout.rendering.spec.schema import InvalidSpec

AMP = {"type": "capture", "file": "amp.nam", "gear": "amp"}
CAB = {"type": "cab_ir", "file": "cab.wav"}
FILES: dict[str, MediaInfo] = {
    "riff.wav": DiTrackInfo(
        sha256="0",
        size_bytes=1,
        sample_rate_hz=48_000,
        samples=48_000,
        duration_s=1.0,
        channels=1,
        peak_dbfs=-6.0,
    ),
    "amp.nam": CaptureInfo(
        sha256="1",
        size_bytes=1,
        architecture="Linear",
        size_class="custom",
        sample_rate_hz=48_000,
        sample_rate_stated=True,
        parameters=1,
        receptive_field_samples=1,
        slimmable=False,
    ),
    "cab.wav": CabIrInfo(sha256="2", size_bytes=1, samples=100, sample_rate_hz=48_000, duration_s=0.1),
}


def _chain(name: str, *blocks: dict[str, Any], **further: Any) -> dict[str, Any]:
    return {"name": name, "blocks": list(blocks), **further}


def _found(**changes: Any) -> list[tuple[str, str]]:
    """Return codes and pointers of the errors of meaning in the valid parts of a malformed document."""
    document = {"di_tracks": [{"name": "Riff", "file": "riff.wav"}], "chains": [_chain("A", AMP, CAB)]} | changes
    structural = explain_all(document, SpecDocument)
    assert structural
    repaired = repair(document, [error.pointer for error in structural], source="file", placeholder="?")
    assert repaired is not None
    expansion = expand(msgspec.convert(repaired.document, SpecDocument))
    try:
        plan(expansion.spec, FILES)
        found = list(expansion.errors)
    except InvalidSpec as invalid:
        found = [*expansion.errors, *expansion.locate(invalid.errors)]
    return [(each.code, each.pointer) for each in found if repaired.concerns(each.code, each.pointer)]


def test_a_chain_is_checked_beside_a_malformed_one() -> None:
    chains = [_chain("A", AMP, CAB | {"mixx": 1}), _chain("B", AMP), _chain("C", CAB, nam="x")]
    assert _found(chains=chains) == [("ir_required", "/chains/1/blocks")]


def test_the_rules_of_a_chain_are_not_checked_where_a_part_of_it_is_malformed() -> None:
    for chain in (
        _chain("A", AMP, {"type": "cab"}),
        _chain("A", AMP, alow=["no_cab"]),
        _chain("A", AMP, allow=["no_cap"]),
        {"name": "A", "bloks": [AMP]},
        {"name": "A", "blocks": []},
        {"name": "A", "blocks": "none"},
        "A",
    ):
        assert _found(chains=[chain]) == [], chain


def test_the_rules_of_a_chain_do_not_depend_on_its_name() -> None:
    assert _found(chains=[_chain("", AMP)]) == [("ir_required", "/chains/0/blocks")]
    assert _found(chains=[_chain("A", AMP, trim_db="loud", allow=["no_cab"])]) == []


def test_files_of_a_malformed_chain_are_checked() -> None:
    blocks = ({"type": "gain"}, AMP | {"file": "gone.nam"}, CAB | {"file": "amp.nam"}, CAB | {"file": 5})
    assert _found(chains=[_chain("A", *blocks)]) == [
        ("missing_asset", "/chains/0/blocks/1/file"),
        ("wrong_kind", "/chains/0/blocks/2/file"),
    ]


def test_di_tracks_are_checked_beside_malformed_ones() -> None:
    tracks = [
        {"name": "A", "file": "riff.wav", "start_s": 9.0},
        {"name": "B", "file": "gone.wav", "start_s": "x"},
        {"name": "C", "file": "riff.wav", "start_s": 9.0, "end": 5},
        {"name": "D"},
    ]
    assert _found(di_tracks=tracks) == [
        ("missing_asset", "/di_tracks/1/file"),
        ("invalid_slice", "/di_tracks/0/start_s"),
    ]


def test_malformed_options_of_the_whole_spec_hide_no_other_error() -> None:
    assert _found(titel="x", level={"target_lufs": 5}, chains=[_chain("A", AMP)]) == [
        ("ir_required", "/chains/0/blocks")
    ]
    assert _found(allow=["no_cap"], chains=[_chain("A", AMP), _chain("B", AMP, CAB, AMP | {"file": "x"})]) == [
        ("missing_asset", "/chains/1/blocks/2/file")
    ]


def test_a_missing_or_malformed_list_is_reported_once() -> None:
    cases: list[dict[str, Any]] = [
        {"chains": 5},
        {"chains": None},
        {"di_tracks": []},
        {"di_tracks": "x"},
        {"di_tracks": [5]},
    ]
    for changes in cases:
        assert _found(**changes) == [], changes


def test_a_malformed_grid_is_reported_once() -> None:
    assert _found(chains=[], grid={"captures": [5]}) == []
    assert _found(grid={"capture": ["amp.nam"]}, chains=[_chain("A", AMP)]) == [("ir_required", "/chains/0/blocks")]


def test_entries_of_a_grid_are_checked_beside_malformed_ones() -> None:
    grid = {
        "captures": [5, "gone.nam", "amp.nam", {"file": "cab.wav"}, {"fil": "x"}],
        "cab_irs": ["cab.wav", "away.wav"],
    }
    assert sorted(_found(chains=[], grid=grid)) == [
        ("missing_asset", "/grid/cab_irs/1"),
        ("missing_asset", "/grid/captures/1"),
        ("wrong_kind", "/grid/captures/3/file"),
    ]
    assert _found(chains=[], grid={"captures": 5, "cab_irs": ["away.wav"]}) == [("missing_asset", "/grid/cab_irs/0")]
    assert _found(chains=[], grid={"captures": ["gone.nam"], "template": [{"type": "capture", "gane": 1}]}) == [
        ("missing_asset", "/grid/captures/0")
    ]
    assert _found(chains=[], grid={"captures": ["amp.nam", 5]}) == []


def test_limits_count_malformed_parts() -> None:
    chains = [_chain(str(number), AMP, CAB) for number in range(16)]
    assert ("too_many_chains", "/chains") in _found(chains=[*chains, "another"])


def test_what_is_no_object_is_not_repaired() -> None:
    assert repair([], [""], source="file", placeholder="?") is None
