"""Draws cards: the still picture of a segment in the video, with names, waveform and levels."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tone_shootout.audio.signals import Float32
from tone_shootout.rendering.output.short_names import shorten
from tone_shootout.rendering.video.drawing import fit, longest_name, paint_waveform, write_block, write_line
from tone_shootout.rendering.video.gear_pictures import paint_picture
from tone_shootout.rendering.video.labels import decibels
from tone_shootout.rendering.video.layout import WIDE, Layout
from tone_shootout.rendering.video.palette import BACKGROUND, BRIGHT, LINE, MUTED, PANEL, accent
from tone_shootout.rendering.video.video_frames import Card

_GAP: Final = 10
_GEAR_SHARE: Final = 4
_GEAR_SHARE_NARROW: Final = 3
"""How many times the picture of the gear fits the width of a card, at most as large."""
_ABOVE_NAME: Final = 58
_BELOW_CALIBRATION: Final = 18
_BESIDE_GEAR: Final = 36


def draw(card: Card, envelope: Float32, layout: Layout = WIDE, gear: str = "") -> NDArray[np.uint8]:
    """Draw a card.

    Args:
        card: its texts and numbers.
        envelope: minima and maxima of the leveled segment, shape (2, parts), from `drawing.envelope`.
        layout: size of the picture and places of its parts.
        gear: JPEG file of the gear, drawn beside the names; empty: none.

    Returns:
        RGB picture, shape (height, width, 3).

    Raises:
        OSError: the file of the gear can't be read.
    """
    picture = Image.new("RGB", (layout.width, layout.height), BACKGROUND)
    left, right, width = layout.left, layout.right, layout.columns
    room = width
    if gear:
        top, bottom = layout.chain - _ABOVE_NAME, layout.calibration + _BELOW_CALIBRATION
        box = width // (_GEAR_SHARE_NARROW if layout.is_narrow else _GEAR_SHARE)
        room -= _BESIDE_GEAR + paint_picture(picture, gear, right=right, top=top, width=box, height=bottom - top)
    color = accent(card.color)
    corner = width // 5
    write_line(picture, left, layout.title, card.title, size=31, color=MUTED, width=width - corner)
    write_line(picture, right, layout.title, card.corner, size=31, color=MUTED, align="right", width=corner - 20)
    lines, words = layout.chain_lines, layout.words_lines
    write_block(picture, left, layout.chain, card.chain, size=76, color=BRIGHT, bold=True, width=room, lines=lines)
    write_line(picture, left, layout.di_track, card.di_track, size=40, color=color, width=room)
    write_block(picture, left, layout.words, card.words, size=27, color=BRIGHT, width=room, lines=words)
    write_line(picture, left, layout.calibration, card.calibration, size=24, color=MUTED, width=room)
    top = layout.panel_top
    if card.tones:
        top += _write_tones(picture, card, layout) + _GAP
    height = layout.panel_bottom - top
    middle = top + height // 2
    picture.paste(PANEL, (left, top, right, layout.panel_bottom))
    picture.paste(LINE, (left, middle, right, middle + 1))
    paint_waveform(picture, left, top, height, fit(envelope, width), card.full_scale, color)
    loudness = decibels(card.heard_lufs, "LUFS in this video")
    write_line(picture, left, layout.loudness, loudness, size=42, color=BRIGHT, bold=True, width=width)
    file = f"File: {decibels(card.integrated_lufs, 'LUFS')}, {decibels(card.true_peak_dbtp, 'dBTP')}"
    x, align = (left, "left") if layout.is_narrow else (right, "right")
    most = width if layout.is_narrow else 900
    write_line(picture, x, layout.file, file, size=28, color=BRIGHT, align=align, width=most)
    write_line(picture, x, layout.remark, card.remark, size=28, color=MUTED, align=align, width=most)
    return np.asarray(picture)


def _write_tones(picture: Image.Image, card: Card, layout: Layout) -> int:
    """Write the names of all tones, with the one that is heard as a bright field, and return the height."""
    columns = min(layout.tone_columns, len(card.tones))
    rows = -(-len(card.tones) // columns)
    room = (layout.panel_bottom - layout.panel_top) * 2 // 3
    step = min(layout.tone_row, room // rows)
    cell = (layout.columns + _GAP) // columns
    names = shorten(card.tones, longest_name(cell - _GAP - 36))
    for number, name in enumerate(names):
        column, row = divmod(number, rows)
        x, y = layout.left + column * cell, layout.panel_top + row * step
        heard = number == card.color
        end = min(x + cell - _GAP, layout.right)
        picture.paste(accent(number) if heard else PANEL, (x, y, end, y + step - 6))
        if not heard:
            picture.paste(accent(number), (x, y, x + 6, y + step - 6))
        write_line(
            picture,
            x + 22,
            y + (step - 6) / 2,
            name,
            size=min(28, 0.6 * step),
            color=BACKGROUND if heard else BRIGHT,
            bold=heard,
            width=end - x - 36,
        )
    return rows * step - 6
