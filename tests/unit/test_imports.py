"""Processes do not load what only others need: each second of imports is paid at every start."""

import subprocess
import sys

SLOW = {"llvmlite", "matplotlib", "scipy.signal", "scipy.stats"}
"""Libraries of the rendering; each takes a third of a second or more to import."""


def test_libraries_of_the_rendering_are_imported_when_they_are_used() -> None:
    modules = (
        "tone_shootout.app, tone_shootout.embedded.service, tone_shootout.rendering.produce, tone_shootout.audio.nam"
    )
    code = f"import sys, {modules}; print(*sorted({SLOW} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_rendering_does_not_import_the_statistics_of_scipy() -> None:
    """They come with `scipy.signal`, and take longer to import than everything else."""
    statistics = {"scipy.signal", "scipy.stats"}
    code = f"import sys, tone_shootout.rendering.executor.preload; print(*{statistics} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
