"""The README's first command renders a whole comparison."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.support.readme import INSTALL, run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def output(folder: Path, environ: dict[str, str]) -> str:
    return run(INSTALL + "python3 -m uv run shootout demo", folder, environ)


def test_the_demo_renders_a_comparison_at_one_loudness(output: str, folder: Path) -> None:
    results = folder / "shootout-demo"
    manifest = json.loads((results / "manifest.json").read_text())
    assert len(manifest["segments"]) == 6
    for segment in manifest["segments"]:
        assert segment["file"] in output
        assert abs(segment["measured"]["integrated_lufs"] - manifest["level"]["target_lufs"]) <= 0.1
    for name in ("index.html", "comparison.mp4", "chapters.txt", "description.txt"):
        assert name in output
        assert (results / name).stat().st_size > 0
    saved = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (results / "inputs").iterdir()}
    assert saved == {item["sha256"] for item in manifest["inputs"]}, "the inputs needed to verify the result"


@pytest.mark.thorough
def test_the_demo_can_be_verified(output: str, folder: Path, environ: dict[str, str]) -> None:
    """It renders everything again; `tests/integration/cli/test_verify.py` has the command's other properties."""
    assert run("python3 -m uv run shootout verify shootout-demo", folder, environ).count("exact") == 6
