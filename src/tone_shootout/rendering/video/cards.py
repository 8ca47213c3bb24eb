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
    write_line(picture, LEFT, 70, card.title, size=31, color=MUTED, width=1382)
    write_line(picture, _RIGHT, 70, f"{card.position} / {card.count}", size=31, color=MUTED, align="right")
    write_line(picture, LEFT, 165, card.chain, size=76, color=BRIGHT, bold=True, width=1728)
    write_line(picture, LEFT, 241, card.di_track, size=40, color=color, width=1728)
    write_line(picture, LEFT, 303, card.words, size=28, color=BRIGHT, width=1728)
    write_line(picture, LEFT, 347, card.calibration, size=24, color=MUTED, width=1728)
    middle = _PANEL_TOP + _PANEL_HEIGHT // 2
    picture.paste(PANEL, (LEFT, _PANEL_TOP, _RIGHT, _PANEL_TOP + _PANEL_HEIGHT))
    picture.paste(LINE, (LEFT, middle, _RIGHT, middle + 1))
    columns = fit(envelope, COLUMNS)
    paint_waveform(picture, LEFT, _PANEL_TOP, _PANEL_HEIGHT, columns, card.full_scale, color)
    write_line(picture, LEFT, 1000, _decibels(card.heard_lufs, "LUFS in this video"), size=42, color=BRIGHT, bold=True)
    file = f"File: {_decibels(card.integrated_lufs, 'LUFS')}, {_decibels(card.true_peak_dbtp, 'dBTP')}"
    write_line(picture, _RIGHT, 984, file, size=28, color=BRIGHT, align="right", width=900)
    write_line(picture, _RIGHT, 1026, card.remark, size=28, color=MUTED, align="right", width=900)
    return np.asarray(picture)


def _decibels(value: float, unit: str) -> str:
    return f"{value:.1f} {unit}".replace("-", "−")
