import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.shared import shared_folder
from tests.support.signals import RATE, riff, sine
from tone_shootout.audio.convolve import ORIGIN, cab_ir, convolve_ir, prepare_ir
from tone_shootout.audio.files import Audio, read_audio
from tone_shootout.audio.signals import AudioError


def response(samples: int = 500, *, delay: int = 0) -> NDArray[np.float32]:
    decay = np.random.default_rng(5).standard_normal(samples) * np.exp(-np.arange(samples) / 60)
    return np.concatenate([np.zeros(delay), decay]).astype(np.float32)


def test_convolution_is_the_textbook_sum_cut_to_the_signals_length() -> None:
    signal, ir = riff(0.5), response(delay=40)
    expected = np.convolve(signal.astype(np.float64), ir.astype(np.float64))[: len(signal)]
    assert convolve_ir(signal, ir) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("samples", [1, 10, 499])
def test_an_ir_may_be_longer_than_the_signal(samples: int) -> None:
    signal = riff(0.5)[-samples:]
    assert convolve_ir(signal, response()) == pytest.approx(np.convolve(signal, response())[:samples], abs=1e-6)


def test_leading_silence_delays_and_gain_scales() -> None:
    delayed = np.zeros(100)
    delayed[30] = 0.25
    signal = riff(0.1)
    out = convolve_ir(signal, delayed)
    assert np.abs(out[:30]).max() < 1e-7
    assert out[30:] == pytest.approx(0.25 * signal[:-30], abs=1e-7)


def cab_a() -> list[Audio]:
    shared = shared_folder()
    return [read_audio(shared / "audio" / "cab-a.wav", max_seconds=5.0)] if shared else []


def prepared(ir: NDArray[np.floating]) -> NDArray[np.float32]:
    return prepare_ir(Audio(np.asarray(ir, np.float32)[np.newaxis], RATE), RATE)


@pytest.mark.parametrize("ir", [Audio(response(2000)[np.newaxis], 44_100), *cab_a()])
@pytest.mark.parametrize("rate", [22_050, 47_999, 48_000, 96_000])
def test_a_resampled_ir_keeps_its_complex_response(ir: Audio, rate: int) -> None:
    moved = prepare_ir(ir, rate).astype(np.float64)
    for hz in (100.0, 1000.0, 5000.0, 9000.0, 18_000.0):
        if hz < 0.45 * rate:
            was = np.exp(-2j * np.pi * hz / ir.rate * np.arange(ir.samples.shape[1])) @ ir.samples[0]
            now = np.exp(-2j * np.pi * hz / rate * (np.arange(len(moved)) - ORIGIN)) @ moved
            assert abs(now - was) < 0.01


def test_an_ir_at_the_rate_of_the_chain_is_unchanged() -> None:
    assert np.array_equal(np.trim_zeros(prepared(response())), response())
    assert np.array_equal(prepared(response())[ORIGIN:][:500], response())


def test_a_cab_at_another_rate_neither_delays_nor_scales() -> None:
    click = Audio(np.eye(1, 4, dtype=np.float32), 44_100)
    signal = sine(0, 0.2, hz=3000)
    assert cab_ir(signal, prepare_ir(click, RATE), RATE)[2400:-2400] == pytest.approx(signal[2400:-2400], abs=1e-3)


def test_equal_channels_are_one_response_and_different_ones_are_rejected() -> None:
    same = Audio(np.stack([response(), response()]), RATE)
    assert np.array_equal(prepare_ir(same, RATE), prepared(response()))
    with pytest.raises(AudioError) as caught:
        prepare_ir(Audio(np.stack([response(), 0.5 * response()]), RATE), RATE)
    assert caught.value.code == "stereo_ir"


def test_an_ir_of_silence_is_rejected() -> None:
    with pytest.raises(AudioError) as caught:
        prepare_ir(Audio(np.zeros((1, 100), np.float32), RATE), 44_100)
    assert caught.value.code == "silent"


def test_mix_goes_from_dry_to_the_cab_alone() -> None:
    signal, ir = riff(0.2), prepared(response())
    wet = convolve_ir(signal, response())
    assert cab_ir(signal, ir, RATE, mix=0.0) == pytest.approx(signal, abs=1e-7)
    assert cab_ir(signal, ir, RATE) == pytest.approx(wet, abs=1e-6)
    assert cab_ir(signal, ir, RATE, mix=0.25) == pytest.approx(0.75 * signal + 0.25 * wet, abs=1e-6)


@pytest.mark.parametrize("hz", [80.0, 8000.0])
def test_cuts_take_3_db_at_their_corners_from_the_cab_and_nothing_from_the_dry_signal(hz: float) -> None:
    click, signal = prepared(np.ones(1)), sine(0, 1.0, hz=hz)
    cut = {"low_cut_hz": 80.0} if hz == 80.0 else {"high_cut_hz": 8000.0}
    out = cab_ir(signal, click, RATE, **cut)
    assert 20 * np.log10(np.abs(out[RATE // 2 :]).max()) == pytest.approx(-3.01, abs=0.01)
    assert cab_ir(signal, click, RATE, mix=0.0, **cut) == pytest.approx(signal, abs=1e-7)


@pytest.mark.parametrize(
    ("signal", "ir", "mix", "code"),
    [
        ([], [1.0], 1.0, "empty"),
        ([1.0], [], 1.0, "empty"),
        ([1.0], [np.inf], 1.0, "not_finite"),
        ([np.nan], [1.0], 1.0, "not_finite"),
        ([[1.0], [1.0]], [1.0], 1.0, "bad_shape"),
        ([1.0], [1.0], 1.1, "out_of_range"),
        ([1.0], [1.0], np.nan, "out_of_range"),
        ([3e38], [0.0] * ORIGIN + [3e38], 1.0, "not_finite"),
    ],
)
def test_invalid_convolution_is_rejected(signal: list[float], ir: list[float], mix: float, code: str) -> None:
    with pytest.raises(AudioError) as caught:
        cab_ir(np.array(signal), np.array(ir), RATE, mix=mix)
    assert caught.value.code == code
