"""Draws the strip of a card that moves: a playhead below the waveform, the time, and a level meter."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tone_shootout.audio.signals import Float32
from tone_shootout.rendering.plan.rates import OUTPUT_RATE
from tone_shootout.rendering.plan.timeline import FRAME_SAMPLES, clock
from tone_shootout.rendering.video.drawing import write_line
from tone_shootout.rendering.video.layout import WIDE, Layout
from tone_shootout.rendering.video.palette import BACKGROUND, BRIGHT, LINE, MUTED
from tone_shootout.rendering.video.video_frames import MOMENTS_PER_SECOND, Span, count_moments

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


class Moments(NamedTuple):
    """Half seconds of a segment: where each begins, s, and its RMS and sample peak, dBFS, at least -200."""

    at_s: NDArray[np.float64]
    levels_dbfs: NDArray[np.float64]


def moments(samples: Float32, spans: Sequence[Span]) -> Moments:
    """Measure RMS and sample peak of every half second of spans of a segment.

    Args:
        samples: shape (T,) or (channels, T), at 48 kHz; silence follows.
        spans: the spans.

    Returns:
        Times, shape (count,), and RMS over all channels and peak, shape (count, 2). A sine at full scale has an RMS of
        -3.01.
    """
    sides = np.atleast_2d(samples)
    count = sum(count_moments(span.frames + span.silent) for span in spans)
    at = np.zeros(count, int)
    parts = np.zeros((len(sides), count, _MOMENT_SAMPLES), np.float32)
    number = 0
    for span in spans:
        end = (span.first + span.frames) * FRAME_SAMPLES
        for moment in range(count_moments(span.frames + span.silent)):
            start = span.first * FRAME_SAMPLES + moment * _MOMENT_SAMPLES
            at[number] = min(start, end)
            found = sides[:, start : min(start + _MOMENT_SAMPLES, end)]
            parts[:, number, : found.shape[1]] = found
            number += 1
    power = np.square(parts, dtype=np.float64).mean(axis=(0, 2))
    peak = np.abs(parts).max(axis=(0, 2)).astype(np.float64)
    levels = np.stack([10 * np.log10(np.maximum(power, 1e-20)), 20 * np.log10(np.maximum(peak, 1e-10))], axis=1)
    return Moments(at / OUTPUT_RATE, levels)


def strips(found: Moments, *, seconds: float, color: str, layout: Layout = WIDE) -> Iterator[NDArray[np.uint8]]:
    """Yield the strip at every half second.

    Args:
        found: the half seconds, from `moments`.
        seconds: duration of the waveform, which the track is as long as.
        color: color of the chain.
        layout: places of the strip and the waveform.

    Yields:
        RGB pictures, shape (height, width, 3). Their first and last row is background.
    """
    left, right, columns = layout.left, layout.right, layout.columns
    meter_left, meter_right = left + _TIME_WIDTH, right - _LEVEL_WIDTH
    empty = Image.new("RGB", (layout.width, layout.strip_bottom - layout.strip_top), BACKGROUND)
    empty.paste(LINE, (left, _TRACK[0], right, _TRACK[1]))
    empty.paste(LINE, (meter_left, _METER[0], meter_right, _METER[1]))
    for at_s, (rms, peak) in zip(found.at_s.tolist(), found.levels_dbfs.tolist(), strict=True):
        picture = empty.copy()
        head = left + round(columns * min(at_s / seconds, 1.0))
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
