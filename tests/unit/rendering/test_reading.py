"""Spec files with common mistakes: each is accepted or explained."""

import json
import unicodedata
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.support.specs import parse_spec
from tone_shootout.kit.http.problems import faults_of
from tone_shootout.rendering.engine.sources import resolve_path
from tone_shootout.rendering.spec.reading import Format
from tone_shootout.rendering.spec.schema import SpecError
from tone_shootout.shootouts.config import Config

TRACK = """
[[di_tracks]]
name = "Riff"
file = "riff.wav"
"""
TOML = (
    TRACK
    + """
[[chains]]
name = "A"
[[chains.blocks]]
type = "capture"
file = "a.nam"
"""
)


def _document() -> dict[str, Any]:
    return {
        "di_tracks": [{"name": "Riff", "file": "riff.wav"}],
        "chains": [{"name": "A", "blocks": [{"type": "capture", "file": "a.nam"}]}],
    }


def _refused(text: str | bytes, format: Format = "toml") -> SpecError:  # noqa: A002
    with pytest.raises(SpecError) as caught:
        parse_spec(text.encode() if isinstance(text, str) else text, format=format)
    assert "\n" not in str(caught.value)
    return caught.value


def _refused_json(change: dict[str, Any], *path: str | int) -> SpecError:
    document = _document()
    place: Any = document
    for step in path:
        place = place[step]
    place.update(change)
    return _refused(json.dumps(document), "json")


def test_a_byte_order_mark_is_accepted() -> None:
    plain = parse_spec(TOML.encode(), format="toml")
    assert parse_spec(b"\xef\xbb\xbf" + TOML.encode(), format="toml") == plain
    assert parse_spec(b"\xef\xbb\xbf" + json.dumps(_document()).encode(), format="json") == plain


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("form", ["toml", "json"])
def test_utf_16_is_identified(encoding: str, form: Format) -> None:
    error = _refused(("# x\n" + TOML if form == "toml" else json.dumps(_document())).encode(encoding), form)
    assert (error.code, "UTF-16: save the file as UTF-8" in error.detail) == ("malformed", True)


def test_other_encodings_are_reported() -> None:
    error = _refused('title = "Café"\n'.encode("latin-1") + TOML.encode())
    assert error.detail == "expected TOML as UTF-8, byte 13 is invalid: save the file as UTF-8"


@pytest.mark.parametrize(
    "path", [r"C:\Users\me\a.nam", r"C:\gear\a.nam", r"D:\x00.nam", r"..\captures\a.nam", r"\\nas\a"]
)
def test_backslashes_in_double_quotes_are_explained(path: str) -> None:
    error = _refused(TOML.replace("a.nam", path))
    assert error.code == "malformed"
    assert "forward slashes (C:/tones/amp.nam) or in single quotes ('C:\\tones\\amp.nam')" in error.detail


@pytest.mark.parametrize("path", [r"C:\tones\a.nam", r"C:\new\a.nam", r"C:\b.nam", r"C:\f.nam", r"C:\r.nam"])
@pytest.mark.parametrize("form", ["toml", "json"])
def test_backslashes_that_were_read_as_escapes_are_explained(path: str, form: Format) -> None:
    path = path.replace(r"\a.nam", r"/a.nam")
    text = TOML if form == "toml" else json.dumps(_document())
    error = _refused(text.replace("a.nam", path), form)
    assert (error.code, error.pointer) == ("invalid", "/chains/0/blocks/0/file")
    assert "forward slashes" in error.detail
    assert ("single quotes" if form == "toml" else "doubled backslashes") in error.detail


def test_backslashes_in_json_are_explained() -> None:
    error = _refused(json.dumps(_document()).replace("a.nam", r"C:\gear\a.nam"), "json")
    assert error.code == "malformed"
    assert 'doubled backslashes ("C:\\\\tones\\\\amp.nam")' in error.detail


def test_backslashes_in_single_quotes_are_read() -> None:
    spec = parse_spec(TOML.replace('"a.nam"', r"'C:\tones\a.nam'").encode(), format="toml")
    assert getattr(spec.chains[0].blocks[0], "file", "") == r"C:\tones\a.nam"


@pytest.mark.parametrize(
    ("change", "path", "detail"),
    [
        (
            {"gear": "amp-cab"},
            ("chains", 0, "blocks", 0),
            "`pedal_amp`, `preamp`, `studio`, got 'amp-cab'; did you mean `amp_cab`?",
        ),
        (
            {"type": "cabir"},
            ("chains", 0, "blocks", 0),
            "expected one of `capture`, `cab_ir`, `gain`, `eq`, ",
        ),
        ({"schema": 2}, (), "expected `1`, got 2"),
        ({"blocks": [{"type": "reverb", "reverb_type": "Hall"}]}, ("chains", 0), "got 'Hall'; did you mean `hall`?"),
        (
            {"blocks": [{"type": "eq", "bands": [{"type": "notch", "frequency_hz": 50.0}]}]},
            ("chains", 0),
            "expected one of `high_shelf`, `highpass`, `low_shelf`, `lowpass`, `peak`, got 'notch'",
        ),
        ({"allow": ["no-cab"]}, (), "did you mean `no_cab`?"),
        ({"blocks": [{"file": "a.nam"}]}, ("chains", 0), "`type`, which is one of `capture`, `cab_ir`, "),
    ],
)
def test_allowed_values_are_listed(change: dict[str, Any], path: tuple[str | int, ...], detail: str) -> None:
    assert detail in _refused_json(change, *path).detail


@pytest.mark.parametrize(
    ("field", "path", "meant"),
    [
        ("input_gain", ("chains", 0, "blocks", 0), "input_gain_db"),
        ("inputGainDb", ("chains", 0, "blocks", 0), "input_gain_db"),
        ("input-gain-db", ("chains", 0, "blocks", 0), "input_gain_db"),
        ("byapss", ("chains", 0, "blocks", 0), "bypass"),
        ("trim", ("chains", 0), "trim_db"),
        ("block", ("chains", 0), "blocks"),
        ("start", ("di_tracks", 0), "start_s"),
        ("calibration", ("di_tracks", 0), "calibration_dbu"),
        ("di_track", (), "di_tracks"),
        ("Title", (), "title"),
    ],
)
def test_an_unknown_field_suggests_the_nearest(field: str, path: tuple[str | int, ...], meant: str) -> None:
    error = _refused_json({field: 1.0}, *path)
    assert error.code == "unknown_field"
    assert error.pointer == "".join(f"/{step}" for step in (*path, field))
    assert error.detail.endswith(f"; did you mean `{meant}`?")


def test_an_unknown_field_without_a_similar_one_lists_all_fields() -> None:
    error = _refused_json({"level": {"zzz": 1}})
    assert error.detail.endswith("; known fields: ceiling_dbtp, target_lufs")
    block = _refused_json({"blocks": [{"type": "gain", "gain_db": 1.0, "xyz\n": 1}]}, "chains", 0)
    assert block.detail.endswith("; known fields: bypass, gain_db, type")


@pytest.mark.parametrize(
    ("text", "table"),
    [
        (TRACK + '[chains]\nname = "A"\nblocks = [{ type = "gain", gain_db = 1 }]', "chains"),
        (TRACK + '[chains]\nname = "A"\n[[chains.blocks]]\ntype = "gain"', "chains"),
        (TRACK + '[chains]\nname = "A"\n[chains]\nname = "B"', "chains"),
        (TRACK + '[ chains ] # one\nname = "A"\n[[chains]]\nname = "B"', "chains"),
        (TOML.replace("[[di_tracks]]", "[di_tracks]"), "di_tracks"),
        ('[di_tracks]\nname = "x"\n' + TOML, "di_tracks"),
        (TRACK + '[[chains]]\nname = "A"\n[chains.blocks]\ntype = "gain"\ngain_db = 1', "chains.blocks"),
        (
            TRACK + '[[chains]]\nname = "A"\n[chains.blocks]\ntype = "gain"\n[chains.blocks]\ntype = "gain"',
            "chains.blocks",
        ),
        (
            TRACK + '[[chains]]\nname = "A"\n[[chains.blocks]]\ntype = "eq"\n[chains.blocks.bands]\ntype = "peak"',
            "chains.blocks.bands",
        ),
        (
            TRACK + '[[chains]]\nname = "A"\nblocks = [{ type = "eq", bands = { type = "peak", frequency_hz = 1 } }]',
            "chains.blocks.bands",
        ),
    ],
)
def test_a_single_table_for_an_array_is_explained(text: str, table: str) -> None:
    detail = _refused(text).detail
    assert f"write [[{table}]] with two brackets for each of them" in detail


def test_an_array_for_a_single_table_is_explained() -> None:
    assert "write [level] with one bracket" in _refused(TOML + "[[level]]\ntarget_lufs = -16").detail


def test_json_errors_use_the_terms_of_json() -> None:
    error = _refused_json({"chains": {"name": "A"}})
    assert (error.pointer, error.detail) == (
        "/chains",
        'Expected `array`, got `object`: several are allowed, write a list, `"chains": [{...}]`',
    )


NFC = unicodedata.normalize("NFC", "Café/Äpfel é.nam")
NFD = unicodedata.normalize("NFD", NFC)


@pytest.mark.parametrize(("written", "there"), [(NFC, NFD), (NFD, NFC), (NFC, NFC)])
def test_a_name_is_found_in_either_unicode_form(tmp_path: Path, written: str, there: str) -> None:
    (tmp_path / there).parent.mkdir()
    (tmp_path / there).write_text("x")
    for file in (written, str(tmp_path / written)):
        assert resolve_path(tmp_path, file).read_text() == "x"


def test_an_exact_file_name_takes_precedence(tmp_path: Path) -> None:
    names = (Path(NFC).name, Path(NFD).name)
    for name in names:
        (tmp_path / name).write_text(name)
    for name in names:
        assert resolve_path(tmp_path, name).read_text() == name


@pytest.mark.parametrize("file", ["ö/ö.nam", "../ö.nam", "plain.nam"])
def test_a_missing_file_name_is_unchanged(tmp_path: Path, file: str) -> None:
    assert resolve_path(tmp_path, file) == tmp_path / file


def test_a_config_over_rest_gets_the_same_errors() -> None:
    asset = str(UUID(int=1))
    document = {
        "di_tracks": [{"name": "Riff", "asset": asset}],
        "chains": [{"name": "A", "blocks": [{"type": "capture", "asset": asset, "input_gain": 1.0}]}],
    }
    (fault,) = faults_of(document, Config)
    assert (fault.code, fault.pointer) == ("unknown_field", "/chains/0/blocks/0/input_gain")
    assert fault.detail.endswith("; did you mean `input_gain_db`?")


def test_files_in_paths_of_splits_are_checked() -> None:
    split: dict[str, Any] = {"type": "split", "paths": [{"blocks": [{"type": "cab_ir", "file": "C:\tones.wav"}]}, {}]}
    document = _document()
    document["chains"][0]["blocks"].append(split)
    found = _refused(json.dumps(document), "json")
    assert (found.code, found.pointer) == ("invalid", "/chains/0/blocks/1/paths/0/blocks/0/file")
    split["paths"][0]["blocks"] = [{"type": "capture", "tone3000": {"tone_id": 1, "model_id": 2}}]
    found = _refused(json.dumps(document), "json")
    assert (found.code, found.pointer) == ("needs_service", "/chains/0/blocks/1/paths/0/blocks/0/tone3000")


def test_a_split_has_two_to_four_paths_without_splits() -> None:
    inner = {"type": "split", "paths": [{}, {}]}
    for paths, pointer in (([{}], "/paths"), ([{}] * 5, "/paths"), ([{"blocks": [inner]}, {}], "/paths/0/blocks/0")):
        document = _document()
        document["chains"][0]["blocks"].append({"type": "split", "paths": paths})
        found = _refused(json.dumps(document), "json")
        assert found.pointer.startswith(f"/chains/0/blocks/1{pointer}")
    assert "got 'split'; a path has no split: write each way as a path of one split" in found.detail
