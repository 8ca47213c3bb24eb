"""Draws cards: the still picture of a segment in the video, with names, waveform and levels."""

from functools import cache
from typing import Final, Literal

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFont

from tone_shootout.audio.signals import Float32
from tone_shootout.rendering.video.palette import BACKGROUND, BRIGHT, LINE, MUTED, PANEL, accent, one_line
from tone_shootout.rendering.video.video_frames import Card

WIDTH: Final = 1920
HEIGHT: Final = 1080

_LEFT: Final = 96
_RIGHT: Final = WIDTH - _LEFT
_PANEL_TOP: Final = 389
_PANEL_HEIGHT: Final = 486


def draw(card: Card, samples: Float32) -> NDArray[np.uint8]:
    """Draw a card.

    Args:
        card: its texts and numbers.
        samples: leveled samples of the segment, shape (T,).

    Returns:
        RGB picture, shape (1080, 1920, 3).
    """
    picture = Image.new("RGB", (WIDTH, HEIGHT), BACKGROUND)
    color = accent(card.chain_index)
    _write(picture, _LEFT, 81, card.title, size=31, color=MUTED, width=1382)
    _write(picture, _RIGHT, 81, f"{card.position} / {card.count}", size=31, color=MUTED, align="right")
    _write(picture, _LEFT, 227, card.chain, size=78, color=BRIGHT, bold=True, width=1728)
    _write(picture, _LEFT, 319, card.di_track, size=44, color=color, width=1728)
    picture.paste(Image.fromarray(_waveform(samples, card.full_scale, color)), (_LEFT, _PANEL_TOP))
    _write(picture, _LEFT, 967, f"{card.integrated_lufs:.1f} LUFS", size=47, color=BRIGHT, bold=True)
    _write(picture, 595, 967, f"{card.true_peak_dbtp:.1f} dBTP", size=47, color=BRIGHT, bold=True)
    _write(picture, _RIGHT, 967, card.remark, size=28, color=MUTED, align="right", width=768)
    return np.asarray(picture)


def envelope(samples: Float32, columns: int) -> tuple[Float32, Float32]:
    """Return minimum and maximum of each of at most `columns` equal parts of a signal, shape (T,)."""
    edges = np.linspace(0, len(samples), min(columns, len(samples)), endpoint=False).astype(np.intp)
    return np.minimum.reduceat(samples, edges), np.maximum.reduceat(samples, edges)


def _waveform(samples: Float32, full_scale: float, color: str) -> NDArray[np.uint8]:
    """Draw the waveform in a panel, RGB, shape (486, 1728, 3): each column covers the range of its samples."""
    width = _RIGHT - _LEFT
    low, high = envelope(samples, width)
    # A steep signal has no gaps: each column reaches the one before it.
    low[1:], high[1:] = np.minimum(low[1:], high[:-1]), np.maximum(high[1:], low[:-1])
    columns = np.arange(width) * len(low) // width
    scale = _PANEL_HEIGHT / 2 / full_scale
    top = _PANEL_HEIGHT / 2 - high[columns] * scale - 0.5
    bottom = _PANEL_HEIGHT / 2 - low[columns] * scale + 0.5
    rows = np.arange(_PANEL_HEIGHT, dtype=np.float32)[:, None]
    # The share of each pixel that is covered.
    covered = np.clip(np.minimum(rows + 1, bottom) - np.maximum(rows, top), 0, 1)[..., None].astype(np.float32)
    panel = np.full((_PANEL_HEIGHT, 1, 3), ImageColor.getrgb(PANEL), np.float32)
    panel[_PANEL_HEIGHT // 2] = ImageColor.getrgb(LINE)
    drawn = panel + covered * (np.array(ImageColor.getrgb(color), np.float32) - panel)
    return np.asarray(np.rint(drawn), np.uint8)


def _write(
    picture: Image.Image,
    x: int,
    y: int,
    text: str,
    *,
    size: float,
    color: str,
    bold: bool = False,
    align: Literal["left", "right"] = "left",
    width: int | None = None,
) -> None:
    """Draw one line of text around the height `y`, reduced in size to fit `width`; sizes in pixels."""
    text = one_line(text)
    font = _font(size, bold=bold)
    # Glyphs are fitted to pixels, so the width of a text is not exactly proportional to its size.
    while width is not None and (taken := font.getlength(text)) > width:
        size *= 0.99 * width / taken
        font = _font(size, bold=bold)
    ImageDraw.Draw(picture).text((x, y), text, fill=color, font=font, anchor="lm" if align == "left" else "rm")


@cache
def _font_file(*, bold: bool) -> str:
    """Return the path of the font that is part of matplotlib, for the same picture on every machine."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return f"{mpl.get_data_path()}/fonts/ttf/{name}"


def _font(size: float, *, bold: bool) -> ImageFont.FreeTypeFont:
    # The other layout engine is not on every machine.
    return ImageFont.truetype(_font_file(bold=bold), size, layout_engine=ImageFont.Layout.BASIC)
