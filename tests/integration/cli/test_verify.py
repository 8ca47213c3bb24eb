"""`render --cache` reuses results, and `verify` compares results with their manifest."""

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from tests.integration.cli.test_files import SPEC, _refused, _run
from tests.support.render_inputs import lay_out
from tests.support.shared import PROJECT
from tone_shootout.audio.files import read_audio, write_flac
from tone_shootout.rendering.output.manifest import decode_manifest
from tone_shootout.rendering.output.result_folder import record


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with inputs and, in `out`, a result."""
    folder = tmp_path_factory.mktemp("made")
    lay_out(folder)
    (folder / "two.toml").write_text(SPEC)
    assert _run("render", folder / "two.toml", "--out", folder / "out", "--no-video").exit_code == 0
    return folder


@pytest.fixture
def result(made: Path, tmp_path: Path) -> Path:
    """A copy of the result, far from its inputs."""
    return Path(shutil.copytree(made / "out", tmp_path / "away" / "out"))


def test_characters_that_the_terminal_lacks_are_escaped(made: Path, tmp_path: Path) -> None:
    away = Path(shutil.copytree(made, tmp_path / "made"))
    (away / "two.toml").write_text(SPEC.replace("Riff", "Riff \u2013", 1), "utf-8")
    assert _run("render", away / "two.toml", "--out", away / "new", "--no-video").exit_code == 0
    done = subprocess.run(
        [sys.executable, "-m", "tone_shootout", "verify", away / "new"],
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        encoding="latin-1",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "\\u2013" in done.stdout


def _add_to_first_segment(result: Path, offset: float) -> None:
    """Change the first segment's samples, and the manifest with it."""
    path = result / "manifest.json"
    manifest = decode_manifest(path.read_bytes())
    segment = manifest.segments[0]
    audio = read_audio(result / segment.file, max_seconds=10)
    write_flac(result / segment.file, (audio.samples[0] + np.float32(offset)).astype(np.float32), audio.rate)
    path.write_text(path.read_text().replace(segment.sha256, record(result, segment.file).sha256))


def test_a_second_run_with_a_cache_folder_renders_nothing(made: Path, tmp_path: Path) -> None:
    manifests = []
    for name in ("cold", "warm"):
        arguments: list[str | Path] = ["--out", tmp_path / name, "--no-video", "--cache", tmp_path / "cache"]
        assert _run("render", made / "two.toml", *arguments).exit_code == 0
        manifests.append(decode_manifest((tmp_path / name / "manifest.json").read_bytes()))
    assert [[segment.cache_hit for segment in manifest.segments] for manifest in manifests] == [[False] * 2, [True] * 2]
    assert [segment.sha256 for segment in manifests[0].segments] == [s.sha256 for s in manifests[1].segments]


def test_a_result_is_exact_with_its_inputs_next_to_it(made: Path) -> None:
    stated = _run("verify", made / "out")
    assert stated.exit_code == 0, stated.output
    assert stated.stdout.count("exact") == 2
    assert stated.stdout.endswith("All 2 segments match the manifest.\n")


def test_a_result_of_an_earlier_engine_is_within_tolerance() -> None:
    stated = _run("verify", PROJECT / "tests" / "reference" / "results" / "engine-1")
    assert stated.exit_code == 0, stated.output
    assert stated.stdout.splitlines()[0].split("  (")[0] == " 1  within tolerance  Riff – Amp"


def test_inputs_are_found_by_content_whatever_their_names(made: Path, result: Path, tmp_path: Path) -> None:
    (tmp_path / "inputs").mkdir()
    for n, path in enumerate(sorted(made.glob("*.*"))):
        (tmp_path / "inputs" / f"{n}.bin").write_bytes(path.read_bytes())
    stated = _run("verify", result, "--inputs", tmp_path, "--inputs", tmp_path / "inputs", "--jobs", "1")
    assert stated.exit_code == 0, stated.output


def test_inputs_are_searched_in_the_inputs_folder_of_the_result(made: Path, result: Path) -> None:
    (result / "inputs").mkdir()
    for path in made.glob("*.*"):
        (result / "inputs" / path.name).write_bytes(path.read_bytes())
    stated = _run("verify", result)
    assert stated.exit_code == 0, stated.output


def test_missing_and_changed_inputs_are_named(made: Path, result: Path, tmp_path: Path) -> None:
    for path in made.glob("*.wav"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "a.nam").write_bytes((made / "b.nam").read_bytes())
    reported = _refused("verify", result, "--inputs", tmp_path)
    assert "a.nam (capture, SHA-256 " in reported
    assert "b.nam" not in reported
    assert "riff.wav" not in reported
    assert "riff.wav" in _refused("verify", result)


@pytest.mark.parametrize(("offset", "verdict", "code"), [(5e-5, "within tolerance", 0), (2e-4, "different", 1)])
def test_the_largest_difference_of_samples_is_reported(
    made: Path, result: Path, offset: float, verdict: str, code: int
) -> None:
    _add_to_first_segment(result, offset)
    stated = _run("verify", result, "--inputs", made)
    assert stated.exit_code == code, stated.output
    first, second = stated.stdout.splitlines()[:2]
    assert verdict in first
    assert f"(largest difference {offset:.1e})" in first
    assert "exact" in second


@pytest.mark.parametrize("harm", ["delete", "change", "point out"])
def test_changed_files_are_reported_as_different(made: Path, result: Path, harm: str) -> None:
    path = result / "manifest.json"
    segment = decode_manifest(path.read_bytes()).segments[0]
    match harm:
        case "delete":
            (result / segment.file).unlink()
        case "change":
            (result / segment.file).write_bytes(b"something else")
        case "point out":
            path.write_text(path.read_text().replace(f'"{segment.file}"', '"../../secret.flac"'))
    stated = _run("verify", result, "--inputs", made)
    assert stated.exit_code == 1
    assert "different" in stated.stdout.splitlines()[0]
    assert "its file is" in stated.stdout.splitlines()[0]
    assert stated.stderr.splitlines()[-1] == f"Error: {result}: 1 of 2 segments are different"


@pytest.mark.parametrize(
    ("old", "new", "stated"),
    [
        ('"chain": "A"', '"chain": "B"', "the manifest's spec names it “Riff in E” through “A”"),
        ('"integrated_lufs": -', '"integrated_lufs": -9', "the manifest states -9"),
        ('"true_peak_dbtp": -', '"true_peak_dbtp": -9', "the manifest states -9"),
    ],
    ids=["name", "loudness", "peak"],
)
def test_a_wrong_level_in_the_manifest_is_reported(made: Path, result: Path, old: str, new: str, stated: str) -> None:
    path = result / "manifest.json"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    reported = _run("verify", result, "--inputs", made)
    assert reported.exit_code == 1
    assert stated in reported.stdout.splitlines()[0]
    assert "exact" in reported.stdout.splitlines()[1]


def test_version_changes_are_reported_with_differences(made: Path, result: Path) -> None:
    _add_to_first_segment(result, 2e-4)
    path = result / "manifest.json"
    path.write_text(path.read_text().replace(f'"soxr": "{version("soxr")}"', '"soxr": "0.1"'))
    assert (
        f"Rendered with soxr 0.1; this installation has {version('soxr')}.\n"
        in _run("verify", result, "--inputs", made).stdout
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"chain": "A"', '"chain": "\\u001b[2J"'),
        ('"name": "a.nam"', '"name": "\\u009b2J"'),
        ('"engine": "', '"engine": "\\n'),
    ],
    ids=["segment", "input", "engine"],
)
def test_control_characters_of_a_manifest_are_not_printed(result: Path, old: str, new: str) -> None:
    path = result / "manifest.json"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    assert "expected a result manifest" in _refused("verify", result)


def test_a_manifest_with_absurd_numbers_is_reported_as_different(made: Path, result: Path) -> None:
    path = result / "manifest.json"
    path.write_text(path.read_text().replace('"sample_rate_hz": 48000', '"sample_rate_hz": 0', 1))
    assert _run("verify", result, "--inputs", made).exit_code == 0


def test_a_folder_without_a_result_is_rejected(tmp_path: Path) -> None:
    assert "No such file" in _refused("verify", tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps({"schema": 1}))
    assert "expected a result manifest" in _refused("verify", tmp_path)
