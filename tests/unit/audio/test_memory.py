"""Long recordings are processed in blocks, so that the extra memory hardly grows with their length."""

import tracemalloc
from collections.abc import Callable, Generator

import numpy as np
import pytest

from tone_shootout.audio.convolve import cab_ir
from tone_shootout.audio.dynamics import noise_gate
from tone_shootout.audio.filters import Band, equalize
from tone_shootout.audio.levels import apply_gain
from tone_shootout.audio.loudness import measure
from tone_shootout.audio.resample import resample
from tone_shootout.audio.signals import Float32
from tone_shootout.audio.space import delay, reverb, reverb_ir
from tone_shootout.audio.spectrum import spectrum
from tone_shootout.audio.temporal import temporal_features

RATE = 48_000
SECONDS = 120
BLOCKS = 40_000_000
"""Memory budget of the blocks in bytes, for any length of recording."""


@pytest.fixture(scope="module")
def recording() -> Float32:
    """Return a single decaying note, the longest possible note."""
    time = np.arange(SECONDS * RATE, dtype=np.float32) / RATE
    return np.asarray(0.5 * np.sin(2 * np.pi * 110 * time) * np.exp(-time / 60), dtype=np.float32)


@pytest.fixture
def traced() -> Generator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("process", "copies"),
    [
        pytest.param(lambda x: apply_gain(x, -3.0), 1, id="gain"),
        pytest.param(lambda x: cab_ir(x, np.geomspace(1.0, 1e-4, 4_096), RATE, mix=0.5, low_cut_hz=80.0), 3, id="cab"),
        pytest.param(lambda x: equalize(x, RATE, [Band("peak", 1_000.0, db=3.0)]), 1, id="eq"),
        pytest.param(lambda x: noise_gate(x, RATE, threshold_db=-20.0), 1.5, id="gate"),
        pytest.param(lambda x: delay(x, RATE, ms=300.0, feedback=0.5, mix=0.3), 3, id="delay"),
        pytest.param(lambda x: reverb(x, reverb_ir(RATE, kind="room", decay_s=1.0), mix=0.3), 2, id="reverb"),
        pytest.param(lambda x: resample(x, RATE, 44_100), 1, id="resample"),
        pytest.param(lambda x: measure(x, RATE), 1, id="loudness"),
        pytest.param(lambda x: spectrum(x, RATE), 1, id="spectrum"),
        pytest.param(lambda x: temporal_features(x, RATE), 3.5, id="temporal_features"),
    ],
)
def test_peak_memory_is_bounded_by_a_few_copies_of_the_recording(
    recording: Float32, traced: None, process: Callable[[Float32], object], copies: float
) -> None:
    process(recording)
    assert tracemalloc.get_traced_memory()[1] < copies * recording.nbytes + BLOCKS
