"""Draws cards: the still picture of a segment in the video, with names, waveform and levels."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tone_shootout.audio.signals import Float32
from tone_shootout.rendering.video.drawing import COLUMNS, fit, paint_waveform, write_line
from tone_shootout.rendering.video.palette import BACKGROUND, BRIGHT, LINE, MUTED, PANEL, accent
from tone_shootout.rendering.video.video_frames import Card

WIDTH: Final = 1920
HEIGHT: Final = 1080

STRIP_TOP: Final = 880
STRIP_BOTTOM: Final = 944
"""The rows of the strip that moves, whole macroblocks."""

LEFT: Final = 96
"""Left edge of the waveform."""

_RIGHT: Final = LEFT + COLUMNS
_PANEL_TOP: Final = 389
_PANEL_HEIGHT: Final = 486


def draw(card: Card, envelope: Float32) -> NDArray[np.uint8]:
    """Draw a card.

    Args:
        card: its texts and numbers.
        envelope: minima and maxima of the leveled segment, shape (2, parts), from `drawing.envelope`.

    Returns:
        RGB picture, shape (1080, 1920, 3).
    """
    picture = Image.new("RGB", (WIDTH, HEIGHT), BACKGROUND)
    color = accent(card.chain_index)
    write_line(picture, LEFT, 81, card.title, size=31, color=MUTED, width=1382)
    write_line(picture, _RIGHT, 81, f"{card.position} / {card.count}", size=31, color=MUTED, align="right")
    write_line(picture, LEFT, 227, card.chain, size=78, color=BRIGHT, bold=True, width=1728)
    write_line(picture, LEFT, 319, card.di_track, size=44, color=color, width=1728)
    middle = _PANEL_TOP + _PANEL_HEIGHT // 2
    picture.paste(PANEL, (LEFT, _PANEL_TOP, _RIGHT, _PANEL_TOP + _PANEL_HEIGHT))
    picture.paste(LINE, (LEFT, middle, _RIGHT, middle + 1))
    columns = fit(envelope, COLUMNS)
    paint_waveform(picture, LEFT, _PANEL_TOP, _PANEL_HEIGHT, columns, card.full_scale, color)
    write_line(picture, LEFT, 1000, f"{card.integrated_lufs:.1f} LUFS", size=47, color=BRIGHT, bold=True)
    write_line(picture, 595, 1000, f"{card.true_peak_dbtp:.1f} dBTP", size=47, color=BRIGHT, bold=True)
    write_line(picture, _RIGHT, 1000, card.remark, size=28, color=MUTED, align="right", width=768)
    return np.asarray(picture)
