"""A grid is short for chains: same chains, same render keys; errors point to its entries."""

import tomllib
from typing import Any

import msgspec
import pytest

from tests.support.specs import FACTS, blocks, capture_facts, ir_facts, parse_spec, spec, split
from tone_shootout.rendering.media_info import Limits, MediaInfo
from tone_shootout.rendering.plan.planner import plan
from tone_shootout.rendering.spec.document import SpecDocument
from tone_shootout.rendering.spec.grid import Expansion, expand
from tone_shootout.rendering.spec.reading import parse_document
from tone_shootout.rendering.spec.schema import InvalidSpec, SpecError

TEN_LINES = b"""
[[di_tracks]]
name = "Riff in E"
file = "riff.wav"
[grid]
captures = ["amps/plexi.nam", "amps/jcm.nam", { file = "amps/ac30.nam", name = "AC", input_gain_db = -3.0 }]
cab_irs = ["v30.wav", "greenback.wav"]
"""
SOURCES: dict[str, MediaInfo] = FACTS | {
    **{f"amps/{name}.nam": capture_facts(name, gear_type="amp") for name in ("plexi", "jcm", "ac30")},
    **{name: ir_facts(name) for name in ("v30.wav", "greenback.wav")},
}
BLEND = [{"type": "capture"}, split([{"type": "cab_ir"}], {"blocks": blocks("cab2.wav"), "pan": 0.5, "mix_db": -6.0})]
EQ = {"type": "eq", "bands": [{"type": "highpass", "frequency_hz": 80.0}]}


def _expand(grid: dict[str, Any], *chains: dict[str, Any], **more: Any) -> Expansion:
    document = {"di_tracks": [{"name": "Riff", "file": "riff.wav"}], "chains": list(chains), "grid": grid}
    return expand(msgspec.convert(document, SpecDocument), **more)


def _errors(found: Expansion) -> list[tuple[str, str]]:
    return [(error.code, error.pointer) for error in found.errors]


def test_three_captures_and_two_cabs_in_ten_lines_are_six_chains_with_the_same_keys_as_written_out() -> None:
    assert len(TEN_LINES.strip().splitlines()) <= 10
    amps = {"plexi": "amps/plexi.nam", "jcm": "amps/jcm.nam"}
    cabs = {"v30": "v30.wav", "greenback": "greenback.wav"}
    ac30 = {"type": "capture", "file": "amps/ac30.nam", "input_gain_db": -3.0}
    written = spec(
        *(
            {"name": f"{amp}, {cab}", "blocks": blocks(amps.get(amp, ac30), cabs[cab])}
            for amp in ("plexi", "jcm", "AC")
            for cab in cabs
        ),
        title="Shootout",
    )
    short = parse_spec(TEN_LINES, format="toml")
    assert short == written
    keys = [segment.render_key for segment in plan(short, SOURCES).segments]
    assert keys == [segment.render_key for segment in plan(written, SOURCES).segments]
    assert len(set(keys)) == 6


def test_the_template_puts_parts_between_other_blocks_and_gives_them_options() -> None:
    found = _expand(
        {
            "pedals": ["pedal.nam"],
            "captures": ["amp.nam", {"file": "other.nam", "input_gain_db": 0.0, "bypass": False}],
            "template": [
                {"type": "noise_gate"},
                {"type": "pedal", "input_gain_db": 2.0},
                {"type": "capture", "input_gain_db": 6.0, "gear": "amp"},
                {"type": "cab_ir", "file": "cab.wav", "mix": 0.5},
                EQ,
            ],
            "allow": ["multiple_amps"],
        },
        {"name": "Combo", "blocks": blocks("combo.nam")},
    )
    expected = spec(
        {"name": "Combo", "blocks": blocks("combo.nam")},
        *(
            {
                "name": f"pedal, {name}",
                "allow": ["multiple_amps"],
                "blocks": [
                    {"type": "noise_gate"},
                    {"type": "capture", "file": "pedal.nam", "input_gain_db": 2.0},
                    {"type": "capture", "file": f"{name}.nam", "input_gain_db": gain, "gear": "amp"},
                    {"type": "cab_ir", "file": "cab.wav", "mix": 0.5},
                    EQ,
                ],
            }
            for name, gain in (("amp", 6.0), ("other", 0.0))
        ),
        tracks=[{"name": "Riff", "file": "riff.wav"}],
    )
    assert not found.errors
    assert found.spec == expected


def test_a_split_in_the_template_gives_the_chains_of_splits_that_are_written_out() -> None:
    grid = {
        "captures": ["amp.nam"],
        "cab_irs": [{"file": "cab.wav", "low_cut_hz": 70.0}, "cab2.wav"],
        "template": BLEND,
    }
    other = {"blocks": blocks("cab2.wav"), "pan": 0.5, "mix_db": -6.0}
    cabs: list[Any] = [{"type": "cab_ir", "file": "cab.wav", "low_cut_hz": 70.0}, "cab2.wav"]
    written = spec(
        *(
            {"name": name, "blocks": [*blocks("amp.nam"), split(blocks(cab), other)]}
            for name, cab in zip(("amp, cab", "amp, cab2"), cabs, strict=True)
        )
    )
    found = _expand(grid)
    assert found.spec.chains == written.chains
    planned = [plan(each, FACTS).segments for each in (found.spec, written)]
    assert [segment.render_key for segment in planned[0]] == [segment.render_key for segment in planned[1]]
    assert [segment.channels for segment in planned[0]] == [2, 2]
    bypassed = [{"type": "capture"}, {**BLEND[1], "bypass": True}]
    with pytest.raises(InvalidSpec, match="ir_required"):
        plan(_expand({**grid, "template": bypassed}).spec, FACTS)


def test_names_come_from_the_entry_then_the_library_then_the_file() -> None:
    grid = {
        "captures": [{"file": "a.nam", "name": "Named"}, "b.nam", "C:\\tones\\c.nam"],
        "cab_irs": ["x" * 90 + ".wav"],
    }
    found = _expand(grid, names={"a.nam": "ignored", "b.nam": "In the library"})
    cab = "x" * 39
    assert [chain.name for chain in found.spec.chains] == [f"Named, {cab}", f"In the library, {cab}", f"c, {cab}"]
    assert all(len(chain.name) <= 80 for chain in found.spec.chains)


@pytest.mark.parametrize(
    ("grid", "expected"),
    [
        ({}, ("invalid_grid", "/grid")),
        ({"captures": ["a.nam"], "template": [EQ]}, ("invalid_grid", "/grid/template")),
        ({"captures": ["a.nam"], "template": [{"type": "capture"}] * 2}, ("invalid_grid", "/grid/template/1")),
        (
            {"captures": ["a.nam"], "template": [{"type": "capture"}, {"type": "cab_ir"}]},
            ("invalid_grid", "/grid/template/1"),
        ),
        (
            {"captures": ["a.nam"], "template": [{"type": "pedal"}, {"type": "capture"}]},
            ("invalid_grid", "/grid/template/0"),
        ),
        ({"captures": ["a.nam", "x/a.nam"]}, ("duplicate_name", "/grid/captures/1")),
        ({"captures": ["first.nam"]}, ("duplicate_name", "/chains/0/name")),
        ({"captures": ["A.nam", "A, B.nam"], "cab_irs": ["B, C.wav", "C.wav"]}, ("duplicate_name", "/grid")),
        (
            {"captures": [{"file": "a.nam", "name": "x" * 79}], "cab_irs": ["c.wav"]},
            ("invalid", "/grid/captures/0/name"),
        ),
        ({"captures": [f"{n}.nam" for n in range(16)]}, ("too_many_chains", "/grid")),
        (
            {"captures": ["a.nam"], "template": [{"type": "capture"}, split([], [EQ, {"type": "cab_ir"}])]},
            ("invalid_grid", "/grid/template/1/paths/1/blocks/1"),
        ),
        (
            {"captures": ["a.nam"], "template": [split([{"type": "capture"}], [EQ, {"type": "capture"}])]},
            ("invalid_grid", "/grid/template/0/paths/1/blocks/1"),
        ),
    ],
)
def test_an_error_of_a_grid_points_to_it_and_leaves_the_written_chains(
    grid: dict[str, Any], expected: tuple[str, str]
) -> None:
    found = _expand(grid, {"name": "first", "blocks": blocks("combo.nam")})
    assert _errors(found) == [expected]
    assert [chain.name for chain in found.spec.chains] == ["first"]


def test_a_huge_grid_is_refused_before_a_chain_is_made() -> None:
    files = [f"{n}.nam" for n in range(64)]
    found = _expand({"pedals": files, "captures": files, "cab_irs": files})
    assert _errors(found) == [("too_many_chains", "/grid"), ("too_many_segments", "/grid")]
    assert found.errors[0].detail == "expected at most 16 chains, got 64 × 64 × 64 = 262144"
    assert found.spec.chains == ()
    assert not _expand({"captures": files}, limits=Limits(chains=64)).errors


@pytest.mark.parametrize(
    ("grid", "expected"),
    [
        # A missing file is one error, however many chains use it.
        (
            {"captures": ["amp.nam", "no.nam"], "cab_irs": ["cab.wav", "cab2.wav"]},
            ("missing_asset", "/grid/captures/1"),
        ),
        ({"captures": ["amp.nam"], "cab_irs": [{"file": "amp.nam"}]}, ("wrong_kind", "/grid/cab_irs/0/file")),
        ({"captures": [{"file": "combo.nam", "size": 0.5}]}, ("not_slimmable", "/grid/captures/0/size")),
        (
            {"captures": ["combo.nam"], "template": [{"type": "capture", "size": 0.5}]},
            ("not_slimmable", "/grid/template/0/size"),
        ),
        (
            {"captures": ["combo.nam"], "template": [EQ, {"type": "capture"}, {"type": "capture", "file": "no.nam"}]},
            ("missing_asset", "/grid/template/2/file"),
        ),
        ({"captures": ["amp.nam"]}, ("ir_required", "/grid/captures/0")),
        (
            {"captures": ["amp.nam"], "cab_irs": ["no.wav", "cab.wav"], "template": BLEND},
            ("missing_asset", "/grid/cab_irs/0"),
        ),
        (
            {"captures": ["amp.nam"], "cab_irs": [{"file": "cab.wav", "high_cut_hz": 3e4}], "template": BLEND},
            ("beyond_nyquist", "/grid/cab_irs/0/high_cut_hz"),
        ),
        (
            {"captures": ["amp.nam"], "template": [{"type": "capture"}, split(blocks("cab.wav"), blocks("no.wav"))]},
            ("missing_asset", "/grid/template/1/paths/1/blocks/0/file"),
        ),
        (
            {"captures": ["amp.nam"], "template": [{"type": "capture"}, split(blocks("cab.wav"), [])]},
            ("ir_required", "/grid/template/1/paths/1"),
        ),
        ({"captures": ["combo.nam"], "cab_irs": ["cab.wav"]}, ("ir_forbidden", "/grid/cab_irs/0")),
    ],
)
def test_an_error_of_a_chain_points_to_the_entry_of_the_grid(grid: dict[str, Any], expected: tuple[str, str]) -> None:
    found = _expand(grid)
    assert not found.errors
    with pytest.raises(InvalidSpec) as caught:
        plan(found.spec, FACTS)
    errors = [error for error in found.locate(caught.value.errors) if error.code not in ("no_amp", "multiple_amps")]
    assert [(error.code, error.pointer) for error in errors] == [expected]


def test_an_error_of_the_grammar_names_the_chain() -> None:
    found = _expand({"captures": ["combo.nam", "amp.nam"], "cab_irs": ["cab.wav"]})
    with pytest.raises(InvalidSpec) as caught:
        plan(found.spec, FACTS)
    (error,) = found.locate(caught.value.errors)
    assert error.detail.startswith("chain “combo, cab”: ")


def test_pointers_to_written_chains_stay() -> None:
    found = _expand({"captures": ["amp.nam"], "cab_irs": ["cab.wav"]}, {"name": "a", "blocks": blocks("combo.nam")})
    for pointer in ("", "/di_tracks/0", "/chains/0/blocks/0/file"):
        assert found.pointer(pointer) == pointer
    for pointer, expected in (
        ("/chains/1", "/grid/captures/0"),
        ("/chains/1/allow", "/grid/allow"),
        ("/chains/1/blocks/1", "/grid/cab_irs/0"),
        ("/chains/1/blocks/1/channel", "/grid/cab_irs/0"),
    ):
        assert found.pointer(pointer) == expected


def test_a_spec_needs_chains_or_a_grid() -> None:
    head = TEN_LINES.partition(b"[grid]")[0]
    with pytest.raises(SpecError) as caught:
        parse_spec(head, format="toml")
    assert (caught.value.code, caught.value.pointer) == ("invalid", "/chains")


@pytest.mark.parametrize(
    ("line", "code", "pointer"),
    [
        (b'captures = ["a\\tb.nam"]', "invalid", "/grid/captures/0"),
        (b'captures = [{ file = "a\\tb.nam" }]', "invalid", "/grid/captures/0/file"),
        (b"captures = [{ tone3000 = { tone = 1, model = 2 } }]", "needs_service", "/grid/captures/0/tone3000"),
        (b'captures = [{ file = "a.nam", mix = 1.0 }]', "unknown_field", "/grid/captures/0/mix"),
        (b"captures = [7]", "invalid", "/grid/captures/0"),
        (b'captures = "a.nam"', "invalid", "/grid/captures"),
        (b"captures = []\ntemplate = []", "invalid", "/grid/template"),
        (b'captures = ["a.nam"]\ntemplate = [{ type = "amp" }]', "invalid", "/grid/template/0/type"),
    ],
)
def test_a_malformed_grid_is_explained(line: bytes, code: str, pointer: str) -> None:
    head = TEN_LINES.partition(b"captures")[0]
    with pytest.raises(SpecError) as caught:
        parse_document(head + line, format="toml")
    assert (caught.value.code, caught.value.pointer) == (code, pointer)


def test_two_brackets_are_explained() -> None:
    with pytest.raises(SpecError, match=r"write \[grid\] with one bracket"):
        parse_document(TEN_LINES.replace(b"[grid]", b"[[grid]]"), format="toml")


def test_the_example_is_toml() -> None:
    assert len(tomllib.loads(TEN_LINES.decode())["grid"]["captures"]) == 3
