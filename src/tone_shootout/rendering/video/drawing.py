"""Lines of text and waveforms, drawn with Pillow for cards and plots."""

from typing import Final

import numpy as np
from PIL import Image

from tone_shootout.audio.sides import outline
from tone_shootout.audio.signals import Float32
from tone_shootout.rendering.video.text_line import Align, Line
from tone_shootout.rendering.video.wrapping import wrap

COLUMNS: Final = 1728
"""Columns of a stored envelope: the width of a card's waveform, which is the widest."""

LINE_HEIGHT: Final = 1.3
"""Distance of lines, relative to their size."""
READABLE: Final = 21
"""Size of text that is readable in a video, pixels; names are cut before they become smaller."""

_SMALLEST: Final = 12
_CHARACTER: Final = 0.62
"""Mean width of a bold character, relative to the size."""


def envelope(samples: Float32, columns: int = COLUMNS) -> Float32:
    """Return minimum and maximum of each of at most `columns` equal parts of a signal.

    Args:
        samples: shape (T,) or (2, T): the outline of both sides.
        columns: number of parts; a shorter signal has as many as it has samples.

    Returns:
        Minima and maxima, shape (2, parts).
    """
    low, high = outline(samples)
    edges = np.linspace(0, len(low), min(columns, len(low)), endpoint=False).astype(np.intp)
    return np.stack([np.minimum.reduceat(low, edges), np.maximum.reduceat(high, edges)])


def fit(stored: Float32, width: int) -> Float32:
    """Return an envelope with a column for each of `width` pixels, without gaps.

    Args:
        stored: minima and maxima, shape (2, parts).
        width: number of columns.

    Returns:
        Minima and maxima, shape (2, width). Each column reaches the one before it, so that a steep signal has no gaps.
    """
    low, high = stored.copy()
    if len(low) > width:
        edges = np.arange(width) * len(low) // width
        low, high = np.minimum.reduceat(low, edges), np.maximum.reduceat(high, edges)
    low[1:], high[1:] = np.minimum(low[1:], high[:-1]), np.maximum(high[1:], low[:-1])
    columns = np.arange(width) * len(low) // width
    return np.stack([low[columns], high[columns]])


def paint_waveform(
    picture: Image.Image, x: int, y: int, height: int, columns: Float32, full_scale: float, color: str
) -> None:
    """Paint a waveform over a panel of a picture.

    Args:
        picture: the picture, RGB.
        x: left edge of the panel, pixels.
        y: upper edge of the panel, pixels.
        height: height of the panel, pixels.
        columns: minima and maxima of each column, shape (2, width).
        full_scale: magnitude at the top of the panel.
        color: color of the waveform.
    """
    low, high = columns
    scale = np.float32(height / 2 / full_scale)
    top = height / 2 - high * scale - np.float32(0.5)
    bottom = height / 2 - low * scale + np.float32(0.5)
    rows = np.arange(height, dtype=np.float32)[:, None]
    # The share of each pixel that is covered, as its opacity.
    covered = np.minimum(rows + 1, bottom) - np.maximum(rows, top)
    opacity = np.rint(np.clip(covered, 0, 1) * 255).astype(np.uint8)
    picture.paste(color, (x, y), Image.fromarray(opacity))


def write_line(
    picture: Image.Image,
    x: float,
    y: float,
    text: str,
    *,
    size: float,
    color: str,
    bold: bool = False,
    align: Align = "left",
    width: int | None = None,
    within: str | None = None,
) -> None:
    """Draw one line of text around the height `y`, reduced in size to fit `width`; sizes in pixels.

    Characters that DejaVu Sans lacks are drawn from installed fonts (`fonts`). Where no font has a character, a box
    stands for it. `within` is the text of which the line is a part.
    """
    line = Line(text, bold=bold, within=within)
    # Glyphs are fitted to pixels, so the width of a text is not exactly proportional to its size.
    while width is not None and (taken := line.length(size)) > width:
        size *= 0.99 * width / taken
    line.draw(picture, x, y, size, color, align)


def write_block(
    picture: Image.Image,
    x: float,
    y: float,
    text: str,
    *,
    size: float,
    color: str,
    width: int,
    lines: int,
    bold: bool = False,
    below: bool = False,
) -> float:
    """Draw a text around the height `y`, or below it, in as many lines as it needs, up to `lines`; sizes in pixels.

    The size is reduced until the text fits.

    Returns:
        Height of the text.
    """
    while len(parts := wrap(text, size, width, bold=bold)) > lines and size > _SMALLEST:
        size *= 0.94
    parts = [*parts[: lines - 1], " ".join(parts[lines - 1 :])] if len(parts) > lines else parts
    step = LINE_HEIGHT * size
    top = y + step / 2 if below else y - step * (len(parts) - 1) / 2
    for number, part in enumerate(parts):
        write_line(picture, x, top + number * step, part, size=size, color=color, bold=bold, width=width, within=text)
    return step * len(parts)


def longest_name(width: float) -> int:
    """Return the number of characters of a name that is readable in a width, pixels."""
    return max(8, int(width / (_CHARACTER * READABLE)))
