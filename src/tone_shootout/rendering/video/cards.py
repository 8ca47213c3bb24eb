"""Draws cards: the still picture of a segment in the video, with names, waveform and levels."""

import io
import warnings
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from numpy.typing import NDArray

from tone_shootout.audio.signals import Float32
from tone_shootout.rendering.video.palette import BACKGROUND, BRIGHT, LINE, MUTED, PANEL, accent, one_line
from tone_shootout.rendering.video.video_frames import Card

WIDTH: Final = 1920
HEIGHT: Final = 1080

_DPI: Final = 100
_LEFT: Final = 0.05
_RIGHT: Final = 0.95
_COLUMNS: Final = 1728


def draw(card: Card, samples: Float32) -> NDArray[np.uint8]:
    """Draw a card.

    Args:
        card: its texts and numbers.
        samples: leveled samples of the segment, shape (T,).

    Returns:
        RGB picture, shape (1080, 1920, 3).
    """
    figure = Figure(figsize=(WIDTH / _DPI, HEIGHT / _DPI), dpi=_DPI, facecolor=BACKGROUND)
    FigureCanvasAgg(figure)
    color = accent(card.chain_index)
    _write(figure, _LEFT, 0.925, card.title, size=22, color=MUTED, width=0.72)
    _write(figure, _RIGHT, 0.925, f"{card.position} / {card.count}", size=22, color=MUTED, align="right")
    _write(figure, _LEFT, 0.79, card.chain, size=56, color=BRIGHT, bold=True, width=0.9)
    _write(figure, _LEFT, 0.705, card.di_track, size=32, color=color, width=0.9)
    _draw_waveform(figure, samples, card.full_scale, color)
    _write(figure, _LEFT, 0.105, f"{card.integrated_lufs:.1f} LUFS", size=34, color=BRIGHT, bold=True)
    _write(figure, 0.31, 0.105, f"{card.true_peak_dbtp:.1f} dBTP", size=34, color=BRIGHT, bold=True)
    _write(figure, _RIGHT, 0.105, card.remark, size=20, color=MUTED, align="right", width=0.4)
    with warnings.catch_warnings():
        # Names may use glyphs that the font lacks; they are drawn as boxes.
        warnings.simplefilter("ignore", UserWarning)
        figure.savefig(pixels := io.BytesIO(), format="rgba", facecolor=BACKGROUND)
    rgba = np.frombuffer(pixels.getvalue(), np.uint8).reshape(HEIGHT, WIDTH, 4)
    return np.ascontiguousarray(rgba[:, :, :3])


def envelope(samples: Float32, columns: int) -> tuple[Float32, Float32]:
    """Return minimum and maximum of each of at most `columns` equal parts of a signal, shape (T,)."""
    edges = np.linspace(0, len(samples), min(columns, len(samples)), endpoint=False).astype(np.intp)
    return np.minimum.reduceat(samples, edges), np.maximum.reduceat(samples, edges)


def _draw_waveform(figure: Figure, samples: Float32, full_scale: float, color: str) -> None:
    axes = figure.add_axes((_LEFT, 0.19, _RIGHT - _LEFT, 0.45), facecolor=PANEL)
    low, high = envelope(samples, _COLUMNS)
    time = np.arange(len(low))
    axes.axhline(0.0, color=LINE, linewidth=1.0, zorder=1)
    axes.fill_between(time, low, high, color=color, linewidth=0.6, zorder=2)
    axes.set_xlim(0, max(len(low) - 1, 1))
    axes.set_ylim(-full_scale, full_scale)
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)


def _write(
    figure: Figure,
    x: float,
    y: float,
    text: str,
    *,
    size: float,
    color: str,
    bold: bool = False,
    align: str = "left",
    width: float | None = None,
) -> None:
    """Draw one line of text, reduced in size to fit `width` (a share of the picture's width)."""
    written = figure.text(
        x,
        y,
        one_line(text),
        fontproperties=_font(bold=bold),
        fontsize=size,
        color=color,
        ha=align,
        va="center",
        parse_math=False,
    )
    # Glyphs are fitted to pixels, so the width of a text is not exactly proportional to its size.
    while width is not None and (taken := _width(written)) > width:
        size *= 0.99 * width / taken
        written.set_fontsize(size)


def _width(text: Text) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return float(text.get_window_extent().width) / WIDTH


def _font(*, bold: bool) -> Any:
    """Return the font that is part of matplotlib, for the same picture on every machine."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return FontProperties(fname=f"{mpl.get_data_path()}/fonts/ttf/{name}")
