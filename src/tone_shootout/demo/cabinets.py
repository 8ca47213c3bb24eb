"""Impulse responses of two guitar cabinets, computed from models of driver, box and microphone position.

The magnitude response is a product of textbook factors: the high-pass of a driver in its box (R. H. Small,
"Closed-Box Loudspeaker Systems", JAES 20(10), 1972), the cancellation around an open back, bell filters for cone
break-up and box modes, the roll-off, the directivity of a circular piston off its axis (L. L. Beranek, "Acoustics",
1954), and reflections. All factors are minimum phase, so the impulse response follows from the magnitude alone, by the
folded real cepstrum (A. V. Oppenheim and R. W. Schafer, "Discrete-Time Signal Processing").
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import j1

from tone_shootout.demo.strings import RATE

Response = NDArray[np.floating[Any]]

LENGTH: Final = 4_096
FADE: Final = 1_024
GRID: Final = 65_536
SOUND_M_S: Final = 343.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bell:
    """A peaking response: a resonance of the cone (low Q) or of the box (high Q)."""

    hz: float
    db: float
    q: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo:
    """A reflection at the microphone: delay and gain relative to the direct sound."""

    ms: float
    gain: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cabinet:
    """A cabinet and its microphone position.

    Attributes:
        box_hz: resonance frequency of the driver in its box.
        box_q: total Q of the driver in its box.
        open_back_m: path length from the front of the cone to its back in meters; None for a closed box.
        bells: resonances.
        roll_off_hz: corner frequency of the Butterworth low-pass.
        roll_off_order: order of the Butterworth low-pass.
        angle_deg: angle between the axis of the cone and the microphone.
        cone_m: radius of the cone in meters.
        echoes: reflections.
    """

    box_hz: float
    box_q: float
    open_back_m: float | None
    bells: tuple[Bell, ...]
    roll_off_hz: float
    roll_off_order: int
    angle_deg: float
    cone_m: float
    echoes: tuple[Echo, ...]


OPEN_1X12: Final = Cabinet(
    box_hz=95.0,
    box_q=1.4,
    open_back_m=0.9,
    bells=(
        Bell(hz=205.0, db=2.0, q=7.0),
        Bell(hz=420.0, db=-3.0, q=1.2),
        Bell(hz=640.0, db=-2.5, q=8.0),
        Bell(hz=2_400.0, db=5.0, q=1.6),
        Bell(hz=3_900.0, db=5.0, q=3.0),
    ),
    roll_off_hz=5_200.0,
    roll_off_order=5,
    angle_deg=8.0,
    cone_m=0.13,
    echoes=(Echo(ms=2.9, gain=0.18), Echo(ms=5.3, gain=0.08)),
)
"""One bright 12-inch driver in an open-back combo, microphone near the axis."""

CLOSED_4X12: Final = Cabinet(
    box_hz=112.0,
    box_q=1.5,
    open_back_m=None,
    bells=(
        Bell(hz=245.0, db=2.5, q=8.0),
        Bell(hz=480.0, db=-4.0, q=1.0),
        Bell(hz=760.0, db=2.5, q=9.0),
        Bell(hz=1_700.0, db=3.0, q=1.5),
        Bell(hz=2_900.0, db=7.0, q=2.2),
    ),
    roll_off_hz=4_700.0,
    roll_off_order=6,
    angle_deg=35.0,
    cone_m=0.13,
    echoes=(Echo(ms=0.62, gain=0.22), Echo(ms=0.95, gain=0.12), Echo(ms=1.8, gain=-0.15), Echo(ms=3.6, gain=0.06)),
)
"""Four 12-inch drivers in a closed box, microphone off the axis of one; the others arrive later, as echoes."""


def impulse_response(cabinet: Cabinet) -> NDArray[np.float32]:
    """Compute the impulse response of a cabinet.

    Args:
        cabinet: cabinet and microphone position.

    Returns:
        4096 samples at 48 kHz (85 ms), with a maximum gain of 0 dB.
    """
    magnitude = _magnitude(cabinet, np.fft.rfftfreq(GRID, 1.0 / RATE))
    response = _minimum_phase(magnitude / magnitude.max())[:LENGTH]
    response[-FADE:] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(1, FADE + 1) / FADE)
    return response.astype(np.float32)


def _magnitude(cabinet: Cabinet, hz: Response) -> Response:
    ratio = hz / cabinet.box_hz
    magnitude: Response = ratio**2 / np.hypot(1.0 - ratio**2, ratio / cabinet.box_q)
    if cabinet.open_back_m is not None:
        # Below the frequency whose quarter wavelength equals the path, front and back cancel at 6 dB per octave.
        relative = hz / (SOUND_M_S / (4.0 * cabinet.open_back_m))
        magnitude *= relative / np.hypot(1.0, relative)
    for bell in cabinet.bells:
        magnitude *= _bell(bell, hz)
    magnitude /= np.sqrt(1.0 + (hz / cabinet.roll_off_hz) ** (2 * cabinet.roll_off_order))
    magnitude *= _directivity(cabinet, hz)
    arrivals = 1.0 + sum(echo.gain * np.exp(-2j * np.pi * hz * echo.ms / 1_000.0) for echo in cabinet.echoes)
    magnitude *= np.abs(arrivals)
    return magnitude


def _bell(bell: Bell, hz: Response) -> Response:
    ratio = hz / bell.hz
    height = 10.0 ** (bell.db / 40.0)
    response: Response = np.hypot(1.0 - ratio**2, height * ratio / bell.q)
    response /= np.hypot(1.0 - ratio**2, ratio / (height * bell.q))
    return response


def _directivity(cabinet: Cabinet, hz: Response) -> Response:
    """Return the off-axis level of a piston, 2 J₁(x)/x with x = k·a·sin θ.

    Above its break-up, here 1.5 kHz, a cone no longer moves as a rigid piston: the effective radius decreases with the
    wavelength, and the beam width stays constant.
    """
    radius = cabinet.cone_m / np.hypot(1.0, hz / 1_500.0)
    x = 2.0 * np.pi * hz / SOUND_M_S * radius * np.sin(np.radians(cabinet.angle_deg))
    level: Response = np.divide(2.0 * j1(x), x, out=np.ones_like(x), where=x > 0.0)
    return level


def _minimum_phase(magnitude: Response) -> Response:
    """Return the minimum-phase impulse response of a magnitude response sampled at `GRID` frequencies."""
    cepstrum = np.fft.irfft(np.log(np.maximum(magnitude, 1e-6)), GRID)
    cepstrum[1 : GRID // 2] *= 2.0
    cepstrum[GRID // 2 + 1 :] = 0.0
    return np.fft.irfft(np.exp(np.fft.rfft(cepstrum)), GRID)
