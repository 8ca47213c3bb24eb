"""Properties of runs for every capture: determinism, causality, a settled start, finite samples."""

import hashlib
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bench.shapes import SHAPES
from tests.support.nam_documents import REFERENCE, capture, document, encoded, noise
from tone_shootout.audio.nam import NamError, load

EVERY = sorted(path.stem for path in (REFERENCE / "models").glob("*.nam"))
"""All reference models: every architecture, and every feature of a WaveNet."""
CONVOLVING = sorted(set(EVERY) - {"lstm_1x16", "lstm_memory", "linear", "linear_bias_long"})


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=4, deadline=None)
@given(cuts=st.lists(st.integers(0, 9000), max_size=6))
def test_output_bytes_do_not_depend_on_block_sizes(name: str, cuts: list[int]) -> None:
    x = noise(9000)
    run = capture(name).start()
    pieces = [run.process(piece) for piece in np.split(x, sorted(cuts))]
    assert np.concatenate(pieces).tobytes() == capture(name).start().process(x).tobytes()


@pytest.mark.parametrize("name", EVERY)
def test_output_does_not_depend_on_later_samples(name: str) -> None:
    x = noise(6000)
    other = np.concatenate([x[:2500], noise(3500, seed=2)])
    y, changed = (capture(name).start().process(signal) for signal in (x, other))
    assert y[:2500].tobytes() == changed[:2500].tobytes()
    assert not np.array_equal(y[2500:], changed[2500:])


@pytest.mark.parametrize("name", CONVOLVING)
def test_output_does_not_depend_on_samples_before_the_receptive_field(name: str) -> None:
    reach = capture(name).receptive_field
    x = noise(100 + reach + 500)
    changed = x.copy()
    changed[100] += 0.25
    y, other = (capture(name).start().process(signal) for signal in (x, changed))
    touched = np.flatnonzero(y != other)
    assert touched[0] == 100
    assert touched[-1] < 100 + reach


@pytest.mark.parametrize("name", [*CONVOLVING, "lstm_1x16"])
def test_output_for_silence_is_constant_from_the_first_sample(name: str) -> None:
    y = capture(name).start().process(np.zeros(5000, np.float32))
    assert np.ptp(y) < 1e-6


def test_runs_of_one_capture_are_independent() -> None:
    x = noise(6000)
    first, second = capture("a1_nano").start(), capture("a1_nano").start()
    alone = capture("a1_nano").start().process(x)
    mixed = [(first.process(piece), second.process(-piece))[0] for piece in np.split(x, 5)]
    assert np.concatenate(mixed).tobytes() == alone.tobytes()


@pytest.mark.parametrize("name", ["a1_feather", "lstm_1x16"])
def test_threads_can_share_a_capture(name: str) -> None:
    x = noise(20_000)
    with ThreadPoolExecutor(4) as pool:
        outputs = list(pool.map(lambda _: capture(name).start().process(x).tobytes(), range(4)))
    assert set(outputs) == {capture(name).start().process(x).tobytes()}


@pytest.mark.parametrize("name", EVERY)
def test_a_capture_can_be_pickled(name: str) -> None:
    sent = pickle.loads(pickle.dumps(capture(name)))
    x = noise(300)
    assert sent.start().process(x).tobytes() == capture(name).start().process(x).tobytes()


HASH_OF_A_RENDER = """
import hashlib
from tests.bench.shapes import SHAPES
from tests.support.nam_documents import noise
from tone_shootout.audio.nam import load
print(hashlib.sha256(load(SHAPES["A1 standard"]()).start().process(noise(20_000)).tobytes()).hexdigest())
"""


def hash_elsewhere(**environment: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", HASH_OF_A_RENDER],
        env={**os.environ, **environment},
        cwd=REFERENCE.parents[2],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


def test_another_process_renders_the_same_bytes() -> None:
    here = load(SHAPES["A1 standard"]()).start().process(noise(20_000)).tobytes()
    assert hash_elsewhere() == hashlib.sha256(here).hexdigest()


def test_output_bytes_do_not_depend_on_blas_threads() -> None:
    # OpenBLAS splits a product of this size between threads only in its kernels for processors without AVX-512.
    hashes = {
        hash_elsewhere(SHOOTOUT_ENGINE="numpy", OPENBLAS_CORETYPE="Haswell", OPENBLAS_NUM_THREADS=threads)
        for threads in ("1", "2")
    }
    assert len(hashes) == 1


def test_empty_input_gives_empty_output() -> None:
    run = capture("a1_nano").start()
    assert run.process(np.zeros(0, np.float32)).shape == (0,)


@pytest.mark.parametrize(
    "samples",
    [np.zeros(8), np.zeros((1, 8), np.float32), np.array([0.0, np.nan], np.float32), np.array([np.inf], np.float32)],
    ids=["float64", "two dimensions", "NaN", "infinity"],
)
def test_anything_but_finite_float32_samples_is_rejected(samples: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected"):
        capture("a1_nano").start().process(samples)


def test_output_beyond_the_range_of_float32_is_an_error() -> None:
    wild = document("act_relu")
    wild["weights"] = [1e30] * len(wild["weights"])
    run = load(encoded(wild)).start()
    with pytest.raises(NamError) as refusal:
        run.process(noise(100))
    assert refusal.value.code == "unstable"


@pytest.mark.parametrize("size", [-0.1, 1.1, float("nan")])
def test_a_size_outside_0_to_1_is_rejected(size: float) -> None:
    with pytest.raises(ValueError, match="size"):
        capture("slimmable").start(size=size)


def test_a_capture_of_one_size_ignores_the_size() -> None:
    assert not capture("a1_nano").slimmable
    x = noise(500)
    assert capture("a1_nano").start(size=0.0).process(x).tobytes() == capture("a1_nano").start().process(x).tobytes()
