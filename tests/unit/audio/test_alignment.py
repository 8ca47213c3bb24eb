from collections.abc import Callable

import numpy as np
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from tests.support.examples import examples
from tests.support.shared import shared_folder
from tests.support.signals import RATE, riff
from tone_shootout.audio.alignment import Latency, estimate_latency, latency_probe, remove_delay
from tone_shootout.audio.convolve import convolve_ir
from tone_shootout.audio.files import read_audio
from tone_shootout.audio.signals import AudioError, Float32


def delayed(x: NDArray[np.floating], samples: int) -> NDArray[np.float64]:
    return np.concatenate([np.zeros(samples), x.astype(np.float64)])[: len(x)]


def clean(x: Float32) -> NDArray[np.float64]:
    return 0.3 * x.astype(np.float64)


def driven(x: Float32) -> NDArray[np.float64]:
    sections = scipy.signal.butter(1, (80.0, 6000.0), "bandpass", fs=RATE, output="sos")
    return np.asarray(np.tanh(40 * scipy.signal.sosfilt(sections, x)))


@pytest.mark.parametrize("device", [clean, driven])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("samples", [0, 1, 8, 37, 240, 470])
def test_latency_equals_an_inserted_delay(
    device: Callable[[Float32], NDArray[np.float64]], sign: int, samples: int
) -> None:
    settled, moved = (estimate_latency(sign * delayed(device(latency_probe(RATE)), k), RATE) for k in (0, samples))
    assert settled.samples is not None
    assert settled.onset is not None
    assert moved.samples == settled.samples + samples
    assert moved.onset == settled.onset + samples
    assert moved.polarity == settled.polarity == sign
    assert moved.confidence >= 2


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 96_000, 192_000])
def test_pure_delay_is_found_at_every_rate(rate: int) -> None:
    longest = round(0.010 * rate)
    for samples in (0, 5, longest):
        assert estimate_latency(delayed(latency_probe(rate), samples), rate).samples == samples


def test_delay_is_found_through_a_cab_ir() -> None:
    ir = np.random.default_rng(2).standard_normal(400) * np.exp(-np.arange(400) / 25)
    ir[0] = 3.0
    found = estimate_latency(convolve_ir(delayed(latency_probe(RATE), 20), ir), RATE)
    assert (found.samples, found.polarity) == (20, 1)


def test_noise_is_ambiguous() -> None:
    found = estimate_latency(np.random.default_rng(0).standard_normal(len(latency_probe(RATE))), RATE)
    assert found.samples is None
    assert found.confidence < 2


@pytest.mark.parametrize("rate", [8_000, 48_000])
@pytest.mark.parametrize("late_s", [0.0101, 0.0125, 0.015])
def test_delay_beyond_the_search_range_is_ambiguous(rate: int, late_s: float) -> None:
    """The flank of a slowly rising response reaches into the search range, with either sign."""
    dull = scipy.signal.sosfilt(scipy.signal.butter(4, 0.3 * rate, fs=rate, output="sos"), latency_probe(rate))
    assert estimate_latency(delayed(dull, round(late_s * rate)), rate).samples is None


def test_two_equal_arrivals_are_ambiguous() -> None:
    sent = latency_probe(RATE)
    found = estimate_latency(delayed(sent, 10) + delayed(sent, 200), RATE)
    assert found.samples is None
    assert found.onset == 10


@pytest.mark.parametrize("response", [np.zeros(5280), np.full(5280, 0.25)])
def test_silence_and_dc_have_no_latency(response: NDArray[np.float64]) -> None:
    assert estimate_latency(response, RATE) == Latency(None, 0.0, None, 0)


@pytest.mark.parametrize(
    ("response", "rate", "code"),
    [
        (np.zeros(100), RATE, "bad_shape"),
        (np.full(5280, np.nan), RATE, "not_finite"),
        (np.zeros(5280), 1000, "unsupported_rate"),
    ],
)
def test_invalid_response_is_refused(response: NDArray[np.float64], rate: int, code: str) -> None:
    with pytest.raises(AudioError) as caught:
        estimate_latency(response, rate)
    assert caught.value.code == code


def test_remove_delay_restores_the_position() -> None:
    signal = riff(0.2)
    again = remove_delay(delayed(signal, 37), 37)
    assert np.array_equal(again[:-37], signal[:-37])
    assert not again[-37:].any()
    assert np.array_equal(remove_delay(np.stack([signal, signal]), 5)[1], remove_delay(signal, 5))
    assert not remove_delay(signal, len(signal) + 1).any()
    with pytest.raises(AudioError):
        remove_delay(signal, -1)


@settings(max_examples=examples(40), deadline=None)
@given(arrays.arrays(np.float32, 880, elements=st.floats(-(2.0**100), 2.0**100, width=32)))
def test_any_response_gives_finite_numbers(response: NDArray[np.float32]) -> None:
    found = estimate_latency(response, 8_000)
    assert np.isfinite(found.confidence).all()
    assert found.samples is None or 0 <= found.samples <= 80


if shared := shared_folder():
    CAB = read_audio(shared / "audio" / "cab-a.wav", max_seconds=5.0)

    def test_response_of_a_real_cab_starts_at_once() -> None:
        found = estimate_latency(convolve_ir(latency_probe(CAB.rate), CAB.samples[0]), CAB.rate)
        assert found.onset is not None
        assert found.onset <= 3
        assert found.polarity == 1
