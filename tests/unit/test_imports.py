"""Processes do not load what only others need: each second of imports is paid at every start."""

import subprocess
import sys

import pytest

SLOW = {"matplotlib", "onnxruntime", "scipy.signal", "scipy.stats"}
"""Libraries of the rendering; each takes a third of a second or more to import."""


@pytest.mark.parametrize(
    "module",
    [
        "tone_shootout.app",
        "tone_shootout.composition",
        "tone_shootout.embedded.service",
        "tone_shootout.rendering.produce",
        "tone_shootout.audio.nam",
        "tone_shootout.audio.loudness",
    ],
)
def test_libraries_of_the_rendering_are_imported_when_they_are_used(module: str) -> None:
    code = f"import sys, {module}; print(*sorted({SLOW} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
