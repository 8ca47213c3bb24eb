"""Draws the cards without sound: the title, and what the comparison found; and the thumbnail."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tone_shootout.audio.signals import Float32
from tone_shootout.rendering.output.short_names import shorten
from tone_shootout.rendering.video.drawing import READABLE, fit, longest_name, paint_waveform, write_block, write_line
from tone_shootout.rendering.video.layout import WIDE, Layout
from tone_shootout.rendering.video.palette import BACKGROUND, BRIGHT, MUTED, PANEL, accent
from tone_shootout.rendering.video.text_line import Line
from tone_shootout.rendering.video.video_frames import TextCard, Thumbnail

MOST_ROWS: Final = 32
THUMBNAIL_WIDTH: Final = 1280
THUMBNAIL_HEIGHT: Final = 720

_LONGEST_NAME: Final = 80
_TWO_LINES: Final = 60
_MOST_ROW: Final = 116
_ONE_COLUMN: Final = 8
_MOST_TONES: Final = 4
_EDGE: Final = 56


def draw_text_card(card: TextCard, layout: Layout = WIDE) -> NDArray[np.uint8]:
    """Draw a card of text.

    Args:
        card: its content; of more than `MOST_ROWS` rows, the first ones are shown.
        layout: size of the picture.

    Returns:
        RGB picture, shape (height, width, 3).
    """
    picture = Image.new("RGB", (layout.width, layout.height), BACKGROUND)
    left, width = layout.left, layout.columns
    y = float(layout.text_top)
    y += _write(picture, layout, y, card.title, size=68, lines=3 if layout.is_narrow else 2, bold=True)
    if card.subtitle:
        y += 10 + _write(picture, layout, y + 10, card.subtitle, size=34, lines=2, color=MUTED)
    bottom = float(layout.text_bottom)
    for text, color, size, lines in (
        *((text, MUTED, 25, 2) for text in reversed(card.small)),
        *((text, BRIGHT, 34, 3 if layout.is_narrow else 2) for text in reversed(card.promises)),
    ):
        scratch = Image.new("RGB", (1, 1))
        height = _write(scratch, layout, 0, text, size=size, lines=lines, color=color)
        bottom -= height + 4
        _write(picture, layout, bottom, text, size=size, lines=lines, color=color)
    y += 36
    if card.heading:
        write_line(picture, left, y + 14, card.heading, size=28, color=MUTED, width=width)
        y += 50
    _write_rows(picture, card, layout, round(y), round(bottom) - 24)
    return np.asarray(picture)


def draw_thumbnail(thumbnail: Thumbnail, envelope: Float32) -> Image.Image:
    """Draw the thumbnail, 1280 × 720 pixels: large texts, because it is shown as small as a stamp.

    Args:
        thumbnail: its content.
        envelope: minima and maxima of a segment, shape (2, parts).
    """
    picture = Image.new("RGB", (THUMBNAIL_WIDTH, THUMBNAIL_HEIGHT), BACKGROUND)
    width = THUMBNAIL_WIDTH - 2 * _EDGE
    write_block(picture, _EDGE, 128, thumbnail.title, size=96, color=BRIGHT, bold=True, width=width, lines=2)
    shown = thumbnail.tones if len(thumbnail.tones) <= _MOST_TONES else thumbnail.tones[: _MOST_TONES - 1]
    names = [*shorten(shown, 40)]
    if further := len(thumbnail.tones) - len(shown):
        names.append(f"and {further} more")
    top, bottom = 246, 606
    step = (bottom - top) // len(names)
    panel = _EDGE + width * 5 // 9
    picture.paste(PANEL, (panel, top, _EDGE + width, bottom - 12))
    paint_waveform(
        picture, panel, top, bottom - 12 - top, fit(envelope, _EDGE + width - panel), thumbnail.full_scale, accent(0)
    )
    for number, name in enumerate(names):
        y = top + number * step
        height = min(step, 132) - 12
        picture.paste(accent(number) if number < len(shown) else MUTED, (_EDGE, y, _EDGE + 14, y + height))
        write_block(
            picture,
            _EDGE + 38,
            y + height / 2,
            name,
            size=min(64, 0.6 * height),
            color=BRIGHT,
            bold=True,
            width=panel - _EDGE - 60,
            lines=2 if height > 100 else 1,
        )
    write_line(picture, _EDGE, 660, thumbnail.promise, size=44, color=BRIGHT, width=width)
    return picture


def _write(
    picture: Image.Image,
    layout: Layout,
    top: float,
    text: str,
    *,
    size: float,
    lines: int,
    color: str = BRIGHT,
    bold: bool = False,
) -> float:
    """Draw a text below a height, and return its own height."""
    return write_block(
        picture,
        layout.left,
        top,
        text,
        size=size,
        color=color,
        width=layout.columns,
        lines=lines,
        bold=bold,
        below=True,
    )


def _write_rows(picture: Image.Image, card: TextCard, layout: Layout, top: int, bottom: int) -> None:
    rows = card.rows[:MOST_ROWS]
    columns = 1 if layout.is_narrow or len(rows) <= _ONE_COLUMN else 2
    each = -(-len(rows) // columns)
    step = min(_MOST_ROW, max(20, (bottom - top) // each))
    cell = (layout.columns + layout.left // 2) // columns
    size = min(52, 0.54 * step)
    small = max(min(0.8 * size, 30), READABLE - 1)
    indent = 116 if any(row.mark for row in rows) else 28
    values = max((Line(row.value).length(small) for row in rows), default=0)
    width = round(min(cell - layout.left // 2, layout.columns) - indent - values - 50)
    lines = 2 if step >= _TWO_LINES else 1
    large = min(size, 0.36 * step) if lines > 1 else size
    names = shorten([row.name for row in rows], min(lines * longest_name(width), _LONGEST_NAME))
    for number, (row, name) in enumerate(zip(rows, names, strict=True)):
        column, line = divmod(number, each)
        x, y = layout.left + column * cell, top + line * step
        end = min(x + cell - layout.left // 2, layout.right)
        picture.paste(PANEL, (x, y, end, y + step - 6))
        picture.paste(accent(row.color), (x, y, x + 8, y + step - 6))
        middle = y + (step - 6) / 2
        write_line(picture, x + 28, middle, row.mark, size=size, color=accent(row.color), bold=True, width=72)
        write_block(picture, x + indent, middle, name, size=large, color=BRIGHT, width=width, lines=lines)
        write_line(picture, end - 16, middle, row.value, size=small, color=MUTED, align="right")
    if len(card.rows) > MOST_ROWS:
        text = f"and {len(card.rows) - MOST_ROWS} more"
        write_line(picture, layout.left, top + each * step + 12, text, size=24, color=MUTED)
