"""The README's first command renders a whole comparison."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.support.readme import INSTALL, run

pytestmark = pytest.mark.slow


def test_the_demo_renders_a_verifiable_comparison(folder: Path, environ: dict[str, str]) -> None:
    output = run(INSTALL + "python3 -m uv run shootout demo", folder, environ)
    results = folder / "shootout-demo"
    manifest = json.loads((results / "manifest.json").read_text())
    assert len(manifest["segments"]) == 6
    for segment in manifest["segments"]:
        assert segment["file"] in output
        assert abs(segment["measured"]["integrated_lufs"] - manifest["level"]["target_lufs"]) <= 0.1
    for name in ("comparison.mp4", "chapters.txt", "description.txt"):
        assert name in output
        assert (results / name).stat().st_size > 0
    saved = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (results / "inputs").iterdir()}
    assert saved == {item["sha256"] for item in manifest["inputs"]}, "the inputs needed to verify the result"
    assert run("python3 -m uv run shootout verify shootout-demo", folder, environ).count("exact") == 6
