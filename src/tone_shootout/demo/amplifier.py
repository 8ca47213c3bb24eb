"""Simulation of a tube guitar amplifier, from its circuit; the demo captures are trained on it.

Guitar → input divider → common-cathode 12AX7 stages with their Miller low-pass, grid current, coupling high-pass and
volume control → tone stack → more stages → push-pull power stage → output transformer. No loudspeaker. Nonlinear stages
run at eight times the sample rate, so that harmonics above the audio band are filtered off instead of aliasing.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy.optimize import brentq

from tone_shootout.demo.strings import RATE

Signal = NDArray[np.float64]

FULL_SCALE_V: Final = 2.0
"""Volts at the input jack for a sample of 1.0; a hard strum on humbuckers reaches half of it."""

OVERSAMPLING: Final = 8


@cache
def band_limit() -> Signal:
    """Return the filter that removes what the rate of the output can't carry."""
    return scipy.signal.firwin(641, 22_000.0, window=("kaiser", 10.0), fs=RATE * OVERSAMPLING)


"""Low-pass for both rate conversions: flat up to 20 kHz, −100 dB from 24 kHz on, which prevents aliasing."""

SUPPLY_V: Final = 300.0
PLATE_OHM: Final = 100_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One half of a 12AX7 and the network between it and the next stage.

    Attributes:
        cathode_ohm: cathode resistor, sets the bias: 1.5 kΩ biases to the middle of the curve, 10 kΩ gives a cold
            clipper.
        miller_hz: low-pass of grid stopper and Miller capacitance.
        coupling_hz: high-pass of the coupling capacitor.
        level: gain of the volume control or divider after the stage, 0 to 1.
    """

    cathode_ohm: float
    miller_hz: float
    coupling_hz: float
    level: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ToneStack:
    """The passive bass, middle and treble network of Fender, Marshall and Vox amplifiers.

    Resistors in ohms, capacitors in farads, the three controls 0 to 1. Names and formulas follow D. T. Yeh and
    J. O. Smith, "Discretization of the '59 Fender Bassman tone stack", DAFx 2006: R1 treble, R2 bass and R3 middle
    control, R4 slope resistor.
    """

    R1: float
    R2: float
    R3: float
    R4: float
    C1: float
    C2: float
    C3: float
    treble: float
    middle: float
    bass: float

    def analog(self) -> tuple[list[float], list[float]]:
        """Return numerator and denominator of the transfer function in s, highest power first."""
        R1, R2, R3, R4 = self.R1, self.R2, self.R3, self.R4
        C1, C2, C3 = self.C1, self.C2, self.C3
        t, m, b = self.treble, self.middle, self.bass
        b1 = t * C1 * R1 + m * C3 * R3 + b * (C1 + C2) * R2 + (C1 + C2) * R3
        b2 = (
            t * C1 * R1 * R4 * (C2 + C3)
            - m**2 * C3 * R3**2 * (C1 + C2)
            + m * C3 * R3 * (C1 * R1 + (C1 + C2) * R3)
            + b * C1 * R2 * (C2 * R1 + (C2 + C3) * R4)
            + b * m * C3 * R2 * R3 * (C1 + C2)
            + C1 * R3 * (C2 * R1 + (C2 + C3) * R4)
        )
        product = C1 * C2 * C3
        b3 = product * (
            b * m * R2 * R3 * (R1 + R4)
            + (m - m**2) * R3**2 * (R1 + R4)
            + t * (1.0 - m) * R1 * R3 * R4
            + t * b * R1 * R2 * R4
        )
        a1 = C1 * (R1 + R3) + C2 * (R3 + R4) + C3 * R4 + m * C3 * R3 + b * (C1 + C2) * R2
        a2 = (
            m * C3 * R3 * (C1 * R1 - C2 * R4 + (C1 + C2) * R3)
            + b * m * C3 * R2 * R3 * (C1 + C2)
            - m**2 * C3 * R3**2 * (C1 + C2)
            + b * R2 * (C1 * C2 * (R1 + R4) + (C1 + C2) * C3 * R4)
            + C1 * C2 * (R1 * R4 + R3 * R4 + R1 * R3)
            + C3 * R4 * (C1 * R1 + (C1 + C2) * R3)
        )
        a3 = product * (
            b * m * R2 * R3 * (R1 + R4)
            - m**2 * R3**2 * (R1 + R4)
            + m * R3 * (R3 * (R1 + R4) - R1 * R4)
            + b * R1 * R2 * R4
            + R1 * R3 * R4
        )
        return [b3, b2, b1, 0.0], [a3, a2, a1, 1.0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Positions of all controls.

    Attributes:
        divider: gain of the input divider.
        before: stages before the tone stack.
        tone: tone stack.
        after: stages after the tone stack.
        drive: drive of the power stage per volt; its tubes begin to clip at 1.
        output: level of the line output with the power stage at its limit.
    """

    divider: float
    before: tuple[Stage, ...]
    tone: ToneStack
    after: tuple[Stage, ...]
    drive: float
    output: float


BASSMAN: Final = {"R1": 250e3, "R2": 1e6, "R3": 25e3, "R4": 56e3, "C1": 250e-12, "C2": 20e-9, "C3": 20e-9}
JCM800: Final = {"R1": 220e3, "R2": 1e6, "R3": 22e3, "R4": 33e3, "C1": 470e-12, "C2": 22e-9, "C3": 22e-9}

SETTINGS: Final = {
    "clean": Setting(
        divider=0.5,
        before=(Stage(cathode_ohm=1_500.0, miller_hz=15_000.0, coupling_hz=15.0, level=0.12),),
        tone=ToneStack(**BASSMAN, treble=0.6, middle=0.6, bass=0.4),
        after=(Stage(cathode_ohm=1_500.0, miller_hz=12_000.0, coupling_hz=30.0, level=0.3),),
        drive=0.02,
        output=1.0,
    ),
    "crunch": Setting(
        divider=1.0,
        before=(
            Stage(cathode_ohm=2_700.0, miller_hz=15_000.0, coupling_hz=60.0, level=0.07),
            Stage(cathode_ohm=1_500.0, miller_hz=10_000.0, coupling_hz=20.0, level=1.0),
        ),
        tone=ToneStack(**JCM800, treble=0.5, middle=0.7, bass=0.4),
        after=(),
        drive=0.04,
        output=0.5,
    ),
    "high-gain": Setting(
        divider=1.0,
        before=(
            Stage(cathode_ohm=1_800.0, miller_hz=15_000.0, coupling_hz=120.0, level=0.1),
            Stage(cathode_ohm=10_000.0, miller_hz=9_000.0, coupling_hz=40.0, level=0.08),
            Stage(cathode_ohm=1_500.0, miller_hz=9_000.0, coupling_hz=20.0, level=1.0),
        ),
        tone=ToneStack(**JCM800, treble=0.5, middle=0.4, bass=0.5),
        after=(),
        drive=0.035,
        output=0.5,
    ),
}
"""Settings of the three demo captures."""


def amplify(guitar: NDArray[np.floating[Any]], setting: Setting) -> Signal:
    """Run a dry guitar through the amplifier.

    The amplifier starts at rest and adds no latency.

    Args:
        guitar: mono samples at 48 kHz, shape (samples,), full scale ±1.
        setting: positions of the controls.

    Returns:
        Mono samples at 48 kHz, shape (samples,), within full scale for an input within full scale.
    """
    rate = RATE * OVERSAMPLING
    delay = band_limit().size // 2
    upsampled = scipy.signal.upfirdn(OVERSAMPLING * band_limit(), guitar, up=OVERSAMPLING)
    volts = FULL_SCALE_V * setting.divider * upsampled[delay : delay + OVERSAMPLING * guitar.size]
    for stage in setting.before:
        volts = _stage(volts, stage, rate)
    volts = scipy.signal.lfilter(*scipy.signal.bilinear(*setting.tone.analog(), fs=rate), volts)
    for stage in setting.after:
        volts = _stage(volts, stage, rate)
    # A push-pull pair clips both half-waves alike: odd harmonics only. The transformer is a band-pass.
    power = _lowpass(_highpass(np.tanh(setting.drive * volts), 45.0, rate), 8_000.0, rate)
    line = scipy.signal.upfirdn(band_limit(), np.pad(power, (0, band_limit().size)), down=OVERSAMPLING)
    delay //= OVERSAMPLING
    return setting.output * line[delay : delay + guitar.size]


def _stage(volts: Signal, stage: Stage, rate: int) -> Signal:
    curve = _triode(stage.cathode_ohm)
    plate = np.interp(_lowpass(volts, stage.miller_hz, rate), curve.grid, curve.plate)
    return stage.level * _highpass(plate, stage.coupling_hz, rate)


def _highpass(signal: Signal, hz: float, rate: int) -> Signal:
    return scipy.signal.lfilter(*scipy.signal.butter(1, hz, "highpass", fs=rate), signal)


def _lowpass(signal: Signal, hz: float, rate: int) -> Signal:
    return scipy.signal.lfilter(*scipy.signal.butter(1, hz, fs=rate), signal)


@dataclass(frozen=True, slots=True)
class _Curve:
    """Plate voltage as a decreasing function of grid voltage, both in volts relative to the operating point."""

    grid: Signal
    plate: Signal


@cache
def _triode(cathode_ohm: float) -> _Curve:
    """Solve the load line of a 12AX7 stage with a bypassed cathode for the full range of grid voltages.

    The plate current follows Koren's model. A grid above the cathode voltage draws current through the source
    resistance, which reduces the slope of its voltage smoothly to a twentieth.
    """
    total_ohm = PLATE_OHM + cathode_ohm

    def excess(ampere: float) -> float:
        return float(_plate_current(-ampere * cathode_ohm, SUPPLY_V - ampere * total_ohm) - ampere)

    rest = brentq(excess, 0.0, SUPPLY_V / total_ohm)
    bias = rest * cathode_ohm
    drive = np.linspace(-60.0, 60.0, 12_001)
    above = 0.15 * np.logaddexp(0.0, (drive - bias) / 0.15)
    grid = drive - bias - 0.95 * above
    low, high = np.zeros_like(grid), np.full_like(grid, SUPPLY_V - bias)
    for _ in range(45):
        plate = 0.5 * (low + high)
        below = _plate_current(grid, plate) < (SUPPLY_V - bias - plate) / PLATE_OHM
        low, high = np.where(below, plate, low), np.where(below, high, plate)
    return _Curve(drive, plate - np.interp(0.0, drive, plate))


def _plate_current(grid: Signal | float, plate: Signal | float) -> Signal:
    """Return the plate current of a 12AX7 in amperes, for voltages relative to the cathode.

    Source: N. Koren, "Improved vacuum tube models for SPICE simulations", Glass Audio 8(5), 1996, with its values for
    the 12AX7.
    """
    inner = 600.0 * (0.01 + grid / np.sqrt(300.0 + plate**2))
    effective = plate / 600.0 * np.logaddexp(0.0, inner)
    return 2.0 * effective**1.4 / 1_060.0
