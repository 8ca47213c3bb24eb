"""A bundle has everything of a result, in forms that other programs read, and is checked without unpacking it."""

import io
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
import rpp
import yaml
from click.testing import CliRunner, Result

from tests.support.listening import CHAINS, HOSTILE, LATE, render_result
from tone_shootout.audio.constants import NOMINAL_HZ
from tone_shootout.audio.files import read_audio
from tone_shootout.audio.spectrum import THIRD_OCTAVES_HZ
from tone_shootout.cli import main
from tone_shootout.rendering.bundle.commentary import BAND_DB, commentary
from tone_shootout.rendering.bundle.contents import input_path
from tone_shootout.rendering.bundle.session import quoted, to_rpp
from tone_shootout.rendering.output.manifest import Manifest, encode_manifest
from tone_shootout.rendering.output.result_folder import record
from tone_shootout.shootouts.library.archives import list_entries

RATE = 48_000


def _run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bundle")


@pytest.fixture(scope="module")
def manifest(folder: Path) -> Manifest:
    return render_result(folder)


@pytest.fixture(scope="module")
def bundle(folder: Path, manifest: Manifest) -> Path:
    assert len(manifest.segments) == 6
    done = _run("bundle", folder / "out", folder / "all.zip")
    assert done.exit_code == 0, done.output
    return folder / "all.zip"


@pytest.fixture(scope="module")
def content(bundle: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(bundle) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def _rewritten(bundle: Path, target: Path, **changes: bytes | None) -> Path:
    """Write a bundle again with other content of some files; None leaves one out."""
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = changes.get(name, old.read(name))
            if data is not None:
                new.writestr(name, data)
    return target


def _table(content: dict[str, bytes], name: str) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(content[f"figures/{name}.csv"]))


def test_a_bundle_has_all_files_of_the_result_and_its_inputs(
    content: dict[str, bytes], manifest: Manifest, folder: Path
) -> None:
    for item in manifest.files:
        assert content[item.path] == (folder / "out" / item.path).read_bytes()
    assert content["manifest.json"] == (folder / "out" / "manifest.json").read_bytes()
    assert {name: content[name] for name in content if name.startswith("inputs/")} == {
        f"inputs/{kind}s/{number:02d}-{name}": (folder / name).read_bytes()
        for number, (name, kind) in enumerate(((item.name, item.kind) for item in manifest.inputs), 1)
    }


def test_the_readme_tells_of_every_file_and_of_missing_inputs(
    content: dict[str, bytes], bundle: Path, folder: Path, manifest: Manifest
) -> None:
    text = content["README.txt"].decode()
    assert text.startswith("Three wires <b>\n===============\n")
    for name in content:
        if name != "README.txt":
            stem = f"{name.split('/', maxsplit=1)[0]}/" if "/" in name else name
            assert f"  {stem}" in text or stem == "listen/", name
    done = _run("bundle", folder / "out", folder / "bare.zip", "--no-inputs")
    assert done.exit_code == 0, done.output
    with zipfile.ZipFile(folder / "bare.zip") as archive:
        assert not [name for name in archive.namelist() if name.startswith("inputs/")]
        bare = archive.read("README.txt").decode()
    for item in manifest.inputs:
        assert f"{item.name} ({item.kind.replace('di_track', 'DI track')}, SHA-256 {item.sha256})" in bare
    refused = _run("verify", folder / "bare.zip", "--inputs", bundle.parent / "out")
    assert refused.exit_code == 1
    assert "inputs not found" in refused.output
    assert _run("verify", folder / "bare.zip", "--inputs", folder).exit_code == 0


def test_a_bundle_is_verified_without_unpacking_it(bundle: Path) -> None:
    before = sorted(bundle.parent.iterdir())
    done = _run("verify", bundle)
    assert done.exit_code == 0, done.output
    assert done.output.count("exact") == 6
    assert "files have the hashes of the manifest." in done.output
    assert sorted(bundle.parent.iterdir()) == before


@pytest.mark.parametrize(
    ("name", "data", "fault"),
    [
        ("index.html", b"<p>changed</p>", "index.html: its hash differs from the manifest"),
        ("index.html", None, "index.html: missing"),
        ("index.html", bytes(3_000_000), "index.html: expected a file of at most"),
    ],
)
def test_a_file_that_is_not_as_stated_is_named(
    bundle: Path, tmp_path: Path, name: str, data: bytes | None, fault: str
) -> None:
    done = _run("verify", _rewritten(bundle, tmp_path / "bad.zip", **{name: data}))
    assert done.exit_code == 1
    assert fault in done.output
    assert "1 of" in done.output


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"manifest.json": None}, "expected a bundle with manifest.json in it"),
        ({"manifest.json": b"{}"}, "expected a result manifest"),
        ({"manifest.json": b"\xff" * 100}, "expected a result manifest"),
    ],
)
def test_what_is_no_bundle_is_refused(
    bundle: Path, tmp_path: Path, changes: dict[str, bytes | None], fault: str
) -> None:
    done = _run("verify", _rewritten(bundle, tmp_path / "bad.zip", **changes))
    assert (done.exit_code, fault in done.output) == (1, True), done.output


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "none.zip").write_bytes(b"RIFF")
    done = _run("verify", tmp_path / "none.zip")
    assert (done.exit_code, "expected a ZIP archive" in done.output) == (1, True), done.output


def test_nothing_is_written_under_a_path_that_leads_out(bundle: Path, tmp_path: Path, manifest: Manifest) -> None:
    first, *others = manifest.segments
    out = "../../../../out.flac"
    hostile = msgspec.structs.replace(
        manifest,
        segments=(msgspec.structs.replace(first, file=out), *others),
        files=tuple(
            msgspec.structs.replace(item, path=out) if item.path == first.file else item for item in manifest.files
        ),
    )
    with zipfile.ZipFile(bundle) as archive:
        sound = archive.read(first.file)
    bad = _rewritten(bundle, tmp_path / "bad.zip", **{"manifest.json": encode_manifest(hostile)})
    with zipfile.ZipFile(bad, "a") as archive:
        archive.writestr(out, sound)
    done = _run("verify", bad)
    assert done.exit_code == 1
    assert "its file is missing" in done.output


def test_a_manifest_whose_spec_can_not_be_rendered_is_told_so(bundle: Path, tmp_path: Path, manifest: Manifest) -> None:
    chain = manifest.spec.chains[0]
    amp = tuple(msgspec.structs.replace(block, gear="amp") for block in chain.blocks)
    spec = msgspec.structs.replace(manifest.spec, chains=(msgspec.structs.replace(chain, blocks=amp),))
    wrong = encode_manifest(msgspec.structs.replace(manifest, spec=spec))
    done = _run("verify", _rewritten(bundle, tmp_path / "bad.zip", **{"manifest.json": wrong}))
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert "/chains/0" in done.output


def test_an_unfinished_result_leaves_no_bundle(folder: Path, manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "manifest.json").write_bytes(encode_manifest(manifest))
    done = _run("bundle", tmp_path / "half", tmp_path / "half.zip")
    assert done.exit_code == 1
    assert manifest.files[0].path in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["half"]


def test_the_tables_have_the_figures_of_the_manifest(content: dict[str, bytes], manifest: Manifest) -> None:
    segments = _table(content, "segments")
    assert list(segments["chain"]) == [segment.chain for segment in manifest.segments]
    assert list(segments["integrated_lufs"]) == [
        round(segment.measured.integrated_lufs, 2) for segment in manifest.segments
    ]
    assert list(segments["gain_db"]) == pytest.approx([segment.gain_db for segment in manifest.segments], abs=0)
    assert list(segments["latency_samples"]) == [0, LATE, 0] * 2
    assert list(segments["polarity"]) == [1, 1, -1] * 2
    bands = _table(content, "third_octaves")
    assert len(bands) == 6 * len(THIRD_OCTAVES_HZ)
    assert list(bands["frequency_hz"][:30]) == pytest.approx(list(THIRD_OCTAVES_HZ), rel=1e-2)
    pairs, differences = _table(content, "pairs"), _table(content, "differences")
    assert [tuple(row) for row in pairs[["reference", "position"]].to_numpy()] == [
        (pair.reference, pair.position) for pair in manifest.comparisons
    ]
    assert len(differences) == 30 * len(manifest.comparisons)
    assert set(_table(content, "drive")["capture"]) == {"plain.nam", "late.nam", "inverted.nam"}


def test_a_name_that_a_spreadsheet_would_run_is_harmless(manifest: Manifest) -> None:
    first, *others = manifest.segments
    hostile = msgspec.structs.replace(
        manifest, segments=(msgspec.structs.replace(first, chain='=HYPERLINK("x")'), *others)
    )
    from tone_shootout.rendering.bundle.figures import tables

    text = dict(tables(hostile))["segments.csv"]
    assert pd.read_csv(io.StringIO(text))["chain"][0] == '\'=HYPERLINK("x")'


def _children(element: Any, tag: str) -> list[Any]:
    return [each for each in element if isinstance(each, rpp.Element) and each.tag == tag]


def _value(element: Any, name: str) -> Any:
    return next((each[1] for each in element if isinstance(each, list) and each[0] == name), None)


def test_the_session_has_aligned_tracks_with_the_times_of_the_manifest(
    content: dict[str, bytes], manifest: Manifest
) -> None:
    project: Any = rpp.loads(content["session.rpp"].decode())
    tracks = _children(project, "TRACK")
    assert [_value(track, "NAME") for track in tracks] == list(CHAINS)
    assert [_value(track, "IPHASE") for track in tracks] == [None, None, "1"]
    for track, name in zip(tracks, CHAINS, strict=True):
        segments = [segment for segment in manifest.segments if segment.chain == name]
        items = _children(track, "ITEM")
        late = (LATE if name == "Late" else 0) / RATE
        # The second DI track begins on the first whole second that is two seconds after the end of the first.
        assert [float(_value(item, "POSITION")) for item in items] == [0.0, 4.0]
        for item, segment in zip(items, segments, strict=True):
            assert float(_value(item, "SOFFS")) == pytest.approx(late, abs=1e-9)
            assert float(_value(item, "LENGTH")) == pytest.approx(segment.samples / RATE - late, abs=1e-8)
            (source,) = _children(item, "SOURCE")
            assert _value(source, "FILE") == segment.file
    markers = [each for each in project if isinstance(each, list) and each[0] == "MARKER"]
    assert [(each[1], float(each[2]), each[3]) for each in markers] == [
        ("1", 0.0, "Riff in E"),
        ("1", 2.0, ""),
        ("2", 4.0, "Arpeggio"),
        ("2", 5.5, ""),
    ]


def test_segments_at_the_times_of_the_session_are_aligned(
    content: dict[str, bytes], manifest: Manifest, folder: Path
) -> None:
    project: Any = rpp.loads(content["session.rpp"].decode())
    heard = []
    for track in _children(project, "TRACK"):
        item = _children(track, "ITEM")[0]
        (source,) = _children(item, "SOURCE")
        samples = read_audio(folder / "out" / _value(source, "FILE"), max_seconds=10).samples[0]
        sign = -1 if _value(track, "IPHASE") == "1" else 1
        start = round(float(_value(item, "SOFFS")) * RATE)
        heard.append(sign * samples[start : start + RATE])
    for other in heard[1:]:
        assert np.corrcoef(heard[0], other)[0, 1] > 0.999


@pytest.mark.parametrize("name", ['two "quotes"', "it's", "`tick`", "\"'", "line\nbreak <TRACK", "\"'`", ""])
def test_any_name_is_one_value_of_the_session(name: str, manifest: Manifest) -> None:
    first, *others = manifest.segments
    named = msgspec.structs.replace(manifest, segments=(msgspec.structs.replace(first, chain=name or "x"), *others))
    (track, *_) = _children(rpp.loads(to_rpp(named)), "TRACK")
    expected = "".join(char if char.isprintable() else " " for char in name) or "x"
    assert _value(track, "NAME") in (expected, expected.replace("`", "'"))
    assert "\n" not in quoted(name)


def test_the_listening_tests_of_webmushra_have_all_tones_of_a_di_track(content: dict[str, bytes]) -> None:
    assert [name for name in content if name.startswith("webmushra/")] == [
        "webmushra/01-riff-in-e.yaml",
        "webmushra/02-arpeggio.yaml",
    ]
    found = yaml.safe_load(content["webmushra/02-arpeggio.yaml"])
    assert found["testname"] == "Three wires <b> – Arpeggio"
    assert [page["type"] for page in found["pages"]] == ["volume", "mushra", "mushra", "finish"]
    page = found["pages"][1]
    assert {page["reference"], *page["stimuli"].values()} == {
        f"configs/resources/audio/tone-{number}.wav" for number in (4, 5, 6)
    }


def test_of_a_bundle_the_library_takes_the_inputs_as_what_they_are(bundle: Path, manifest: Manifest) -> None:
    entries = list_entries(bundle)
    usable = {entry.name.split("-", maxsplit=1)[1]: entry.kind for entry in entries if entry.status == "usable"}
    assert usable == {item.name: item.kind for item in manifest.inputs}
    assert {entry.code for entry in entries if entry.name.endswith(".flac")} == {"result_file"}


@pytest.mark.parametrize(
    ("head", "suffix"),
    [
        (b"RIFF\0\0\0\0WAVEfmt ", ".wav"),
        (b"FORM\0\0\0\0AIFFCOMM", ".aiff"),
        (b"fLaC\0\0\0\0\0\0\0\0", ".flac"),
        (b"\xff\xfb\x90\x64\0\0\0\0\0\0\0\0", ".mp3"),
    ],
)
def test_an_input_gets_the_ending_of_its_content(manifest: Manifest, head: bytes, suffix: str) -> None:
    item = next(item for item in manifest.inputs if item.name == "riff.wav")
    assert input_path(manifest, item, head).endswith(f"-riff{suffix}")
    named = msgspec.structs.replace(item, name="AC/DC, 2.5 gain")
    only = msgspec.structs.replace(manifest, inputs=(named,))
    assert input_path(only, named, head) == f"inputs/di_tracks/01-ac-dc-2-5-gain{suffix}"


def _with_difference(manifest: Manifest, decibels: float, low: float, high: float) -> Manifest:
    """Return a manifest in which the second tone has more than the first in the bands from `low` to `high` Hz."""
    bands = tuple(decibels if low <= frequency <= high else 0.0 for frequency in NOMINAL_HZ)
    first, *others = manifest.comparisons
    assert (first.reference, first.position) == (1, 2)
    flat = [msgspec.structs.replace(pair, third_octaves_db=(0.0,) * len(NOMINAL_HZ)) for pair in others]
    return msgspec.structs.replace(
        manifest, comparisons=(msgspec.structs.replace(first, third_octaves_db=bands), *flat)
    )


def _spectra(text: str) -> list[str]:
    return [line for line in text.splitlines() if "mean of" in line]


def test_a_difference_of_a_range_of_bands_is_a_sentence_with_its_figure(manifest: Manifest) -> None:
    expected = "- Late has 3.1 dB {} between 2 kHz and 4 kHz than Plain (`third_octaves_db`, mean of 4 bands)."
    more, less = (commentary(_with_difference(manifest, sign * 3.1, 2000, 4000)) for sign in (1, -1))
    assert _spectra(more) == [expected.format("more")]
    assert _spectra(less) == [expected.format("less")]


@pytest.mark.parametrize(
    ("decibels", "low", "high"),
    [(BAND_DB - 0.01, 500, 4000), (9.0, 2000, 2500), (9.0, 25, 63), (9.0, 12_500, 20_000)],
)
def test_a_difference_below_the_thresholds_is_no_sentence(
    manifest: Manifest, decibels: float, low: float, high: float
) -> None:
    assert _spectra(commentary(_with_difference(manifest, decibels, low, high))) == []


def test_the_commentary_states_levels_latency_and_polarity(manifest: Manifest) -> None:
    lines = commentary(manifest).splitlines()
    assert lines[0] == r"# Three wires \<b\>"
    assert f"- All 6 segments have {manifest.level.target_lufs:.1f} LUFS" in lines[2]
    assert f"- Late is {LATE} samples (0.42 ms) late (`latency.samples`)." in lines
    inverted = HOSTILE.replace("<", r"\<").replace(">", r"\>")
    assert f"- {inverted} inverts the polarity: −1 (`latency.polarity`)." in lines
    assert lines.count("## Thresholds") == 1


def test_every_measure_that_a_sentence_names_is_a_field_of_the_manifest(manifest: Manifest, folder: Path) -> None:
    text = commentary(_with_difference(manifest, 3.1, 2000, 4000)).split("## Thresholds", maxsplit=1)[0]
    document = encode_manifest(manifest).decode()
    named = {part for line in text.splitlines() for part in line.split("`")[1::2]}
    assert named
    assert [name for name in named if f'"{name.split(".")[-1]}"' not in document] == []
    assert record(folder / "out", "manifest.json").size_bytes > 0
