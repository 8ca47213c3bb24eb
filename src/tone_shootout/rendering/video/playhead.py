"""Draws the strip of a card that moves: a playhead below the waveform, the time, and a level meter."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tone_shootout.audio.signals import Float32
from tone_shootout.rendering.plan.rates import OUTPUT_RATE
from tone_shootout.rendering.plan.timeline import clock
from tone_shootout.rendering.video.drawing import COLUMNS, write_line
from tone_shootout.rendering.video.palette import BACKGROUND, BRIGHT, LINE, MUTED

MOMENTS_PER_SECOND: Final = 2
LOWEST_DBFS: Final = -60.0
"""Level at the left end of the meter."""

_MOMENT_SAMPLES: Final = OUTPUT_RATE // MOMENTS_PER_SECOND
# Pixels from the top of the strip.
_TRACK: Final = (9, 15)
_HEAD: Final = (1, 23)
_METER: Final = (38, 52)
_TEXT: Final = 45
_TEXT_SIZE: Final = 23
_TIME_WIDTH: Final = 232
_LEVEL_WIDTH: Final = 392


def moments(samples: Float32, count: int) -> NDArray[np.float64]:
    """Measure RMS and sample peak of every half second.

    Args:
        samples: shape (T,) or (channels, T), at 48 kHz; silence follows.
        count: number of half seconds.

    Returns:
        RMS over all channels and peak, dBFS, at least -200, shape (count, 2). A sine at full scale has an RMS of -3.01.
    """
    sides = np.atleast_2d(samples)[:, : count * _MOMENT_SAMPLES]
    padded = np.zeros((len(sides), count * _MOMENT_SAMPLES), np.float32)
    padded[:, : sides.shape[1]] = sides
    parts = padded.reshape(len(sides), count, _MOMENT_SAMPLES)
    power = np.square(parts, dtype=np.float64).mean(axis=(0, 2))
    peak = np.abs(parts).max(axis=(0, 2)).astype(np.float64)
    return np.stack([10 * np.log10(np.maximum(power, 1e-20)), 20 * np.log10(np.maximum(peak, 1e-10))], axis=1)


def strips(
    levels_dbfs: NDArray[np.float64], *, seconds: float, size: tuple[int, int], left: int, color: str
) -> Iterator[NDArray[np.uint8]]:
    """Yield the strip at every half second.

    Args:
        levels_dbfs: RMS and peak of every half second, from `moments`.
        seconds: duration of the waveform, which the track is as long as.
        size: width and height of the strip, pixels; the height is at least 56.
        left: left edge of the waveform, which is `COLUMNS` wide.
        color: color of the chain.

    Yields:
        RGB pictures, shape (height, width, 3). Their first and last row is background.
    """
    right = left + COLUMNS
    meter_left, meter_right = left + _TIME_WIDTH, right - _LEVEL_WIDTH
    empty = Image.new("RGB", size, BACKGROUND)
    empty.paste(LINE, (left, _TRACK[0], right, _TRACK[1]))
    empty.paste(LINE, (meter_left, _METER[0], meter_right, _METER[1]))
    for number, (rms, peak) in enumerate(levels_dbfs.tolist()):
        at_s = number / MOMENTS_PER_SECOND
        picture = empty.copy()
        head = left + round(COLUMNS * min(at_s / seconds, 1.0))
        picture.paste(color, (left, _TRACK[0], head, _TRACK[1]))
        picture.paste(BRIGHT, (head - 3, _HEAD[0], head + 3, _HEAD[1]))
        time = f"{clock(round(at_s * 1000))} / {clock(round(seconds * 1000))}"
        write_line(picture, left, _TEXT, time, size=_TEXT_SIZE, color=BRIGHT, width=_TIME_WIDTH - 20)
        picture.paste(color, (meter_left, _METER[0], _along(rms, meter_left, meter_right), _METER[1]))
        tick = _along(peak, meter_left, meter_right)
        if tick > meter_left:
            picture.paste(BRIGHT, (tick - 4, _METER[0] - 4, tick, _METER[1] + 4))
        text = f"RMS {_number(rms)}, peak {_number(peak)} dBFS"
        write_line(picture, right, _TEXT, text, size=_TEXT_SIZE, color=MUTED, align="right", width=_LEVEL_WIDTH - 20)
        yield np.asarray(picture)


def _along(level_dbfs: float, left: int, right: int) -> int:
    share = min(max(1 - level_dbfs / LOWEST_DBFS, 0.0), 1.0)
    return left + round(share * (right - left))


def _number(level_dbfs: float) -> str:
    return "–" if level_dbfs < LOWEST_DBFS else f"{level_dbfs:.0f}".replace("-", "−")
