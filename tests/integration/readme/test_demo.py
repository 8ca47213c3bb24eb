"""The README's first command does the main job."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.support.readme import INSTALL, run

pytestmark = pytest.mark.slow


def test_the_demo_does_the_main_job(desk: Path, environ: dict[str, str]) -> None:
    said = run(INSTALL + "python3 -m uv run shootout demo", desk, environ)
    results = desk / "shootout-demo"
    manifest = json.loads((results / "manifest.json").read_text())
    assert len(manifest["segments"]) == 6
    for segment in manifest["segments"]:
        assert segment["file"] in said
        assert abs(segment["measured"]["integrated_lufs"] - manifest["level"]["target"]) <= 0.1
    for name in ("comparison.mp4", "chapters.txt", "description.txt"):
        assert name in said
        assert (results / name).stat().st_size > 0
    kept = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (results / "inputs").iterdir()}
    assert kept == {item["sha256"] for item in manifest["inputs"]}, "what it takes to verify the result"
    assert run("python3 -m uv run shootout verify shootout-demo", desk, environ).count("exact") == 6
