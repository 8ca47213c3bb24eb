"""Plans: segments in order, all errors together, and keys that depend only on audible properties."""

import hashlib
import json
from importlib.metadata import version
from typing import Any

import msgspec
import pytest

from tests.support.specs import FACTS, blocks, capture_facts, di_facts, digest, spec
from tone_shootout.rendering.media_info import Limits, MediaInfo
from tone_shootout.rendering.plan.keys import ENGINE, block_document
from tone_shootout.rendering.plan.planner import Plan, plan
from tone_shootout.rendering.spec.schema import InvalidSpec, LeafBlock, Spec

TWO_TRACKS: list[dict[str, Any]] = [
    {"name": "Riff in E", "file": "riff.wav"},
    {"name": "Arpeggio", "file": "arpeggio.wav"},
]
PLEXI: dict[str, Any] = {"name": "Plexi, V30", "blocks": blocks("amp.nam", "cab.wav")}
COMBO: dict[str, Any] = {"name": "Combo", "blocks": blocks("combo.nam")}


def _errors(document: Spec, facts: dict[str, MediaInfo] | None = None, **limits: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidSpec) as caught:
        plan(document, FACTS if facts is None else facts, limits=Limits(**limits))
    return [(error.code, error.pointer) for error in caught.value.errors]


def _sha256_of(document: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _keys(planned: Plan) -> list[str]:
    return [segment.render_key for segment in planned.segments]


def test_every_di_track_goes_through_every_chain_track_by_track() -> None:
    planned = plan(spec(PLEXI, COMBO, tracks=TWO_TRACKS), FACTS)
    assert [(s.position, s.di_name, s.chain_name) for s in planned.segments] == [
        (1, "Riff in E", "Plexi, V30"),
        (2, "Riff in E", "Combo"),
        (3, "Arpeggio", "Plexi, V30"),
        (4, "Arpeggio", "Combo"),
    ]
    assert planned.segments[0].file == "segments/01-riff-in-e--plexi-v30.flac"
    assert [s.samples for s in planned.segments] == [480_000, 480_000, 96_000, 96_000]
    assert planned.seconds == 24.0
    assert planned.cost > 0.0


@pytest.mark.parametrize(
    ("name", "expected"), [("日本語", "di"), ("../../etc/passwd", "etc-passwd"), ("Ä $x_1$ é", "a-x-1-e")]
)
def test_file_names_are_plain_for_any_name(name: str, expected: str) -> None:
    planned = plan(spec(COMBO, tracks=[{"name": name, "file": "riff.wav"}]), FACTS)
    assert planned.segments[0].file == f"segments/01-{expected}--combo.flac"


def test_equal_names_do_not_collide() -> None:
    planned = plan(spec(COMBO, COMBO), FACTS)
    assert len({segment.file for segment in planned.segments}) == 2


def test_a_selected_channel_changes_the_key_and_none_does_not() -> None:
    def keys(channel: str | None = None, di_channel: str | None = None) -> list[str]:
        ir = {"type": "cab_ir", "file": "cab.wav"} | ({"channel": channel} if channel else {})
        track = {"name": "Riff", "file": "riff.wav"} | ({"channel": di_channel} if di_channel else {})
        return _keys(plan(spec(blocks("amp.nam", ir), tracks=[track]), FACTS))

    sides = (None, "left", "right", "mean")
    assert len({tuple(keys(ir, di)) for ir in sides for di in sides}) == 16


@pytest.mark.parametrize("file", ["riff.wav", "cab.wav"])
def test_a_padded_file_has_different_keys(file: str) -> None:
    document = spec(blocks("amp.nam", "cab.wav"))
    padded: dict[str, MediaInfo] = {**FACTS, file: msgspec.structs.replace(FACTS[file], padded=True)}
    assert _keys(plan(document, padded)) != _keys(plan(document, FACTS))


def test_a_di_track_whose_sides_cancel_requires_a_channel() -> None:
    facts: dict[str, MediaInfo] = {**FACTS, "riff.wav": msgspec.structs.replace(FACTS["riff.wav"], cancels=True)}
    tracks = [
        {"name": f"{side}", "file": "riff.wav"} | ({"channel": side} if side else {})
        for side in (None, "mean", "left", "right")
    ]
    assert _errors(spec(COMBO, tracks=tracks), facts) == [
        ("sides_cancel", "/di_tracks/0/channel"),
        ("sides_cancel", "/di_tracks/1/channel"),
    ]


def test_a_plan_round_trips_through_json() -> None:
    planned = plan(spec(PLEXI, COMBO, tracks=TWO_TRACKS), FACTS)
    assert msgspec.json.decode(msgspec.json.encode(planned), type=Plan) == planned


def test_a_render_key_is_the_sha256_of_the_documented_json() -> None:
    track = {"name": "Riff", "file": "riff.wav", "start_s": 1, "end_s": 3}
    chain = {"name": "A", "trim_db": 1, "blocks": blocks("amp.nam", "cab.wav", {"type": "gain", "gain_db": -0.0})}
    document: dict[str, Any] = {
        "engine": ENGINE,
        "libraries": {name: version(name) for name in ("numpy", "scipy", "soxr", "av")},
        "di": {
            "sha256": digest("riff.wav"),
            "start": 48_000,
            "stop": 144_000,
            "fades": {"ms": 5.0, "at": ["start", "end"]},
        },
        "blocks": [
            {"type": "capture", "sha256": digest("amp.nam"), "input_gain_db": 0.0, "size": None, "rate": 48_000},
            {
                "type": "cab_ir",
                "sha256": digest("cab.wav"),
                "mix": 1.0,
                "rate": 48_000,
                "low_cut_hz": None,
                "high_cut_hz": None,
            },
            {"type": "gain", "db": 0.0, "rate": 48_000},
        ],
        "rate": 48_000,
        "fade_ms": 5.0,
    }
    shootout = spec(chain, tracks=[track])
    assert _keys(plan(shootout, FACTS)) == [_sha256_of(document)]
    # Results of versions without fades have neither field.
    del document["fade_ms"], document["di"]["fades"]
    assert _keys(plan(shootout, FACTS, fades=False)) == [_sha256_of(document)]


@pytest.mark.parametrize(
    "other",
    [
        spec(PLEXI, COMBO, title="Another title"),
        spec(PLEXI, COMBO, level={"target_lufs": -23.0, "ceiling_dbtp": -3.0}),
        spec({**PLEXI, "name": "Renamed"}, {**COMBO, "trim_db": 2.0}),
        spec(PLEXI, COMBO, tracks=[{"name": "Renamed", "file": "riff.wav"}]),
        spec(PLEXI, COMBO, tracks=[{"name": "Riff", "file": "riff.wav", "start_s": 0.0, "end_s": 10.0}]),
        spec(PLEXI, COMBO, tracks=[{"name": "Riff", "file": "riff.wav", "calibration_dbu": 12.2}]),
        spec(PLEXI, {"name": "Combo", "blocks": blocks("combo.nam", {"type": "gain", "gain_db": 3.0, "bypass": True})}),
        spec(PLEXI, {"name": "Combo", "blocks": [{"type": "capture", "file": "combo.nam", "gear": "amp_cab"}]}),
    ],
)
def test_inaudible_changes_do_not_change_a_key(other: Spec) -> None:
    assert _keys(plan(other, FACTS)) == _keys(plan(spec(PLEXI, COMBO), FACTS))


def test_a_copy_of_a_file_under_another_name_changes_no_key() -> None:
    facts = {**FACTS, "copy of combo.nam": FACTS["combo.nam"]}
    chain = {"name": "Combo", "blocks": blocks("copy of combo.nam")}
    assert _keys(plan(spec(chain), facts)) == _keys(plan(spec(COMBO), FACTS))


@pytest.mark.parametrize(
    "changed",
    [
        blocks("combo.nam", {"type": "gain", "gain_db": 0.1}),
        [{"type": "capture", "file": "combo.nam", "input_gain_db": 0.1}],
        [{"type": "capture", "file": "unknown.nam"}],
        blocks("combo.nam", {"type": "eq", "bands": [{"type": "peak", "frequency_hz": 3000.0, "gain_db": 2.0}]}),
    ],
)
def test_changing_a_block_changes_the_key_of_its_chain_alone(changed: list[dict[str, Any]]) -> None:
    before = _keys(plan(spec(PLEXI, COMBO, tracks=TWO_TRACKS), FACTS))
    after = _keys(plan(spec(PLEXI, {"name": "Combo", "blocks": changed}, tracks=TWO_TRACKS), FACTS))
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False, True, False]


def test_changing_a_slice_changes_the_keys_of_its_track_alone() -> None:
    cut = [{**TWO_TRACKS[0], "end_s": 5.0}, TWO_TRACKS[1]]
    before = _keys(plan(spec(PLEXI, COMBO, tracks=TWO_TRACKS), FACTS))
    after = _keys(plan(spec(PLEXI, COMBO, tracks=cut), FACTS))
    assert [old == new for old, new in zip(before, after, strict=True)] == [False, False, True, True]


def test_chains_with_equal_first_blocks_share_stage_keys() -> None:
    other_cab = {"name": "Other cab", "blocks": blocks("amp.nam", "cab2.wav")}
    first, second = plan(spec(PLEXI, other_cab), FACTS).segments
    assert first.stages[0].key == second.stages[0].key
    assert first.stages[1].key != second.stages[1].key
    assert first.render_key != second.render_key


def test_known_levels_calibrate_the_first_capture_once_and_are_part_of_the_key() -> None:
    facts: dict[str, MediaInfo] = {
        **FACTS,
        "pedal.nam": capture_facts("pedal.nam", gear_type="pedal", input_level_dbu=14.7),
        "amp.nam": capture_facts("amp.nam", gear_type="amp", input_level_dbu=18.3),
    }
    chain = {"name": "Boosted", "blocks": blocks({"type": "gain", "gain_db": 1.0}, "pedal.nam", "amp.nam", "cab.wav")}
    plain = plan(spec(chain), facts).segments[0]
    segment = plan(spec(chain, tracks=[{"name": "Riff", "file": "riff.wav", "calibration_dbu": 12.2}]), facts).segments[
        0
    ]
    assert [stage.drive_db for stage in plain.stages] == [None, None, None, None]
    assert [stage.drive_db for stage in segment.stages] == [None, pytest.approx(-2.5), None, None]
    assert segment.calibration == "-2.50 dB: DI track 12.2 dBu, capture 14.7 dBu"
    assert segment.render_key != plain.render_key
    assert segment.stages[0].key == plain.stages[0].key


def test_a_chain_runs_at_the_rate_of_its_captures() -> None:
    facts: dict[str, MediaInfo] = {
        **FACTS,
        "riff.wav": di_facts("riff.wav", samples=441_000, rate=44_100),
        "pedal.nam": capture_facts("pedal.nam", gear_type="pedal", rate=44_100),
        "amp.nam": capture_facts("amp.nam", gear_type="amp", rate=96_000),
    }
    chain = {"name": "Mixed", "blocks": blocks({"type": "gain", "gain_db": 1.0}, "pedal.nam", "amp.nam", "cab.wav")}
    segment = plan(spec(chain), facts).segments[0]
    assert [stage.rate for stage in segment.stages] == [44_100, 44_100, 96_000, 96_000]
    assert [stage.samples for stage in segment.stages] == [441_000, 441_000, 960_000, 960_000]
    assert segment.samples == 480_000


def test_missing_files_and_wrong_kinds_are_reported_with_a_pointer() -> None:
    document = spec(
        blocks("riff.wav", "amp.nam"), blocks("gone.nam", "cab.wav"), tracks=[{"name": "Riff", "file": "amp.nam"}]
    )
    assert _errors(document) == [
        ("wrong_kind", "/di_tracks/0/file"),
        ("wrong_kind", "/chains/0/blocks/0/file"),
        ("missing_asset", "/chains/1/blocks/0/file"),
        ("invalid_order", "/chains/0/blocks/1"),
    ]


@pytest.mark.parametrize(
    ("track", "error"),
    [
        ({"start_s": 10.0}, ("invalid_slice", "/di_tracks/0/start_s")),
        ({"end_s": 10.001}, ("invalid_slice", "/di_tracks/0/end_s")),
        ({"start_s": 5.0, "end_s": 4.0}, ("invalid_slice", "/di_tracks/0/end_s")),
        ({"start_s": 9.7}, ("too_short", "/di_tracks/0")),
    ],
)
def test_a_slice_outside_the_recording_is_rejected(track: dict[str, Any], error: tuple[str, str]) -> None:
    document = spec(COMBO, tracks=[{"name": "Riff", "file": "riff.wav", **track}])
    assert _errors(document) == [error]


def test_a_shootout_above_the_limits_is_rejected() -> None:
    document = spec(COMBO, PLEXI, COMBO, tracks=TWO_TRACKS)
    assert _errors(document, di_tracks=1, chains=2, segments=5, max_di_seconds=5.0) == [
        ("too_many_di_tracks", "/di_tracks"),
        ("too_many_chains", "/chains"),
        ("too_many_segments", ""),
        ("too_long", "/di_tracks/0/file"),
    ]


def test_a_frequency_above_the_nyquist_frequency_is_rejected() -> None:
    facts: dict[str, MediaInfo] = {**FACTS, "amp.nam": capture_facts("amp.nam", gear_type="amp", rate=44_100)}
    bands = [{"type": "lowpass", "frequency_hz": 22_000.0}, {"type": "lowpass", "frequency_hz": 22_100.0}]
    cab = {"type": "cab_ir", "file": "cab.wav", "low_cut_hz": 30_000.0, "high_cut_hz": 40_000.0}
    assert _errors(spec(blocks("amp.nam", cab, {"type": "eq", "bands": bands})), facts) == [
        ("beyond_nyquist", "/chains/0/blocks/1/low_cut_hz"),
        ("beyond_nyquist", "/chains/0/blocks/1/high_cut_hz"),
        ("beyond_nyquist", "/chains/0/blocks/2/bands/1/frequency_hz"),
    ]


def test_only_slimmable_captures_accept_a_size() -> None:
    half = {"type": "capture", "file": "combo.nam", "size": 0.5}
    assert _errors(spec([half])) == [("not_slimmable", "/chains/0/blocks/0/size")]
    whole = {"type": "capture", "file": "combo.nam", "size": 1.0}
    assert len(plan(spec([whole]), FACTS).segments) == 1
    slim: dict[str, MediaInfo] = {**FACTS, "combo.nam": capture_facts("combo.nam", gear_type="amp_cab", slimmable=True)}
    assert len(plan(spec([half]), slim).segments) == 1


def test_a_field_that_is_named_otherwise_in_specs_keeps_its_name_in_keys() -> None:
    """A rename in the spec makes no rendered sound useless."""
    band = {"type": "peak", "frequency_hz": 3000.0, "gain_db": 2.0, "q": 0.9}
    given = [
        {"type": "eq", "bands": [band]},
        {"type": "delay", "time_ms": 380.0, "feedback": 0.3, "mix": 0.25},
        {"type": "reverb", "reverb_type": "hall", "mix": 0.2, "decay_s": 1.2},
    ]
    documents = [
        block_document(msgspec.convert(block, LeafBlock), rate=48_000, sha256=None, drive_db=None) for block in given
    ]
    assert documents == [
        {"type": "eq", "bands": [{"kind": "peak", "hz": 3000.0, "db": 2.0, "q": 0.9}], "rate": 48_000},
        {"type": "delay", "ms": 380.0, "feedback": 0.3, "mix": 0.25, "rate": 48_000},
        {"type": "reverb", "kind": "hall", "mix": 0.2, "decay_s": 1.2, "rate": 48_000},
    ]
