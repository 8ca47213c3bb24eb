"""Two guitar cabinets as impulse responses, computed from what drivers, boxes and microphones do to the spectrum.

The magnitude response is a product of textbook factors: the high-pass of a driver in its box (R. H. Small,
"Closed-Box Loudspeaker Systems", JAES 20(10), 1972), the short circuit around an open back, bells for the break-up of
the cone and the modes of the box, the roll-off, the directivity of a round piston seen from the side (L. L. Beranek,
"Acoustics", 1954), and reflections. All of them are minimum phase, so the impulse response follows from the magnitude
alone, by the folded real cepstrum (A. V. Oppenheim and R. W. Schafer, "Discrete-Time Signal Processing").
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
    """A resonance of the cone (broad) or of the box (narrow): centre, height and Q of a peaking response."""

    hz: float
    db: float
    q: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo:
    """A later arrival at the microphone: how much later, and how loud against the first."""

    ms: float
    gain: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cabinet:
    """A cabinet and the place of its microphone.

    `box_hz` and `box_q` are resonance and total Q of the driver in its box, `open_back_m` the way from the front of the
    cone around to its back (None when closed), `roll_off_hz` and `roll_off_order` those of a Butterworth low-pass, and
    `angle_deg` how far off the axis of a cone of radius `cone_m` the microphone looks.
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
"""One bright 12-inch driver in an open combo, the microphone near its axis."""

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
"""Four 12-inch drivers in a closed box, the microphone off the axis of one: the other three arrive later."""


def impulse_response(cabinet: Cabinet) -> NDArray[np.float32]:
    """Return the cabinet's impulse response: 4096 samples at 48 kHz (85 ms), at 0 dB where it is loudest."""
    magnitude = _magnitude(cabinet, np.fft.rfftfreq(GRID, 1.0 / RATE))
    response = _minimum_phase(magnitude / magnitude.max())[:LENGTH]
    response[-FADE:] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(1, FADE + 1) / FADE)
    return response.astype(np.float32)


def _magnitude(cabinet: Cabinet, hz: Response) -> Response:
    ratio = hz / cabinet.box_hz
    magnitude: Response = ratio**2 / np.hypot(1.0 - ratio**2, ratio / cabinet.box_q)
    if cabinet.open_back_m is not None:
        # Below the frequency whose quarter wave is the way around, front and back cancel at 6 dB an octave.
        around = hz / (SOUND_M_S / (4.0 * cabinet.open_back_m))
        magnitude *= around / np.hypot(1.0, around)
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
    raised: Response = np.hypot(1.0 - ratio**2, height * ratio / bell.q)
    raised /= np.hypot(1.0 - ratio**2, ratio / (height * bell.q))
    return raised


def _directivity(cabinet: Cabinet, hz: Response) -> Response:
    """Return a piston's level off its axis, 2 J₁(x)/x with x = k·a·sin θ.

    A cone stops moving as one above its break-up, here 1.5 kHz: from there on the radius that radiates shrinks as the
    wavelength does, and the beam stays as wide as it is.
    """
    radius = cabinet.cone_m / np.hypot(1.0, hz / 1_500.0)
    x = 2.0 * np.pi * hz / SOUND_M_S * radius * np.sin(np.radians(cabinet.angle_deg))
    level: Response = np.divide(2.0 * j1(x), x, out=np.ones_like(x), where=x > 0.0)
    return level


def _minimum_phase(magnitude: Response) -> Response:
    """Return the causal impulse response of that magnitude (at `GRID` frequencies) whose energy comes soonest."""
    cepstrum = np.fft.irfft(np.log(np.maximum(magnitude, 1e-6)), GRID)
    cepstrum[1 : GRID // 2] *= 2.0
    cepstrum[GRID // 2 + 1 :] = 0.0
    return np.fft.irfft(np.exp(np.fft.rfft(cepstrum)), GRID)
