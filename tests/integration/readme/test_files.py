"""The README's commands that need no server."""

import json
from pathlib import Path

import pytest

from tests.support.readme import run

pytestmark = pytest.mark.slow


def test_a_spec_is_rendered_without_a_server(folder: Path, environ: dict[str, str]) -> None:
    run("shootout render crunch.toml --out two-crunches", folder, environ)
    manifest = json.loads((folder / "two-crunches" / "manifest.json").read_text())
    assert [segment["chain"] for segment in manifest["segments"]] == ["Plexi, V30", "Combo, bright"]
    assert (folder / "two-crunches" / "comparison.mp4").is_file()
    run("shootout bundle two-crunches", folder, environ)
    assert run("shootout verify two-crunches.zip", folder, environ).count("exact") == len(manifest["segments"])


def test_a_spec_is_written_from_files_and_valid(folder: Path, environ: dict[str, str]) -> None:
    run("shootout init riff.wav plexi.nam combo.nam v30.wav", folder, environ)
    assert "plexi, v30" in run("shootout check spec.toml", folder, environ)


def test_files_are_inspected_reamped_and_measured(folder: Path, environ: dict[str, str]) -> None:
    assert "WaveNet" in run("shootout inspect plexi.nam v30.wav riff.wav", folder, environ)
    run("shootout reamp riff.wav plexi.nam out.wav --ir v30.wav", folder, environ)
    assert "LUFS" in run("shootout measure out.wav", folder, environ)
