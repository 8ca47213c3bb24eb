"""Samples of another kind of processor are not reused, although their render keys are equal."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.support.render_inputs import RATE, cabinet, nano_capture, plucks
from tests.support.shootouts import Memory
from tests.support.specs import blocks, spec
from tone_shootout.audio.files import write_wav
from tone_shootout.rendering.executor.machine_store import MachineStore, machine_key, store_key

# A kernel of OpenBLAS that every processor of the family can run, and this one does not by itself.
OTHER_KERNEL = "Nehalem" if platform.machine() in ("x86_64", "AMD64") else "ARMV8"
PROGRAM = """
import json, sys
from tone_shootout.audio.machine import machine_traits
from tone_shootout.rendering.executor.machine_store import machine_key
print(json.dumps([dict(machine_traits()), machine_key()]))
"""


def traits(**environ: str) -> tuple[dict[str, Any], str]:
    """Traits and key of this machine in a process with an environment."""
    stated = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={**os.environ, **environ}, capture_output=True, text=True
    )
    assert stated.returncode == 0, stated.stderr
    found, key = json.loads(stated.stdout)
    return found, key


def test_machine_traits_depend_on_the_blas_kernel_but_not_on_threads() -> None:
    here, key = traits()
    assert key == machine_key()
    assert traits(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="3")[1] == key
    other, other_key = traits(OPENBLAS_CORETYPE=OTHER_KERNEL)
    assert other_key != key
    assert {**other, "blas": here["blas"]} == here


def test_machine_traits_depend_on_instruction_sets() -> None:
    here, key = traits()
    optional = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    other, other_key = traits(NPY_DISABLE_CPU_FEATURES=" ".join(optional))
    assert set(here["instructions"]) - set(other["instructions"]) == set(optional)
    assert (other_key == key) == (not optional)


def test_a_store_returns_only_entries_of_the_same_kind_of_machine() -> None:
    memory = Memory()
    store = MachineStore(memory)
    store.put("a" * 64, b"ours")
    memory.kept["b" * 64] = b"of before machines were told apart"
    assert store.get("a" * 64) == b"ours"
    assert store.get("b" * 64) is None
    assert next(iter(memory.kept)) == store_key("a" * 64) != "a" * 64
    assert len(store_key("a" * 64)) == 64


@pytest.mark.thorough
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="needs a processor with AVX2")
def test_a_result_of_another_kind_of_processor_is_exact(tmp_path: Path) -> None:
    write_wav(tmp_path / "riff.wav", plucks(0.5), RATE)
    (tmp_path / "amp.nam").write_bytes(nano_capture(seed=1))
    write_wav(tmp_path / "cab.wav", cabinet(seed=2), RATE)
    chain = {"name": "Amp", "blocks": blocks("amp.nam", "cab.wav")}
    (tmp_path / "spec.json").write_bytes(msgspec.json.encode(spec(chain)))

    def run(*arguments: str, **environ: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "tone_shootout", *arguments],
            cwd=tmp_path,
            env={**os.environ, **environ},
            capture_output=True,
            check=True,
            text=True,
        ).stdout

    optional = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    other = {"OPENBLAS_CORETYPE": OTHER_KERNEL, "NPY_DISABLE_CPU_FEATURES": " ".join(optional)}
    run("render", "spec.json", "--out", "out", "--no-video", "--no-plots", SHOOTOUT_ENGINE="avx2", **other)
    assert run("verify", "out", "--inputs", ".").splitlines()[0].split()[:2] == ["1", "exact"]
    run("render", "spec.json", "--out", "numpy", "--no-video", "--no-plots", SHOOTOUT_ENGINE="numpy", **other)
    assert run("verify", "numpy", "--inputs", ".").splitlines()[0].split()[:3] == ["1", "within", "tolerance"]


@pytest.mark.thorough
def test_two_kinds_of_processor_share_a_folder_and_a_render_key(tmp_path: Path) -> None:
    write_wav(tmp_path / "riff.wav", plucks(0.5), RATE)
    (tmp_path / "amp.nam").write_bytes(nano_capture(seed=1))
    write_wav(tmp_path / "cab.wav", cabinet(seed=2), RATE)
    chain = {"name": "Amp", "blocks": blocks("amp.nam", "cab.wav")}
    (tmp_path / "spec.json").write_bytes(msgspec.json.encode(spec(chain)))

    def rendered(**environ: str) -> dict[str, Any]:
        command = [sys.executable, "-m", "tone_shootout", "render", "spec.json", "--out", "out", "--cache", "kept"]
        subprocess.run(
            [*command, "--no-video", "--no-plots", "--no-page"],
            cwd=tmp_path,
            env={**os.environ, **environ},
            capture_output=True,
            check=True,
        )
        (segment,) = json.loads((tmp_path / "out" / "manifest.json").read_text())["segments"]
        return dict(segment)

    made = [rendered(), rendered(OPENBLAS_CORETYPE=OTHER_KERNEL), rendered()]
    assert [it["cache_hit"] for it in made] == [False, False, True]
    assert len({it["render_key"] for it in made}) == 1
