"""Signals and tolerances from EBU Tech 3341 (table 1) and Tech 3342 (table 1), synthesized from their descriptions."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from tests.support.examples import examples
from tests.support.ffmpeg import ebur128
from tests.support.shared import shared_folder
from tests.support.signals import RATE, riff, silence, sine, tones
from tone_shootout.audio.files import read_audio
from tone_shootout.audio.loudness import (
    Measures,
    integrated_lufs,
    k_weighting,
    loudness_range_lu,
    max_momentary_lufs,
    max_short_term_lufs,
    measure,
)
from tone_shootout.audio.signals import AudioError


def surround() -> NDArray[np.float64]:
    return np.stack([sine(db, 20.0) for db in (-28.0, -28.0, -24.0, -30.0, -30.0)])


def test_k_weighting_at_48_khz_equals_the_tables_of_bs_1770() -> None:
    tables = [
        [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585],
        [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621],
    ]
    assert k_weighting(48_000) == pytest.approx(np.array(tables), abs=2e-11)


@pytest.mark.parametrize("rate", [44_100, 88_200, 96_000, 192_000])
def test_k_weighting_has_the_same_response_at_every_rate(rate: int) -> None:
    def gains_db(at: int) -> NDArray[np.float64]:
        z = np.exp(-2j * np.pi * np.array([20.0, 60.0, 200.0, 1000.0, 3000.0]) / at)
        powers = np.stack([z**0, z, z**2])
        response = np.prod([(s[:3] @ powers) / (s[3:] @ powers) for s in k_weighting(at)], axis=0)
        return np.asarray(20 * np.log10(np.abs(response)))

    assert gains_db(rate) == pytest.approx(gains_db(48_000), abs=0.03)


@pytest.mark.parametrize(
    ("signal", "expected"),
    [
        pytest.param(lambda: tones((-23, 20)), -23.0, id="1"),
        pytest.param(lambda: tones((-33, 20)), -33.0, id="2"),
        pytest.param(lambda: tones((-36, 10), (-23, 60), (-36, 10)), -23.0, id="3"),
        pytest.param(lambda: tones((-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)), -23.0, id="4"),
        pytest.param(lambda: tones((-26, 20), (-20, 20.1), (-26, 20)), -23.0, id="5"),
        pytest.param(surround, -23.0, id="6"),
    ],
)
def test_integrated_loudness_of_tech_3341(signal: Callable[[], NDArray[np.float64]], expected: float) -> None:
    assert integrated_lufs(signal(), RATE) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("expected", [-23.0, -33.0])
def test_momentary_and_short_term_loudness_of_tech_3341_signals_1_and_2(expected: float) -> None:
    signal = tones((expected, 20))
    assert max_momentary_lufs(signal, RATE) == pytest.approx(expected, abs=0.1)
    assert max_short_term_lufs(signal, RATE) == pytest.approx(expected, abs=0.1)


def test_short_term_loudness_of_tech_3341_signal_9_stays_constant() -> None:
    signal = tones(*[(-20, 1.34), (-30, 1.66)] * 5)
    assert max_short_term_lufs(signal, RATE) == pytest.approx(-23.0, abs=0.1)


def test_momentary_loudness_of_tech_3341_signal_12_stays_constant() -> None:
    signal = tones(*[(-20, 0.18), (-30, 0.22)] * 25)
    assert max_momentary_lufs(signal[:, RATE // 2 :], RATE) == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("i", range(0, 20, 3))
def test_short_term_maximum_of_tech_3341_signal_10_does_not_depend_on_position(i: int) -> None:
    signal = np.tile(np.concatenate([silence(0.15 * i), sine(-23, 3.0), silence(1.0)]), (2, 1))
    assert max_short_term_lufs(signal, RATE) == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("i", range(20))
def test_momentary_maximum_of_tech_3341_signal_13_does_not_depend_on_position(i: int) -> None:
    signal = np.tile(np.concatenate([silence(0.02 * i), sine(-23, 0.4), silence(1.0)]), (2, 1))
    assert max_momentary_lufs(signal, RATE) == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        pytest.param((-20, -30), 10.0, id="1"),
        pytest.param((-20, -15), 5.0, id="2"),
        pytest.param((-40, -20), 20.0, id="3"),
        pytest.param((-50, -35, -20, -35, -50), 15.0, id="4"),
    ],
)
def test_loudness_range_of_tech_3342(levels: tuple[float, ...], expected: float) -> None:
    assert loudness_range_lu(tones(*[(db, 20.0) for db in levels]), RATE) == pytest.approx(expected, abs=1.0)


def test_mono_reads_3_lu_below_the_same_signal_in_two_channels() -> None:
    signal = riff()
    difference = integrated_lufs(np.stack([signal, signal]), RATE) - integrated_lufs(signal, RATE)
    assert difference == pytest.approx(10 * np.log10(2), abs=1e-9)


@pytest.mark.parametrize(("rate", "channels"), [(44_100, 1), (48_000, 1), (48_000, 2), (96_000, 2)])
def test_levels_agree_with_the_meter_of_ffmpeg(rate: int, channels: int) -> None:
    agrees_with_ffmpeg(np.stack([riff(20.0, seed=seed) for seed in range(channels)]), rate)


def test_levels_of_a_recording_agree_with_the_meter_of_ffmpeg() -> None:
    if shared := shared_folder():
        real = read_audio(shared / "audio" / "riff-di.wav", max_seconds=20.0)
        agrees_with_ffmpeg(real.samples, real.rate)


def agrees_with_ffmpeg(signal: NDArray[np.float32], rate: int) -> None:
    mine, theirs = measure(signal, rate), ebur128(signal, rate)
    assert mine.integrated_lufs == pytest.approx(theirs["I"], abs=0.1)
    assert mine.loudness_range_lu == pytest.approx(theirs["LRA"], abs=0.2)
    assert mine.true_peak_dbtp == pytest.approx(theirs["TP"], abs=0.2)


def test_gain_shifts_every_level_by_the_gain() -> None:
    quiet, loud = measure(riff(), RATE), measure(2 * riff(), RATE)
    for name in ("integrated_lufs", "max_momentary_lufs", "max_short_term_lufs", "true_peak_dbtp", "rms_dbfs"):
        assert getattr(loud, name) - getattr(quiet, name) == pytest.approx(20 * np.log10(2), abs=1e-6)
    assert loud.loudness_range_lu == pytest.approx(quiet.loudness_range_lu, abs=1e-6)
    assert loud.crest_factor_db == pytest.approx(quiet.crest_factor_db, abs=1e-6)


def test_sine_has_3_db_crest_factor_and_its_dc_offset_is_reported() -> None:
    measured = measure(sine(-6, 1.0) - 0.25, RATE)
    assert measured.dc_offset == pytest.approx(-0.25, abs=1e-9)
    assert measure(sine(-6, 1.0), RATE).rms_dbfs == pytest.approx(-9.01, abs=0.001)
    assert measure(sine(-6, 1.0), RATE).crest_factor_db == pytest.approx(3.01, abs=0.001)


def test_signal_shorter_than_a_gating_block_counts_as_one_block() -> None:
    short = sine(-23, 0.3)
    expected = integrated_lufs(sine(-23, 3.0), RATE)
    assert integrated_lufs(short, RATE) == pytest.approx(expected, abs=0.1)
    assert max_momentary_lufs(short, RATE) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("samples", [1, 100, 5 * RATE])
def test_silence_has_no_loudness_and_no_range(samples: int) -> None:
    nothing = -np.inf
    assert measure(np.zeros(samples), RATE) == Measures(
        integrated_lufs=nothing,
        loudness_range_lu=0.0,
        max_momentary_lufs=nothing,
        max_short_term_lufs=nothing,
        true_peak_dbtp=nothing,
        sample_peak_dbfs=nothing,
        rms_dbfs=nothing,
        crest_factor_db=0.0,
        dc_offset=0.0,
        seconds=samples / RATE,
    )


@pytest.mark.parametrize(
    ("signal", "rate", "code"),
    [
        (np.zeros(0), RATE, "empty"),
        (np.array([0.0, np.nan]), RATE, "not_finite"),
        (np.array([0.0, np.inf]), RATE, "not_finite"),
        (np.zeros((4, 100)), RATE, "too_many_channels"),
        (np.zeros((1, 1, 100)), RATE, "bad_shape"),
        (np.zeros(100), 7_999, "unsupported_rate"),
        (np.zeros(100), 192_001, "unsupported_rate"),
    ],
)
def test_invalid_signal_is_refused(signal: NDArray[np.float64], rate: int, code: str) -> None:
    with pytest.raises(AudioError) as caught:
        measure(signal, rate)
    assert caught.value.code == code


@settings(max_examples=examples(60), deadline=None)
@given(
    signal=arrays.arrays(
        np.float32,
        arrays.array_shapes(min_dims=1, max_dims=1, max_side=3_000),
        elements=st.floats(-(2.0**60), 2.0**60, width=32),
    ),
    rate=st.sampled_from([8_000, 11_025, 44_100, 192_000]),
)
def test_measures_are_never_nan(signal: NDArray[np.float32], rate: int) -> None:
    values = vars(measure(signal, rate)).values()
    assert not np.isnan(list(values)).any()
