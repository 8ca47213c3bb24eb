from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from tests.support.examples import examples
from tests.support.signals import RATE, riff
from tone_shootout.audio.loudness import integrated_lufs
from tone_shootout.audio.signals import AudioError
from tone_shootout.audio.space import (
    DECAY_RANGE_S,
    REVERB_KINDS,
    ReverbKind,
    delay,
    reverb,
    reverb_ir,
    stereo_reverb_ir,
)


def click(seconds: float) -> NDArray[np.float64]:
    x = np.zeros(round(seconds * RATE))
    x[0] = 1.0
    return x


def test_repeats_lie_at_multiples_of_the_delay_scaled_by_the_feedback() -> None:
    out = delay(click(0.5), RATE, ms=100.0, feedback=0.5, mix=1.0)
    assert np.flatnonzero(out).tolist() == [4800, 9600, 14_400, 19_200]
    assert out[[4800, 9600, 14_400, 19_200]].tolist() == [1.0, 0.5, 0.25, 0.125]


def test_delay_matches_its_difference_equation() -> None:
    signal, lag = riff(0.3).astype(np.float64), 100
    expected = np.zeros(len(signal))
    for n in range(lag, len(signal)):
        expected[n] = signal[n - lag] + 0.7 * expected[n - lag]
    out = delay(signal, RATE, ms=1000 * lag / RATE, feedback=0.7, mix=0.4)
    assert out == pytest.approx(0.6 * signal + 0.4 * expected, abs=1e-6)


@pytest.mark.parametrize("samples", [1, 99, 100, 101])
def test_delay_longer_than_the_signal_leaves_the_dry_part(samples: int) -> None:
    out = delay(np.ones(samples), RATE, ms=1000 * 100 / RATE, feedback=0.5, mix=0.5)
    assert out.tolist() == [0.5] * min(samples, 100) + [1.0] * (samples - 100)


@pytest.mark.parametrize("kind", REVERB_KINDS)
@pytest.mark.parametrize("decay_s", [1.0, 2.0])
@pytest.mark.parametrize("rate", [44_100, 96_000])
def test_reverb_decays_by_60_db_at_1_khz_in_its_decay_time(kind: ReverbKind, decay_s: float, rate: int) -> None:
    ir = reverb_ir(rate, kind=kind, decay_s=decay_s)
    octave = scipy.signal.sosfiltfilt(scipy.signal.butter(2, (707.0, 1414.0), "bandpass", fs=rate, output="sos"), ir)
    left = 10 * np.log10(np.cumsum(octave[::-1] ** 2)[::-1] / np.sum(octave**2))
    at = {db: int((left < db).argmax()) for db in (-5, -35)}
    assert 2 * (at[-35] - at[-5]) / rate == pytest.approx(decay_s, rel=0.15)


@pytest.mark.parametrize("kind", REVERB_KINDS)
def test_reverb_has_unit_energy_no_dc_and_is_deterministic(kind: ReverbKind) -> None:
    ir = reverb_ir(RATE, kind=kind, decay_s=1.0)
    assert np.sum(ir.astype(np.float64) ** 2) == pytest.approx(1.0, abs=1e-4)
    assert abs(ir.astype(np.float64).sum()) < 0.05
    assert np.array_equal(ir, reverb_ir(RATE, kind=kind, decay_s=1.0))


def test_kinds_differ() -> None:
    irs = [reverb_ir(RATE, kind=kind, decay_s=1.0)[:40_000].astype(np.float64) for kind in REVERB_KINDS]
    for i, first in enumerate(irs):
        for second in irs[i + 1 :]:
            assert abs(np.corrcoef(first, second)[0, 1]) < 0.95


def test_reverb_is_the_convolution_mixed_with_the_dry_signal() -> None:
    ir = reverb_ir(RATE, kind="plate", decay_s=0.5)
    out = reverb(click(0.5), ir, mix=0.3)
    expected = 0.3 * ir[: len(out)]
    expected[0] += 0.7
    assert out == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("kind", REVERB_KINDS)
@pytest.mark.parametrize("width", [0.5, 1.0])
def test_sides_of_a_reverb_are_as_strong_decorrelated_and_sum_to_the_mono_reverb(
    kind: ReverbKind, width: float
) -> None:
    sides = stereo_reverb_ir(RATE, kind=kind, decay_s=1.0, width=width)
    left, right = sides.astype(np.float64)
    assert [left @ left, right @ right] == pytest.approx([1.0, 1.0], abs=1e-4)
    assert left @ right == pytest.approx(np.cos(width * np.pi / 2), abs=1e-4)
    mono = reverb_ir(RATE, kind=kind, decay_s=1.0)
    gain = np.cos(width * np.pi / 4)
    assert 20 * np.log10(gain) >= -3.02
    np.testing.assert_allclose((left + right) / 2, gain * mono, atol=1e-7)
    assert np.array_equal(sides, stereo_reverb_ir(RATE, kind=kind, decay_s=1.0, width=width))


@pytest.mark.parametrize("kind", REVERB_KINDS)
def test_sides_of_a_reverb_are_decorrelated_in_every_octave_and_as_loud(kind: ReverbKind) -> None:
    sides = stereo_reverb_ir(RATE, kind=kind, decay_s=1.5, width=1.0)
    for hz in (250, 500, 1000, 2000, 4000):
        octave = scipy.signal.butter(2, (hz / 2**0.5, hz * 2**0.5), "bandpass", fs=RATE, output="sos")
        correlation = np.corrcoef(scipy.signal.sosfilt(octave, sides.astype(np.float64)))[0, 1]
        assert abs(correlation) < 0.15
    noise = np.random.default_rng(3).standard_normal(4 * RATE).astype(np.float32) * 0.1
    left, right = (integrated_lufs(reverb(noise, side, mix=1.0), RATE) for side in sides)
    assert left == pytest.approx(right, abs=0.5)


@pytest.mark.parametrize("kind", REVERB_KINDS)
def test_mix_of_zero_returns_the_dry_signal(kind: ReverbKind) -> None:
    signal = riff(0.2)
    assert np.array_equal(reverb(signal, reverb_ir(RATE, kind=kind, decay_s=2.0), mix=0.0), signal)
    assert np.array_equal(delay(signal, RATE, ms=30.0, feedback=0.5, mix=0.0), signal)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"ms": 0.0}, "out_of_range"),
        ({"ms": np.nan}, "out_of_range"),
        ({"feedback": 1.0}, "out_of_range"),
        ({"mix": -0.1}, "out_of_range"),
    ],
)
def test_delay_setting_out_of_range_is_refused(values: dict[str, float], code: str) -> None:
    with pytest.raises(AudioError) as caught:
        delay(np.zeros(10), RATE, **{"ms": 100.0, "feedback": 0.5, "mix": 0.5} | values)
    assert caught.value.code == code


def test_reverb_setting_out_of_range_is_refused() -> None:
    refused: list[Callable[[], object]] = [
        *(partial(reverb_ir, RATE, kind="room", decay_s=value) for value in (0.0, 10.1, np.nan)),
        *(partial(stereo_reverb_ir, RATE, kind="room", decay_s=1.0, width=value) for value in (-0.1, 1.1, np.nan)),
        partial(reverb, np.zeros(10), np.ones(1, np.float32), mix=1.5),
    ]
    for call in refused:
        with pytest.raises(AudioError) as caught:
            call()
        assert caught.value.code == "out_of_range"


def test_unknown_reverb_kind_is_refused() -> None:
    with pytest.raises(AudioError) as caught:
        reverb_ir(RATE, kind="cathedral", decay_s=1.0)  # type: ignore[arg-type]  # as a caller that checks no types would
    assert caught.value.code == "unknown_kind"


@settings(max_examples=examples(40), deadline=None)
@given(
    signal=arrays.arrays(np.float32, st.integers(1, 500), elements=st.floats(-1e6, 1e6, width=32)),
    kind=st.sampled_from(REVERB_KINDS),
    decay_s=st.floats(DECAY_RANGE_S[0], 1.0),
    mix=st.floats(0, 1),
    rate=st.sampled_from([8_000, 48_000]),
)
def test_delay_and_reverb_are_always_finite(
    signal: NDArray[np.float32], kind: ReverbKind, decay_s: float, mix: float, rate: int
) -> None:
    assert np.isfinite(reverb(signal, reverb_ir(rate, kind=kind, decay_s=decay_s), mix=mix)).all()
    assert np.isfinite(delay(signal, rate, ms=1.0, feedback=0.95, mix=mix)).all()
