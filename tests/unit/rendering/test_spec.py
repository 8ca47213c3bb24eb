"""Specs as authors write them, and the pointers of their errors."""

import json
import tomllib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.specs import parse_spec
from tone_shootout.rendering.spec.reading import MAX_SPEC_BYTES
from tone_shootout.rendering.spec.schema import CabIrBlock, CaptureBlock, EqBlock, Spec, SpecError

EXAMPLE = b"""
schema = 1
title = "Two crunches"
[level]
target_lufs = -18.0
ceiling_dbtp = -2.0
[[di_tracks]]
name = "Riff in E"
file = "riff.wav"
calibration_dbu = 12.2
start_s = 0.5
end_s = 8
[[chains]]
name = "Plexi, V30"
trim_db = 1.0
[[chains.blocks]]
type = "capture"
file = "plexi.nam"
input_gain_db = 3.0
size = 1.0
[[chains.blocks]]
type = "cab_ir"
file = "v30.wav"
[[chains.blocks]]
type = "eq"
bands = [{ type = "highpass", frequency_hz = 80.0 }, { type = "peak", frequency_hz = 3000.0, gain_db = 2.0, q = 0.9 }]
[[chains]]
name = "No cab"
allow = ["no_cab"]
blocks = [{ type = "capture", file = "plexi.nam" }, { type = "gain", gain_db = -3 }, { type = "compressor" },
  { type = "noise_gate" }, { type = "delay", time_ms = 380 }, { type = "reverb", reverb_type = "plate", bypass = true }]
"""


def _document() -> dict[str, Any]:
    return tomllib.loads(EXAMPLE.decode())


def _error(change: dict[str, Any], *path: str | int) -> SpecError:
    """Change the example at a path, parse it and return the error."""
    document = _document()
    place: Any = document
    for step in path:
        place = place[step]
    place.update(change)
    with pytest.raises(SpecError) as caught:
        parse_spec(json.dumps(document).encode(), format="json")
    return caught.value


def test_the_documented_example_is_read() -> None:
    spec = parse_spec(EXAMPLE, format="toml")
    assert (spec.title, spec.level.target_lufs, spec.level.ceiling_dbtp) == ("Two crunches", -18.0, -2.0)
    assert (spec.di_tracks[0].calibration_dbu, spec.di_tracks[0].end_s) == (12.2, 8.0)
    capture, cab, eq = spec.chains[0].blocks
    assert isinstance(capture, CaptureBlock)
    assert (capture.file, capture.input_gain_db, capture.size) == ("plexi.nam", 3.0, 1.0)
    assert isinstance(cab, CabIrBlock)
    assert (cab.file, cab.mix) == ("v30.wav", 1.0)
    assert isinstance(eq, EqBlock)
    assert [band.q for band in eq.bands] == [pytest.approx(0.5**0.5), 0.9]
    assert [type(block).__name__ for block in spec.chains[1].blocks] == [
        *("CaptureBlock", "GainBlock", "CompressorBlock", "NoiseGateBlock", "DelayBlock", "ReverbBlock")
    ]


def test_toml_and_json_give_the_same_spec() -> None:
    assert parse_spec(json.dumps(_document()).encode(), format="json") == parse_spec(EXAMPLE, format="toml")


def test_a_spec_round_trips_through_json() -> None:
    spec = parse_spec(EXAMPLE, format="toml")
    assert msgspec.json.decode(msgspec.json.encode(spec), type=Spec) == spec


@pytest.mark.parametrize(
    ("change", "path", "code", "pointer"),
    [
        ({"nam": 1}, (), "unknown_field", "/nam"),
        ({"a/b~": 1}, ("level",), "unknown_field", "/level/a~1b~0"),
        ({"schema": 2}, (), "invalid", "/schema"),
        ({"target_lufs": 1.0}, ("level",), "invalid", "/level/target_lufs"),
        ({"name": " "}, ("di_tracks", 0), "invalid", "/di_tracks/0/name"),
        ({"name": "a\nb"}, ("di_tracks", 0), "invalid", "/di_tracks/0/name"),
        ({"name": "a\x9bb"}, ("di_tracks", 0), "invalid", "/di_tracks/0/name"),
        ({"name": "a\u2028b"}, ("di_tracks", 0), "invalid", "/di_tracks/0/name"),
        ({"name": "a\n"}, ("di_tracks", 0), "invalid", "/di_tracks/0/name"),
        ({"title": "a\rb"}, (), "invalid", "/title"),
        ({"start_s": -1.0}, ("di_tracks", 0), "invalid", "/di_tracks/0/start_s"),
        ({"end_s": 0.25}, ("di_tracks", 0), "invalid_slice", "/di_tracks/0/end_s"),
        ({"calibration_dbu": "loud"}, ("di_tracks", 0), "invalid", "/di_tracks/0/calibration_dbu"),
        ({"calibration_dbu": 1e308}, ("di_tracks", 0), "invalid", "/di_tracks/0/calibration_dbu"),
        ({"chains": []}, (), "invalid", "/chains"),
        ({"blocks": []}, ("chains", 1), "invalid", "/chains/1/blocks"),
        ({"type": "flanger"}, ("chains", 0, "blocks", 0), "invalid", "/chains/0/blocks/0/type"),
        ({"size": 2.0}, ("chains", 0, "blocks", 0), "invalid", "/chains/0/blocks/0/size"),
        ({"gear": "kazoo"}, ("chains", 0, "blocks", 0), "invalid", "/chains/0/blocks/0/gear"),
        (
            {"frequency_hz": 0.0},
            ("chains", 0, "blocks", 2, "bands", 1),
            "invalid",
            "/chains/0/blocks/2/bands/1/frequency_hz",
        ),
        ({"allow": ["everything"]}, ("chains", 1), "invalid", "/chains/1/allow/0"),
        ({"feedback": 1.0}, ("chains", 1, "blocks", 4), "invalid", "/chains/1/blocks/4/feedback"),
    ],
)
def test_an_error_has_a_pointer(change: dict[str, Any], path: tuple[str | int, ...], code: str, pointer: str) -> None:
    error = _error(change, *path)
    assert (error.code, error.pointer) == (code, pointer)
    assert "\n" not in str(error)
    assert "regex" not in str(error)


@pytest.mark.parametrize("missing", ["name", "file"])
def test_a_missing_field_is_named(missing: str) -> None:
    document = _document()
    del document["di_tracks"][0][missing]
    with pytest.raises(SpecError, match=f"`{missing}`") as caught:
        parse_spec(json.dumps(document).encode(), format="json")
    assert caught.value.pointer == f"/di_tracks/0/{missing}"


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_nan_and_infinity_are_rejected(number: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(EXAMPLE.replace(b"trim_db = 1.0", f"trim_db = {number}".encode()), format="toml")
    assert caught.value.code == "malformed"


def test_an_oversized_spec_is_rejected_without_decoding() -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(b"#" * (MAX_SPEC_BYTES + 1), format="toml")
    assert caught.value.code == "too_large"


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_raise_a_spec_error(data: bytes) -> None:
    for form in ("toml", "json"):
        with pytest.raises(SpecError):
            parse_spec(data, format="toml" if form == "toml" else "json")


@pytest.mark.parametrize("kind", ["capture", "cab_ir"])
def test_a_tone3000_model_requires_the_service(kind: str) -> None:
    document = {
        "di_tracks": [{"name": "Riff", "file": "riff.wav"}],
        "chains": [{"name": "x", "blocks": [{"type": kind, "tone3000": {"tone_id": 7, "model_id": 8}}]}],
    }
    with pytest.raises(SpecError, match="only the service fetches") as refused:
        parse_spec(msgspec.json.encode(document), format="json")
    assert (refused.value.code, refused.value.pointer) == ("needs_service", "/chains/0/blocks/0/tone3000")
