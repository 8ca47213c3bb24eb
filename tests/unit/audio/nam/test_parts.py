"""The parts that captures are made of, against their formulas in double precision (docs/nam.md sections 4 and 6)."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit

from tests.support.examples import examples
from tone_shootout.audio.nam.activations import ActivationConfig, build_activation
from tone_shootout.audio.nam.convolution import CausalConv, ConvShape, Stack
from tone_shootout.audio.nam.lstm import advance

Float = NDArray[np.floating[Any]]
X = np.linspace(-12, 12, 4002).reshape(2, -1)

FORMULAS: list[tuple[str | ActivationConfig, Callable[[Float], Float]]] = [
    ("Tanh", np.tanh),
    (ActivationConfig("Hardtanh", min_val=-0.1, max_val=0.2), lambda x: np.clip(x, -1, 1)),
    ("ReLU", lambda x: np.maximum(x, 0)),
    ("LeakyReLU", lambda x: np.where(x > 0, x, 0.01 * x)),
    (ActivationConfig("LeakyReLU", negative_slope=1.5), lambda x: np.where(x > 0, x, 1.5 * x)),
    (ActivationConfig("LeakyReLU", negative_slope=-0.5), lambda x: np.where(x > 0, x, -0.5 * x)),
    ("PReLU", lambda x: np.where(x > 0, x, 0.01 * x)),
    (
        ActivationConfig("PReLU", negative_slopes=[0.2, 3.0]),
        lambda x: np.where(x > 0, x, np.array([[0.2], [3.0]]) * x),
    ),
    (
        ActivationConfig("PReLU", negative_slope=0.3, negative_slopes=[9.0, 9.0]),
        lambda x: np.where(x > 0, x, 0.3 * x),
    ),
    ("Sigmoid", expit),
    ("SiLU", lambda x: x * expit(x)),
    ("Hardswish", lambda x: x * np.clip(x + 3, 0, 6) / 6),
    ("Softsign", lambda x: x / (1 + np.abs(x))),
    ("Fasttanh", np.tanh),
    (
        ActivationConfig("LeakyHardTanh", min_val=-2.0, max_val=0.5, min_slope=0.3, max_slope=-0.1),
        lambda x: np.select([x < -2, x > 0.5], [(x + 2) * 0.3 - 2, (x - 0.5) * -0.1 + 0.5], x),
    ),
]


@pytest.mark.parametrize(("config", "formula"), FORMULAS, ids=[f"{i}" for i in range(len(FORMULAS))])
def test_an_activation_follows_its_formula(config: str | ActivationConfig, formula: Callable[[Float], Float]) -> None:
    out = np.empty(X.shape, np.float32)
    with np.errstate(over="ignore"):
        build_activation(config, len(X), "")(X.astype(np.float32), out)
    tolerance = 1e-3 if config == "Fasttanh" else 1e-6 * np.abs(X).max()
    assert np.abs(out - formula(X)).max() < tolerance


def test_a_short_list_of_slopes_is_repeated_over_the_channels() -> None:
    out = np.empty((4, 1), np.float32)
    build_activation(ActivationConfig("PReLU", negative_slopes=[0.5, 0.25]), 4, "")(np.full_like(out, -1), out)
    assert out[:, 0].tolist() == [-0.5, -0.25, -0.5, -0.25]


@settings(max_examples=examples(60), deadline=None)
@given(
    inputs=st.integers(1, 4),
    outputs=st.integers(1, 4),
    kernel=st.integers(1, 6),
    dilation=st.integers(1, 40),
    blocks=st.integers(1, 4),
)
def test_a_causal_convolution_is_the_sum_of_its_delayed_inputs(
    inputs: int, outputs: int, kernel: int, dilation: int, blocks: int
) -> None:
    rng = np.random.default_rng(inputs + 10 * outputs + 100 * kernel + 1000 * dilation)
    weight = rng.standard_normal((outputs, inputs, kernel)).astype(np.float32)
    bias = rng.standard_normal(outputs).astype(np.float32)
    x = rng.standard_normal((inputs, 32 * blocks)).astype(np.float32)
    conv = CausalConv(weight, bias, dilation, Stack([ConvShape(inputs, outputs, kernel)], 32))
    y = np.empty((outputs, x.shape[1]), np.float32)
    for start in range(0, x.shape[1], 32):
        conv.input[:] = x[:, start : start + 32]
        out = np.empty((outputs, 32), np.float32)
        conv.compute(out)
        y[:, start : start + 32] = out
        conv.commit()

    expected = np.zeros(y.shape) + bias[:, np.newaxis]
    for k in range(kernel):
        delay = (kernel - 1 - k) * dilation
        delayed = np.concatenate([np.zeros((inputs, delay)), x], axis=1)[:, : x.shape[1]]
        expected += weight[:, :, k].astype(np.float64) @ delayed
    assert np.abs(y - expected).max() < 1e-5


def test_groups_are_blocks_on_the_diagonal() -> None:
    shape = ConvShape(inputs=4, outputs=6, kernel=2, groups=2)
    grouped = np.arange(1, 25, dtype=np.float32).reshape(6, 2, 2)
    weight, bias = shape.take(iter([grouped, np.zeros(6, np.float32)]))
    assert shape.tensors() == [(6, 2, 2), (6,)]
    assert np.array_equal(weight[:3, :2], grouped[:3])
    assert np.array_equal(weight[3:, 2:], grouped[3:])
    assert not weight[:3, 2:].any()
    assert not weight[3:, :2].any()
    assert bias.shape == (6,)


@pytest.mark.parametrize(("inputs", "hidden"), [(1, 1), (1, 3), (3, 16), (2, 20)])
def test_an_lstm_layer_follows_its_formula(inputs: int, hidden: int) -> None:
    rng = np.random.default_rng(hidden)
    W = rng.standard_normal((4 * hidden, inputs + hidden)).astype(np.float32)
    b, h, c = (rng.standard_normal(size).astype(np.float32) for size in (4 * hidden, hidden, hidden))
    u = rng.standard_normal((50, inputs)).astype(np.float32)
    exact_h, exact_c = h.astype(np.float64), c.astype(np.float64)
    for sample in u:
        h, c = advance(W, b, sample, h, c)
        z = W.astype(np.float64) @ np.concatenate([sample, exact_h]) + b
        i, f, g, o = z.reshape(4, hidden)
        exact_c = expit(f) * exact_c + expit(i) * np.tanh(g)
        exact_h = expit(o) * np.tanh(exact_c)
        assert np.abs(h - exact_h).max() < 2e-6
