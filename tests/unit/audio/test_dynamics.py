import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from tests.support.examples import examples
from tests.support.signals import RATE, riff, sine
from tone_shootout.audio.dynamics import (
    ATTACK_RANGE_MS,
    GATE_HOLD_MS,
    RATIO_RANGE,
    RELEASE_RANGE_MS,
    THRESHOLD_RANGE_DB,
    compressor,
    noise_gate,
)
from tone_shootout.audio.signals import AudioError


def constant(db: float, seconds: float) -> NDArray[np.float64]:
    return np.full(round(seconds * RATE), 10 ** (db / 20))


def level_db(x: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(20 * np.log10(np.abs(x)))


@pytest.mark.parametrize(
    ("level", "ratio", "expected"),
    [(-40.0, 4.0, -40.0), (-8.0, 4.0, -17.0), (0.0, 2.0, -10.0), (0.0, 100.0, -19.8), (-20.0, 4.0, -20.5625)],
)
def test_steady_level_follows_the_static_curve(level: float, ratio: float, expected: float) -> None:
    out = compressor(constant(level, 1.0), RATE, threshold_db=-20.0, ratio=ratio, attack_ms=5.0, release_ms=50.0)
    assert level_db(out)[-1] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("rate", [44_100, 96_000])
def test_attack_and_release_are_time_constants(rate: int) -> None:
    loud, quiet = np.full(rate, 1.0), np.full(rate, 0.01)
    settings_ = {"threshold_db": -20.0, "ratio": 2.0, "attack_ms": 10.0, "release_ms": 100.0}
    out = compressor(np.concatenate([quiet, loud, quiet]), rate, **settings_)
    reduction = level_db(np.concatenate([quiet, loud, quiet])) - level_db(out)
    assert reduction[rate + rate // 100 - 1] == pytest.approx(10 * (1 - np.exp(-1)), abs=0.01)
    assert reduction[2 * rate + rate // 10 - 1] == pytest.approx(10 * np.exp(-1), abs=0.01)


def test_ratio_of_one_leaves_the_signal_unchanged() -> None:
    out = compressor(riff(1.0), RATE, threshold_db=-60.0, ratio=1.0, attack_ms=1.0, release_ms=50.0)
    assert np.array_equal(out, riff(1.0))


def test_compression_does_not_depend_on_the_chunk_size() -> None:
    signal = riff(4.0)
    settings_ = {"threshold_db": -30.0, "ratio": 4.0, "attack_ms": 5.0, "release_ms": 200.0}
    whole = compressor(signal, RATE, **settings_)
    assert np.array_equal(whole[: 3 * RATE], compressor(signal[: 3 * RATE], RATE, **settings_))


def test_gate_passes_loud_and_mutes_quiet_parts() -> None:
    loud, quiet = sine(-20, 1.0), sine(-60, 1.0)
    out = noise_gate(np.concatenate([loud, quiet]), RATE, threshold_db=-40.0)
    assert np.array_equal(out[RATE // 10 : RATE], loud[RATE // 10 :].astype(np.float32))
    assert level_db(np.abs(out[-RATE // 4 :]).max()) < -120
    assert not noise_gate(quiet, RATE, threshold_db=-40.0).any()


def test_gate_keeps_its_state_between_its_two_thresholds() -> None:
    between = sine(-43, 1.0)
    assert not noise_gate(between, RATE, threshold_db=-40.0).any()
    out = noise_gate(np.concatenate([sine(-20, 0.5), between]), RATE, threshold_db=-40.0)
    assert out[RATE // 2 :] == pytest.approx(between, abs=1e-9)


def test_gate_opens_within_milliseconds_and_holds_before_it_closes() -> None:
    signal = np.concatenate([np.zeros(RATE), constant(-20, 0.5), constant(-80, 1.0)])
    gain = noise_gate(signal, RATE, threshold_db=-40.0)[RATE:] / signal[RATE:]
    assert gain[RATE // 1000 - 1] == pytest.approx(1 - np.exp(-1), abs=0.001)
    held = RATE // 2 + round(GATE_HOLD_MS * RATE / 1000)
    assert gain[held - 2] == pytest.approx(1.0, abs=1e-6)
    assert gain[held + RATE // 20 - 1] == pytest.approx(np.exp(-1), abs=0.002)


@pytest.mark.parametrize("process", ["compressor", "gate"])
@pytest.mark.parametrize("signal", [np.zeros(1), np.zeros(1000), np.ones(1), np.full(1000, 0.5)])
def test_silence_dc_and_single_samples_give_finite_output(process: str, signal: NDArray[np.float64]) -> None:
    if process == "gate":
        out = noise_gate(signal, RATE, threshold_db=-40.0)
    else:
        out = compressor(signal, RATE, threshold_db=-20.0, ratio=4.0, attack_ms=1.0, release_ms=50.0)
    assert out.shape == signal.shape
    assert np.isfinite(out).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("threshold_db", 0.1),
        ("threshold_db", np.nan),
        ("ratio", 0.5),
        ("ratio", np.inf),
        ("attack_ms", 0.0),
        ("release_ms", -1.0),
    ],
)
def test_compressor_setting_out_of_range_is_refused(name: str, value: float) -> None:
    values = {"threshold_db": -20.0, "ratio": 4.0, "attack_ms": 5.0, "release_ms": 50.0, name: value}
    with pytest.raises(AudioError) as caught:
        compressor(np.zeros(10), RATE, **values)
    assert caught.value.code == "out_of_range"


@pytest.mark.parametrize(("signal", "code"), [([], "empty"), ([np.nan], "not_finite"), ([[[0.0]]], "bad_shape")])
def test_invalid_signal_is_refused_by_the_gate(signal: list[float], code: str) -> None:
    with pytest.raises(AudioError) as caught:
        noise_gate(np.array(signal), RATE, threshold_db=-40.0)
    assert caught.value.code == code


@settings(max_examples=examples(60), deadline=None)
@given(
    signal=arrays.arrays(np.float32, st.integers(1, 2000), elements=st.floats(-1e6, 1e6, width=32)),
    threshold=st.floats(*THRESHOLD_RANGE_DB),
    ratio=st.floats(*RATIO_RANGE),
    attack=st.floats(*ATTACK_RANGE_MS),
    release=st.floats(*RELEASE_RANGE_MS),
)
def test_dynamics_never_amplify_a_sample(
    signal: NDArray[np.float32], threshold: float, ratio: float, attack: float, release: float
) -> None:
    compressed = compressor(signal, RATE, threshold_db=threshold, ratio=ratio, attack_ms=attack, release_ms=release)
    gated = noise_gate(signal, RATE, threshold_db=threshold)
    assert (np.abs(compressed) <= np.abs(signal)).all()
    assert (np.abs(gated) <= np.abs(signal)).all()


def test_the_louder_side_decides_the_gain_of_both() -> None:
    loud, quiet = riff(1.0).astype(np.float32), 0.1 * sine(-20.0, 1.0).astype(np.float32)
    sides = np.stack([quiet[: len(loud)], loud[: len(quiet)]])
    for process in (
        lambda x: compressor(x, RATE, threshold_db=-30.0, ratio=4.0, attack_ms=5.0, release_ms=50.0),
        lambda x: noise_gate(x, RATE, threshold_db=-20.0),
    ):
        received = process(sides)
        np.testing.assert_array_equal(received[1], process(sides[1]))
        audible = (np.abs(sides) > 1e-4).all(axis=0)
        gains = received[:, audible] / sides[:, audible]
        np.testing.assert_allclose(gains[0], gains[1], rtol=1e-3, atol=1e-3)
