import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from tests.support.examples import examples
from tests.support.signals import RATE, riff, silence, sine
from tone_shootout.audio.signals import AudioError
from tone_shootout.audio.temporal import TemporalFeatures, detect_onsets, temporal_features


def notes(
    decay_db_per_s: float, *, attack_s: float = 0.005, apart_s: float = 0.5, count: int = 8
) -> NDArray[np.float64]:
    seconds = np.arange(round(apart_s * RATE)) / RATE
    shape = np.minimum(1.0, seconds / attack_s) * 10 ** (-decay_db_per_s * seconds / 20)
    return np.tile(0.5 * np.sin(2 * np.pi * 220 * seconds) * shape, count)


@pytest.mark.parametrize("gain", [1.0, 0.001])
@pytest.mark.parametrize("apart_s", [0.15, 0.25, 0.5])
def test_every_note_gives_one_onset_at_its_start(apart_s: float, gain: float) -> None:
    found = detect_onsets(gain * notes(60.0, apart_s=apart_s, count=12), RATE)
    expected = np.arange(12) * apart_s * RATE
    assert len(found) == 12
    assert np.abs(found - expected).max() <= 0.015 * RATE


def test_onsets_of_broadband_notes_are_found() -> None:
    assert temporal_features(riff(12.0), RATE).transients_per_second == pytest.approx(2.0)


@pytest.mark.parametrize("depth", ["steady", "vibrato", "tremolo", "noise"])
def test_sustained_note_has_a_single_onset(depth: str) -> None:
    n = np.arange(4 * RATE) / RATE
    sound = {
        "steady": np.sin(2 * np.pi * 220 * n),
        "vibrato": np.sin(2 * np.pi * 220 * n + 3 * np.sin(2 * np.pi * 5 * n)),
        "tremolo": np.sin(2 * np.pi * 220 * n) * (1 + 0.3 * np.sin(2 * np.pi * 5 * n)),
        "noise": np.random.default_rng(0).standard_normal(len(n)),
    }[depth]
    assert len(detect_onsets(sound, RATE)) == 1


@pytest.mark.parametrize("decay", [20.0, 40.0, 80.0])
def test_sustain_is_the_time_to_decay_by_20_db(decay: float) -> None:
    found = temporal_features(notes(decay), RATE).sustain_s
    assert found == pytest.approx(20 / decay, rel=0.02)


@pytest.mark.parametrize("attack_ms", [10.0, 20.0, 40.0])
def test_attack_is_the_rise_time_from_10_to_90_percent(attack_ms: float) -> None:
    found = temporal_features(notes(10.0, attack_s=attack_ms / 1000), RATE).attack_ms
    assert found == pytest.approx(0.8 * attack_ms, abs=5.0)


def test_dynamic_range_and_noise_floor_follow_the_frame_levels() -> None:
    signal = np.concatenate([sine(-10, 5.0), sine(-50, 5.0)])
    found = temporal_features(signal, RATE)
    assert found.dynamic_range_db == pytest.approx(40.0, abs=0.1)
    assert found.noise_floor_dbfs == pytest.approx(-53.01, abs=0.1)
    with_silence = temporal_features(np.concatenate([signal, silence(2.0)]), RATE)
    assert with_silence.dynamic_range_db == pytest.approx(40.0, abs=0.1)
    assert with_silence.noise_floor_dbfs == -200.0


def test_clipped_samples_are_those_that_stay_at_the_peak() -> None:
    clean = sine(-6, 1.0, hz=100)
    assert temporal_features(clean, RATE).clipped_samples == 0
    clipped = np.clip(clean, -0.4, 0.4)
    assert temporal_features(clipped, RATE).clipped_samples == np.count_nonzero(np.abs(clipped) == 0.4)


@pytest.mark.parametrize("samples", [1, 100, 2 * RATE])
def test_silence_has_neutral_features(samples: int) -> None:
    assert temporal_features(np.zeros(samples), RATE) == TemporalFeatures(0.0, 0.0, None, None, -200.0, 0)


@pytest.mark.parametrize(("signal", "code"), [([], "empty"), ([np.inf], "not_finite"), ([[0.0], [0.0]], "bad_shape")])
def test_invalid_signal_is_refused(signal: list[float], code: str) -> None:
    for measured in (temporal_features, detect_onsets):
        with pytest.raises(AudioError) as caught:
            measured(np.array(signal), RATE)
        assert caught.value.code == code


@settings(max_examples=examples(60), deadline=None)
@given(
    signal=arrays.arrays(np.float32, st.integers(1, 6000), elements=st.floats(-(2.0**60), 2.0**60, width=32)),
    rate=st.sampled_from([8_000, 48_000]),
)
@example(signal=np.eye(1, 4000, 3999, np.float32)[0], rate=8_000)
def test_features_are_always_finite(signal: NDArray[np.float32], rate: int) -> None:
    found = [value for value in vars(temporal_features(signal, rate)).values() if value is not None]
    assert np.isfinite(found).all()
