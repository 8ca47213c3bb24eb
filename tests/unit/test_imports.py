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


def test_rendering_imports_no_package_of_scipy_whose_functions_it_loads_and_no_matplotlib_without_plots() -> None:
    """`scipy.signal` comes with `scipy.stats`, and either takes longer to import than everything else."""
    modules = "tone_shootout.rendering.executor.preload, tone_shootout.rendering.produce"
    code = f"""
import sys, {modules}
from tone_shootout.audio.convolve import cab_ir
from tone_shootout.audio.loudness import measure
from tone_shootout.audio.machine import machine_traits
import numpy as np
noise = np.random.default_rng(1).standard_normal(48_000).astype(np.float32)
measure(cab_ir(noise, noise[:1_000], 48_000), 48_000)
machine_traits()
packages = ("cluster", "fft", "linalg", "ndimage", "signal", "spatial", "special", "stats")
print(*(name for name in packages if f"scipy.{{name}}" in sys.modules), *{{"matplotlib"}} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
