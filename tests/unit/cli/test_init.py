"""`shootout init` writes specs that `check` takes as they are; README commands render one."""

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from tests.support.render_inputs import plain_gain, plucks
from tests.support.spec_schema import FILE
from tests.support.specs import parse_spec
from tone_shootout.audio.files import write_wav
from tone_shootout.cli import main

AMP, PEDAL, RIG, CAB, COMPRESSOR = (
    plain_gain(gain, metadata={"gear_type": gear})
    for gain, gear in ((0.5, "amp"), (0.4, "pedal"), (0.3, "amp_cab"), (0.2, "cab"), (0.1, "studio"))
)
UNSTATED = plain_gain(0.6, metadata={})
OPTION = re.compile(r"^(\s*)#(?=[a-z_]+ = |\{)", re.MULTILINE)


def _response(path: Path, *, stereo: bool = False) -> None:
    x = np.random.default_rng(1).standard_normal((2, 4_800)).astype(np.float32) * np.exp(-np.arange(4_800) / 200)
    write_wav(path, x.astype(np.float32) if stereo else x[0].astype(np.float32), 48_000)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a DI track and a cab IR whose names say nothing."""
    monkeypatch.chdir(tmp_path)
    write_wav(tmp_path / "one.wav", plucks(1.0), 48_000)
    _response(tmp_path / "two.wav")
    return tmp_path


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def _init(*arguments: str) -> str:
    """Run `init`; return the spec, which `check` accepts as it is and with all its optional lines."""
    shown = _run("init", *arguments)
    assert shown.exit_code == 0, shown.output
    text = Path("spec.toml").read_text()
    assert text.startswith("#:schema spec.schema.json\n")
    Path("all.toml").write_text(OPTION.sub(r"\1", text))
    for name in ("spec.toml", "all.toml"):
        checked = _run("check", name)
        assert checked.exit_code == 0, checked.output
    return text


def _chains(text: str) -> dict[str, list[str]]:
    return {
        chain.name: [getattr(block, "file", "") for block in chain.blocks]
        for chain in parse_spec(text.encode(), format="toml").chains
    }


def test_amps_play_through_every_cab_ir_after_the_pedal(folder: Path) -> None:
    _response(folder / "three.wav")
    for name, content in {"a.nam": AMP, "b": UNSTATED, "drive.nam": PEDAL, "squash.nam": COMPRESSOR}.items():
        (folder / name).write_bytes(content)
    text = _init("one.wav", "two.wav", "three.wav", "a.nam", "b", "drive.nam", "squash.nam")
    assert _chains(text) == {
        f"drive, {Path(amp).stem}, {cab}": ["drive.nam", amp, f"{cab}.wav", "squash.nam"]
        for amp in ("a.nam", "b")
        for cab in ("two", "three")
    }
    assert "its file states no gear" in text
    assert (folder / "spec.schema.json").read_text() == FILE.read_text()


def test_captures_of_amp_and_cab_need_no_cab_ir(folder: Path) -> None:
    (folder / "rig.nam").write_bytes(RIG)
    text = _init("one.wav", "two.wav", "rig.nam")
    assert _chains(text) == {"rig": ["rig.nam"]}
    assert 'the captures include their cabinets: "two.wav"' in text


@pytest.mark.parametrize(
    ("files", "blocks"),
    [
        ({"a.nam": AMP, "b.nam": UNSTATED}, [["a.nam"], ["b.nam"]]),
        ({"a.nam": AMP, "cab.nam": CAB}, [["a.nam", "cab.nam"]]),
        ({"drive.nam": PEDAL}, [["drive.nam"]]),
        ({"squash.nam": COMPRESSOR}, [["squash.nam"]]),
        ({"drive.nam": PEDAL, "squash.nam": COMPRESSOR}, [["drive.nam", "squash.nam"]]),
        ({"drive.nam": PEDAL, "rig.nam": RIG, "rig2.nam": RIG}, [["drive.nam", "rig.nam"], ["drive.nam", "rig2.nam"]]),
    ],
)
def test_what_is_missing_in_a_chain_is_allowed_and_said(
    folder: Path, files: dict[str, bytes], blocks: list[list[str]]
) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    assert list(_chains(_init("one.wav", *files)).values()) == blocks


def test_a_folder_stands_for_its_files_and_other_files_are_left_out(folder: Path) -> None:
    (folder / "amp.nam").write_bytes(AMP)
    (folder / "broken.nam").write_bytes(AMP[:-5])
    (folder / "notes.txt").write_text("Riff in E")
    (folder / "package.json").write_text('{"name": "tones"}')
    (folder / ".hidden.wav").write_bytes(b"RIFF")
    shown = _run("init")
    assert shown.exit_code == 0, shown.output
    assert [line.split(":")[0] for line in shown.stderr.splitlines()] == ["Skipped broken.nam"]
    assert _chains(Path("spec.toml").read_text()) == {"amp, two": ["amp.nam", "two.wav"]}


def test_paths_are_relative_to_the_spec_and_equal_names_are_told_apart(folder: Path) -> None:
    for name in ("old", "new"):
        (folder / name).mkdir()
        (folder / name / 'an "amp".nam').write_bytes(AMP)
    (folder / "specs").mkdir()
    shown = _run("init", "one.wav", "two.wav", "old", "new", "--out", "specs/mine.toml")
    assert shown.exit_code == 0, shown.output
    assert _chains((folder / "specs" / "mine.toml").read_text()) == {
        'an "amp", two': ['../old/an "amp".nam', "../two.wav"],
        'new an "amp", two': ['../new/an "amp".nam', "../two.wav"],
    }
    assert _run("check", "specs/mine.toml").exit_code == 0


def test_sides_that_differ_or_cancel_are_decided_so_that_the_spec_is_valid(folder: Path) -> None:
    riff = plucks(1.0)
    write_wav(folder / "one.wav", np.stack([riff, -riff]), 48_000)
    _response(folder / "two.wav", stereo=True)
    (folder / "amp.nam").write_bytes(AMP)
    document = tomllib.loads(_init("one.wav", "two.wav", "amp.nam"))
    assert document["di_tracks"][0]["channel"] == "left"
    assert document["grid"]["cab_irs"][0]["channel"] == "left"


def test_nothing_is_ever_overwritten(folder: Path) -> None:
    (folder / "amp.nam").write_bytes(AMP)
    (folder / "spec.schema.json").write_text("mine")
    text = _init("one.wav", "two.wav", "amp.nam")
    assert (folder / "spec.schema.json").read_text() == "mine"
    again = _run("init", "one.wav", "two.wav", "amp.nam")
    assert (again.exit_code, "exists already" in again.output) == (1, True)
    assert Path("spec.toml").read_text() == text


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        (["one.wav"], "expected a capture or a cab IR among the files"),
        (["two.wav"], "expected a DI track"),
        (["gone.wav"], "gone.wav: No such file"),
        (["one.wav", "two.wav", "--out", "spec.json"], "ends in .toml"),
        (["one.wav", "two.wav", "--out", "gone/spec.toml"], "No such file"),
        (["one.wav", "many"], "expected at most 16 chains"),
    ],
)
def test_files_that_make_no_spec_are_an_error_and_nothing_is_written(
    folder: Path, arguments: list[str], reported: str
) -> None:
    (folder / "many").mkdir()
    for number in range(17):
        (folder / "many" / f"{number}.nam").write_bytes(RIG)
    before = sorted(folder.rglob("*"))
    shown = _run("init", *arguments)
    assert shown.exit_code == 1
    assert reported in shown.output
    assert sorted(folder.rglob("*")) == before
