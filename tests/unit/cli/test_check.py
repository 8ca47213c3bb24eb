"""`shootout check` and `shootout schema`."""

import json
import tomllib
from pathlib import Path

import jsonschema_rs
from click.testing import CliRunner, Result

from tests.support.readme import SPEC
from tests.support.render_inputs import nano_capture, plucks
from tests.support.spec_schema import FILE
from tone_shootout.audio.files import write_wav
from tone_shootout.cli import main

TWO = """
title = "Two crunches"
[[di_tracks]]
name = "Riff"
file = "riff.wav"
[[chains]]
name = "Plexi"
blocks = [{ type = "capture", file = "amp.nam", gear = "amp_cab" }]
[[chains]]
name = "Combo"
blocks = [{ type = "capture", file = "amp.nam", gear = "amp" }]
"""


def _check(folder: Path, spec: str, *options: str) -> Result:
    write_wav(folder / "riff.wav", plucks(1.0), 48_000)
    (folder / "amp.nam").write_bytes(nano_capture())
    (folder / "two.toml").write_text(spec)
    return CliRunner().invoke(main, ["check", str(folder / "two.toml"), *options])


def test_a_valid_spec_is_shown_with_its_plan_and_cost(tmp_path: Path) -> None:
    shown = _check(tmp_path, TWO.replace('gear = "amp" ', 'gear = "amp_cab" '))
    assert shown.exit_code == 0, shown.output
    assert "Riff – Plexi" in shown.stdout
    assert "2 segments, 2.0 s of audio" in shown.stdout
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["amp.nam", "riff.wav", "two.toml"]


def test_errors_of_files_and_of_chains_are_shown_together(tmp_path: Path) -> None:
    spec = TWO.replace("riff.wav", "gone.wav")
    shown = _check(tmp_path, spec)
    assert shown.exit_code == 1
    assert [line.split(": ")[:2] for line in shown.stderr.splitlines()] == [
        ["Error", "DI track “Riff”, file"],
        ["Error", "chain “Combo”, blocks"],
    ]
    found = json.loads(_check(tmp_path, spec, "--json").stdout)
    assert (found["valid"], found["plan"]) == (False, None)
    assert [error["code"] for error in found["errors"]] == ["missing_asset", "ir_required"]


def test_notices_are_shown_beside_errors(tmp_path: Path) -> None:
    """Of a chain without its cabinet, and of one whose form is wrong: those of the other parts."""
    band = '{ type = "eq", bands = [{ type = "peak", frequency_hz = 3.0, gain_db = 2.0 }] }'
    wrong = TWO.replace('gear = "amp" }]', f'gear = "amp" }}, {band}]')
    shown = _check(tmp_path, wrong)
    assert "ir_required" in shown.stderr
    assert "/chains/1/blocks/1/bands/0/frequency_hz" in shown.stdout
    assert "implausible_filter" in shown.stdout
    found = json.loads(_check(tmp_path, wrong.replace('"capture"', '"captur"', 1), "--json").stdout)
    assert [error["code"] for error in found["errors"]] == ["invalid", "ir_required"]
    assert [notice["code"] for notice in found["notices"]] == ["implausible_filter"]
    found = json.loads(_check(tmp_path, wrong.replace("frequency_hz = 3.0", "frequency_hz = 0.3"), "--json").stdout)
    assert [notice["code"] for notice in found["notices"]] == []


def test_errors_of_a_malformed_chain_are_shown_with_those_of_the_others(tmp_path: Path) -> None:
    spec = TWO.replace('"capture"', '"captur"', 1).replace("title", "titel").replace("riff.wav", "amp.nam")
    found = json.loads(_check(tmp_path, spec, "--json").stdout)["errors"]
    assert [(error["code"], error["pointer"]) for error in found] == [
        ("invalid", "/chains/0/blocks/0/type"),
        ("unknown_field", "/titel"),
        ("not_audio", "/di_tracks/0/file"),
        ("ir_required", "/chains/1/blocks"),
    ]
    assert found[0]["detail"].startswith("chain “Plexi”, block 1 (captur), type: ")
    assert found[0]["detail"].endswith("did you mean `capture`?")


def test_the_published_schema_is_the_one_of_the_types() -> None:
    assert FILE.read_text() == CliRunner().invoke(main, ["schema"]).stdout, "run `task docs`"


def test_the_schema_accepts_what_the_readme_shows_and_refuses_a_misspelled_key() -> None:
    schema = json.loads(FILE.read_text())
    document = tomllib.loads(SPEC)
    assert jsonschema_rs.Draft202012Validator(schema).is_valid(document)
    document["chains"][0]["blocks"][0]["fil"] = "amp.nam"
    assert not jsonschema_rs.Draft202012Validator(schema).is_valid(document)
