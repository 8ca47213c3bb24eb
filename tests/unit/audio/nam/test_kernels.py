"""Compiled kernels, compared with NumPy and with themselves on other instruction sets."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.bench.shapes import SHAPES
from tests.support.examples import examples
from tests.support.nam_documents import REFERENCE, capture, document, encoded, noise, refilled
from tone_shootout.audio.nam import NamError, NamModel, load
from tone_shootout.audio.nam.kernels import target
from tone_shootout.audio.nam.kernels.target import TARGETS

EVERY = sorted(path.stem for path in (REFERENCE / "models").glob("*.nam"))
QUICK = ["a1_nano", "act_all_types", "bottleneck_head1x1", "convnet_bn", "gated_legacy", "linear", "lstm_1x16"]
"""Reference models that use all kernels among them."""
HERE = [it.name for it in TARGETS if it.required <= target._features()]
"""Instruction sets of this processor."""

SIZES = st.integers(1, 9)
ACTIVATIONS: list[Any] = [
    "Tanh",
    "Hardtanh",
    "Fasttanh",
    "ReLU",
    {"type": "LeakyReLU", "negative_slope": 0.2},
    {"type": "PReLU", "negative_slope": 1.7},
    "Sigmoid",
    "SiLU",
    "Hardswish",
    {"type": "LeakyHardtanh", "min_val": -0.3, "max_slope": 0.1},
    "Softsign",
]


def rendered(model: NamModel, engine: str, x: NDArray[np.float32]) -> NDArray[np.float32]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(target.VARIABLE, engine)
        return model.start().process(x)


@st.composite
def wavenets(draw: st.DrawFn) -> dict[str, Any]:
    """A WaveNet of one or two arrays of any small shape that kernels cover."""
    arrays: list[dict[str, Any]] = []
    head1x1 = draw(st.booleans())
    widths = draw(st.lists(SIZES, min_size=1, max_size=2))
    for index, channels in enumerate(widths):
        layers = draw(st.integers(1, 3))
        bottleneck = draw(SIZES) if head1x1 else channels
        heads = channels if head1x1 else bottleneck
        array = {
            "input_size": widths[index - 1] if index else 1,
            "condition_size": 1,
            "channels": channels,
            "bottleneck": bottleneck,
            "kernel_sizes": draw(st.lists(st.integers(1, 7), min_size=layers, max_size=layers)),
            "dilations": draw(st.lists(st.integers(1, 90), min_size=layers, max_size=layers)),
            "activation": draw(st.sampled_from(ACTIVATIONS)),
            "gating_mode": draw(st.sampled_from(["none", "gated", "blended"])),
            "secondary_activation": draw(st.sampled_from(ACTIVATIONS)),
            "head": {
                "out_channels": widths[index + 1] if index + 1 < len(widths) else 1,
                "kernel_size": draw(st.integers(1, 4)),
                "head_dilation": draw(st.integers(1, 4)),
                "bias": draw(st.booleans()),
            },
            "layer1x1": {"active": bottleneck != channels or draw(st.booleans()), "groups": 1},
        }
        if head1x1:
            array["head1x1"] = {"active": True, "out_channels": heads, "groups": 1}
        arrays.append(array)
    post = {"channels": draw(SIZES), "out_channels": 1, "kernel_sizes": [1, 3], "activation": "Softsign"}
    config = {"layers": arrays, "head": draw(st.sampled_from([None, post])), "head_scale": 0.5}
    return refilled({**document("a1_nano"), "config": config})


@settings(max_examples=examples(40), deadline=None)
@given(wavenets(), st.sampled_from(HERE or ["numpy"]))
def test_kernels_of_any_wavenet_compute_what_numpy_does(found: dict[str, Any], engine: str) -> None:
    model, x = load(encoded(found)), noise(700)
    plain = rendered(model, "numpy", x)
    assert np.abs(rendered(model, engine, x) - plain).max() <= 1e-5 * max(1, np.abs(plain).max())


@pytest.mark.parametrize("engine", HERE or ["numpy"])
@pytest.mark.parametrize(("name", "rows"), [("convnet", 8), ("convnet_bn", 6), ("a1_nano", 2)])
def test_each_row_has_its_own_slope(name: str, rows: int, engine: str) -> None:
    activation = {"type": "PReLU", "negative_slopes": [0.1 + 0.3 * row for row in range(rows)]}
    found = document(name)
    config = dict(found["config"])
    if "layers" in config:
        config["layers"] = [{**each, "activation": activation} for each in config["layers"]]
    else:
        config["activation"] = activation
    model, x = load(encoded({**found, "config": config})), noise(500)
    plain = rendered(model, "numpy", x)
    assert np.abs(rendered(model, engine, x) - plain).max() <= 1e-5 * max(1, np.abs(plain).max())


@settings(max_examples=examples(16), deadline=None)
@given(st.integers(1, 50), st.integers(1, 3), st.sampled_from(HERE or ["numpy"]))
def test_kernels_of_any_lstm_compute_what_numpy_does(units: int, layers: int, engine: str) -> None:
    widths = [1, *[units] * (layers - 1)]
    count = sum(4 * units * (width + units + 1) + 2 * units for width in widths) + units + 1
    config = {"num_layers": layers, "input_size": 1, "hidden_size": units}
    weights = np.random.default_rng(count).uniform(-0.5, 0.5, count).tolist()
    found = {**document("lstm_1x16"), "config": config, "weights": weights, "sample_rate": 1000}
    model, x = load(encoded(found)), noise(300)
    assert np.abs(rendered(model, engine, x) - rendered(model, "numpy", x)).max() <= 1e-5


@pytest.mark.skipif(len(HERE) < 2, reason="this processor has one instruction set with kernels")
@pytest.mark.parametrize(
    "name",
    [*QUICK, *(pytest.param(name, marks=pytest.mark.thorough) for name in [*EVERY, *SHAPES] if name not in QUICK)],
)
def test_all_instruction_sets_of_a_processor_give_the_same_bytes(name: str) -> None:
    model = load(SHAPES[name]()) if name in SHAPES else capture(name)
    x = noise(3000)
    first, *others = (rendered(model, engine, x).tobytes() for engine in HERE)
    assert others == [first] * len(others)


@pytest.mark.parametrize("name", EVERY)
def test_a_capture_runs_without_kernels(name: str) -> None:
    x = noise(200)
    plain, compiled = rendered(capture(name), "numpy", x), capture(name).start().process(x)
    assert np.abs(plain - compiled).max() <= 1e-5


def test_an_unknown_engine_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(NamError, match=r"SHOOTOUT_ENGINE: expected numpy.*, got 'gpu'"):
        rendered(capture("a1_nano"), "gpu", noise(1))
