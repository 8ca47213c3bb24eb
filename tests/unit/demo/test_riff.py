"""The dry guitar of the demo."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from tone_shootout.demo.riff import arpeggio, riff
from tone_shootout.demo.strings import RATE, Note, play
from tone_shootout.demo.training_signal import training_signal

DIS = pytest.mark.parametrize("di", [riff, arpeggio])
Di = Callable[[], NDArray[np.float32]]


def power_spectrum(signal: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frequencies in Hz and the power at each."""
    spectrum = np.abs(np.fft.rfft(signal.astype(np.float64) * np.hanning(signal.size))) ** 2
    return np.arange(spectrum.size) * RATE / signal.size, spectrum


def pitch(signal: NDArray[np.floating], near: float) -> float:
    """Frequency in Hz of the strongest partial within a semitone of `near`, between bins by a parabola."""
    padded = np.pad(signal.astype(np.float64) * np.hanning(signal.size), (0, 2**18))
    logs = np.log(np.abs(np.fft.rfft(padded)) + 1e-300)
    hz = np.fft.rfftfreq(padded.size, 1.0 / RATE)
    peak = int(np.argmax(np.where(np.abs(np.log2(np.maximum(hz, 1.0) / near)) < 1 / 12, logs, -np.inf)))
    left, middle, right = logs[peak - 1 : peak + 2]
    return float(hz[peak] + (left - right) / (left - 2.0 * middle + right) / 2.0 * hz[1])


@DIS
def test_guitar_is_deterministic(di: Di) -> None:
    np.testing.assert_array_equal(di(), di())


@DIS
def test_guitar_is_mono_float_finite_and_peaks_at_minus_6_dbfs(di: Di) -> None:
    samples = di()
    assert samples.ndim == 1
    assert samples.dtype == np.float32
    assert np.isfinite(samples).all()
    assert 20.0 * np.log10(np.abs(samples).max()) == pytest.approx(-6.0, abs=1e-4)


@DIS
def test_guitar_has_the_spectrum_of_a_pickup(di: Di) -> None:
    hz, power = power_spectrum(di())
    share = power / power.sum()
    assert share[hz < 70.0].sum() < 0.01
    assert share[(hz >= 70.0) & (hz < 5_000.0)].sum() > 0.98
    assert share[(hz >= 1_000.0) & (hz < 5_000.0)].sum() > 0.03
    assert share[hz >= 10_000.0].sum() < 1e-4


def test_guitar_is_dry_and_silent_soon_after_the_last_release() -> None:
    stopped = play([Note(beat=0.0, beats=1.0, pitch=40.0)], bpm=120.0, seconds=1.0)
    assert np.abs(stopped[int(0.6 * RATE) :]).max() < 1e-3 * np.abs(stopped).max()


@pytest.mark.parametrize("midi", [40.0, 52.0, 59.5, 76.0])
def test_string_sounds_at_its_pitch(midi: float) -> None:
    expected = 440.0 * 2.0 ** ((midi - 69.0) / 12.0)
    tone = play([Note(beat=0.0, beats=2.0, pitch=midi)], bpm=60.0, seconds=2.0)
    assert 1_200.0 * np.log2(pitch(tone, expected) / expected) == pytest.approx(0.0, abs=2.0)


def test_bend_is_complete_at_half_of_the_note() -> None:
    tone = play([Note(beat=0.0, beats=2.0, pitch=57.0, bend=2.0)], bpm=60.0, seconds=2.0)
    expected = 220.0 * 2.0 ** (2.0 / 12.0)
    assert 1_200.0 * np.log2(pitch(tone[RATE:], expected) / expected) == pytest.approx(0.0, abs=5.0)


def test_palm_mutes_decay_faster_and_sound_darker() -> None:
    open_string, muted = (
        play([Note(beat=0.0, beats=1.0, pitch=40.0, muted=palm)], bpm=60.0, seconds=1.0) for palm in (False, True)
    )

    def kept(tone: NDArray[np.float64]) -> float:
        return float(np.abs(tone[RATE // 2 :]).max() / np.abs(tone).max())

    def centroid(tone: NDArray[np.float64]) -> float:
        hz, power = power_spectrum(tone)
        return float((hz * power).sum() / power.sum())

    assert kept(muted) < 0.1 * kept(open_string)
    assert centroid(muted) < 0.8 * centroid(open_string)


def test_training_signal_is_long_finite_and_within_full_scale() -> None:
    signal = training_signal(phrases=3)
    assert signal.size >= 30 * RATE
    assert np.isfinite(signal).all()
    assert 0.1 < np.abs(signal).max() <= 1.0
