"""The amplifier of the demo captures: its tone stack against a circuit solver, its stages against measurements."""

import numpy as np
import pytest
import scipy
from numpy.typing import NDArray

from tone_shootout.demo.amplifier import BASSMAN, JCM800, SETTINGS, ToneStack, _plate_current, amplify
from tone_shootout.demo.strings import RATE

SECONDS = 0.5


def sine(hz: float, peak: float) -> NDArray[np.float64]:
    return peak * np.sin(2.0 * np.pi * hz * np.arange(int(SECONDS * RATE)) / RATE)


def powers(setting: str, hz: float, peak: float) -> tuple[float, float, float]:
    """Power of the fundamental, of its harmonics, and of everything else, of a settled sine."""
    settled = amplify(sine(hz, peak), SETTINGS[setting])[-RATE // 4 :]
    spectrum = np.abs(np.fft.rfft(settled * scipy.signal.windows.blackmanharris(settled.size))) ** 2
    bins = np.fft.rfftfreq(settled.size, 1.0 / RATE)
    harmonic = np.abs(bins - hz * np.round(bins / hz)) <= 24.0
    fundamental = np.abs(bins - hz) <= 24.0
    return spectrum[fundamental].sum(), spectrum[harmonic & ~fundamental].sum(), spectrum[~harmonic].sum()


def level(setting: str, peak: float) -> float:
    """Output level in dB of a 220 Hz sine of that peak."""
    return 10.0 * float(np.log10(sum(powers(setting, 220.0, peak))))


def solved(stack: ToneStack, hz: float) -> complex:
    """Gain of the tone stack by nodal analysis of its circuit.

    Nodes: 0 slope (R4, C2, C3), 1 top of the treble control, 2 its wiper (the output), 3 its bottom, 4 top of the
    middle control, 5 its wiper. A source of 1 V feeds C1 and R4.
    """
    s = 2j * np.pi * hz
    source, ground = 6, 7
    admittances = [
        (source, 1, s * stack.C1),
        (1, 2, 1.0 / ((1.0 - stack.treble) * stack.R1)),
        (2, 3, 1.0 / (stack.treble * stack.R1)),
        (source, 0, 1.0 / stack.R4),
        (0, 3, s * stack.C2),
        (3, 4, 1.0 / (stack.bass * stack.R2)),
        (4, 5, 1.0 / ((1.0 - stack.middle) * stack.R3)),
        (5, ground, 1.0 / (stack.middle * stack.R3)),
        (0, 5, s * stack.C3),
    ]
    nodes = np.zeros((8, 8), dtype=complex)
    for a, b, admittance in admittances:
        nodes[[a, b], [a, b]] += admittance
        nodes[[a, b], [b, a]] -= admittance
    return complex(np.linalg.solve(nodes[:6, :6], -nodes[:6, source])[2])


@pytest.mark.parametrize("parts", [BASSMAN, JCM800], ids=["bassman", "jcm800"])
@pytest.mark.parametrize("controls", [(0.5, 0.5, 0.5), (0.9, 0.1, 0.2), (0.05, 0.95, 0.7)])
def test_tone_stack_matches_nodal_analysis_of_its_circuit(
    parts: dict[str, float], controls: tuple[float, float, float]
) -> None:
    treble, middle, bass = controls
    stack = ToneStack(**parts, treble=treble, middle=middle, bass=bass)
    numerator, denominator = stack.analog()
    for hz in (20.0, 100.0, 500.0, 2_000.0, 10_000.0):
        s = 2j * np.pi * hz
        assert np.polyval(numerator, s) / np.polyval(denominator, s) == pytest.approx(solved(stack, hz), rel=1e-9)


def test_triode_is_near_the_data_sheet_of_the_12ax7() -> None:
    """Typical characteristics at 250 V and -2 V: 1.2 mA, amplification factor 100 (RCA; Koren's fit is 20 % low)."""
    at_rest, more_grid, more_plate = _plate_current(np.array([-2.0, -1.99, -2.0]), np.array([250.0, 250.0, 251.0]))
    assert at_rest == pytest.approx(1.2e-3, rel=0.25)
    assert (more_grid - at_rest) / 0.01 / (more_plate - at_rest) == pytest.approx(100.0, rel=0.15)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("hz", [997.0, 4_987.0])
def test_clipping_adds_harmonics_and_no_aliasing(setting: str, hz: float) -> None:
    fundamental, _, rest = powers(setting, hz, 0.25)
    assert 10.0 * np.log10(rest / fundamental) < -60.0


def test_clean_is_nearly_linear() -> None:
    assert level("clean", 0.2) - level("clean", 0.02) == pytest.approx(20.0, abs=0.5)
    fundamental, harmonics, _ = powers("clean", 220.0, 0.1)
    assert 10.0 * np.log10(harmonics / fundamental) < -30.0


def test_high_gain_compresses() -> None:
    assert level("high-gain", 0.2) - level("high-gain", 0.02) < 6.0


def test_distortion_increases_from_clean_to_high_gain() -> None:
    distortion = {}
    for setting in SETTINGS:
        fundamental, harmonics, _ = powers(setting, 220.0, 0.1)
        distortion[setting] = harmonics / fundamental
    assert 10.0 * distortion["clean"] < distortion["crunch"] < distortion["high-gain"] / 2.0


@pytest.mark.parametrize("setting", SETTINGS)
def test_amplifier_is_silent_at_rest_and_adds_no_latency(setting: str) -> None:
    guitar = np.zeros(4_800)
    guitar[2_400:] = sine(440.0, 0.1)[:2_400]
    output = amplify(guitar, SETTINGS[setting])
    assert output.shape == guitar.shape
    assert np.abs(output[:2_300]).max() < 1e-6
    assert np.abs(output[2_400:2_430]).max() > 0.01


def test_output_depends_on_the_signal_alone() -> None:
    guitar = sine(440.0, 0.3)[:2_000]
    before = guitar.copy()
    np.testing.assert_array_equal(amplify(guitar, SETTINGS["crunch"]), amplify(guitar, SETTINGS["crunch"]))
    np.testing.assert_array_equal(guitar, before)
