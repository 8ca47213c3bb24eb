"""Generated code: its functions, its bounds, other processors, and systems that can't run it."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit

from tests.support.minimax import exponential_fit, tanh_fit
from tests.support.nam_documents import REFERENCE, capture, document, encoded, noise, refilled
from tone_shootout.audio.nam import load
from tone_shootout.audio.nam.kernels import functions
from tone_shootout.audio.nam.kernels.compiler import assembly, module_text
from tone_shootout.audio.nam.kernels.layer import MAX_ROWS, Layer, Plan, Weights
from tone_shootout.audio.nam.kernels.lstm import Recurrent
from tone_shootout.audio.nam.kernels.program import MAX_KERNELS, KernelNetwork, Program, can_compile
from tone_shootout.audio.nam.kernels.target import NEON, host_target
from tone_shootout.audio.nam.lstm import LSTM, LSTMNetwork
from tone_shootout.audio.nam.wavenet import WaveNet
from tone_shootout.audio.nam.wavenet.network import WaveNetNetwork

pytestmark = pytest.mark.skipif(host_target() is None, reason="this system has no kernels")
ERROR_BOUND = 4e-7
"""Largest error of tanh and of the sigmoid function, as the documentation states it."""


def activated(kind: str, x: NDArray[np.float32]) -> NDArray[np.float32]:
    target = host_target()
    assert target
    program = Program(target, len(x))
    source, result = program.buffer(1), program.buffer(1)
    one = np.ones((1, 1, 1), np.float32)
    program.layer(Layer(1, 1, activation=kind), Weights(one, np.zeros(1, np.float32)), x=source, y=result)
    return np.array(program.network(source, result).compute(x[np.newaxis])[0], np.float32)


@pytest.mark.parametrize(("kind", "exact"), [("Tanh", np.tanh), ("Sigmoid", expit)])
def test_an_approximation_is_within_its_error_bound_for_all_numbers(kind: str, exact: Callable[[Any], Any]) -> None:
    rng = np.random.default_rng(1)
    anything = rng.integers(0, 2**32, 100_000, dtype=np.uint32).view(np.float32)
    x = np.concatenate([np.linspace(-12, 12, 400_001, dtype=np.float32), anything[np.isfinite(anything)]])
    assert np.abs(activated(kind, x) - exact(x.astype(np.float64))).max() < ERROR_BOUND
    assert np.isnan(activated(kind, np.array([np.nan], np.float32))).all()


def test_a_forget_gate_that_is_open_loses_nothing() -> None:
    assert activated("Sigmoid", np.array([20.0, -100.0], np.float32)).tolist() == [1.0, pytest.approx(0, abs=1e-37)]


@pytest.mark.thorough
def test_the_coefficients_are_those_that_the_script_derives() -> None:
    tanh, exponential = tanh_fit(), exponential_fit()
    assert tanh.error < 2e-8
    assert exponential.error < 1e-7
    assert tanh.numerator == pytest.approx(functions.TANH_NUMERATOR, rel=1e-3)
    assert tanh.denominator == pytest.approx(functions.TANH_DENOMINATOR, rel=1e-3)
    assert exponential.numerator == pytest.approx(functions.EXPONENTIAL, rel=1e-5)


def test_kernels_compile_for_arm_with_fused_multiply_adds_and_calls_of_nothing() -> None:
    target = replace(NEON, triple="aarch64-unknown-linux-gnu")
    kernels = [
        Layer(3, 4, 2, conditions=1, activation="Tanh", head=4, output="residual"),
        Layer(3, 8, 2, 1, "SiLU", "gated", "Sigmoid", 5, head1x1=True, output="x"),
        Recurrent(1, 3, 1, 1),
    ]
    code = assembly(module_text(kernels, target), target)
    calls = {line.split()[1] for line in code.splitlines() if line.split()[:1] == ["bl"]}
    assert "fmla" in code
    assert calls == set()


def test_no_tile_changes_the_order_of_weights_of_a_row() -> None:
    layer = Layer(5, 12, 3, conditions=2, activation="Tanh", gating="gated", secondary="Sigmoid")
    rows = sorted(row for group in Plan(layer, NEON).conv_groups() for row in group)
    assert rows == list(range(12))


def wide(channels: int) -> WaveNet:
    found = document("a1_nano")
    first, second = found["config"]["layers"]
    first["channels"] = second["input_size"] = channels
    first["dilations"] = second["dilations"] = [1]
    model = load(encoded(refilled(found))).model
    assert isinstance(model, WaveNet)
    return model


def test_layers_beyond_the_bounds_never_reach_the_generator() -> None:
    assert isinstance(wide(MAX_ROWS).network(64), KernelNetwork)
    assert isinstance(wide(MAX_ROWS + 1).network(64), WaveNetNetwork)
    layers = [Layer(1, 1, taps) for taps in range(1, MAX_KERNELS + 2)]
    assert can_compile(layers[:-1])
    assert not can_compile(layers)


def test_an_lstm_beyond_the_bounds_runs_in_numpy() -> None:
    count = 4 * 129 * 131 + 2 * 129 + 130
    found = {**document("lstm_1x16"), "config": {"num_layers": 1, "input_size": 1, "hidden_size": 129}}
    model = load(encoded({**found, "weights": [0.01] * count})).model
    assert isinstance(model, LSTM)
    assert isinstance(model.network(64), LSTMNetwork)


WITHOUT = {
    "no LLVM": "import sys; sys.modules['llvmlite'] = None",
    # The system refuses to make memory executable, as for services with systemd's MemoryDenyWriteExecute.
    "no executable memory": "import ctypes; assert ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) == 0, 'unsupported'",
}


@pytest.mark.parametrize("reason", WITHOUT)
def test_a_system_without_kernels_runs_captures_in_numpy(reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = f"""
{WITHOUT[reason]}
import sys
from tests.support.nam_documents import capture, noise
sys.stdout.buffer.write(capture("a1_nano").start().process(noise(500)).tobytes())
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=REFERENCE.parents[2], capture_output=True, check=False)
    if b"unsupported" in done.stderr:
        pytest.skip("this kernel of Linux can't refuse executable memory")
    monkeypatch.setenv("SHOOTOUT_ENGINE", "numpy")
    assert done.stdout == capture("a1_nano").start().process(noise(500)).tobytes(), done.stderr
