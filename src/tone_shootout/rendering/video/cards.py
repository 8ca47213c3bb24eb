"""The picture that stands while a segment is heard: what it is, its waveform and its level."""

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
        card: what it says.
        samples: of the segment as it is heard, shape (T,).

    Returns:
        RGB, shape (1080, 1920, 3).
    """
    figure = Figure(figsize=(WIDTH / _DPI, HEIGHT / _DPI), dpi=_DPI, facecolor=BACKGROUND)
    FigureCanvasAgg(figure)
    colour = accent(card.chain_index)
    _write(figure, _LEFT, 0.925, card.title, size=22, colour=MUTED, width=0.72)
    _write(figure, _RIGHT, 0.925, f"{card.position} / {card.count}", size=22, colour=MUTED, align="right")
    _write(figure, _LEFT, 0.79, card.chain, size=56, colour=BRIGHT, bold=True, width=0.9)
    _write(figure, _LEFT, 0.705, card.di_track, size=32, colour=colour, width=0.9)
    _draw_waveform(figure, samples, card.full_scale, colour)
    _write(figure, _LEFT, 0.105, f"{card.integrated_lufs:.1f} LUFS", size=34, colour=BRIGHT, bold=True)
    _write(figure, 0.31, 0.105, f"{card.true_peak_dbtp:.1f} dBTP", size=34, colour=BRIGHT, bold=True)
    _write(figure, _RIGHT, 0.105, card.remark, size=20, colour=MUTED, align="right", width=0.4)
    with warnings.catch_warnings():
        # A name may be in a script that the font lacks: it shows boxes then, and that is all.
        warnings.simplefilter("ignore", UserWarning)
        figure.savefig(pixels := io.BytesIO(), format="rgba", facecolor=BACKGROUND)
    rgba = np.frombuffer(pixels.getvalue(), np.uint8).reshape(HEIGHT, WIDTH, 4)
    return np.ascontiguousarray(rgba[:, :, :3])


def envelope(samples: Float32, columns: int) -> tuple[Float32, Float32]:
    """Return the lowest and highest sample of each of at most `columns` equal parts of a signal."""
    edges = np.linspace(0, len(samples), min(columns, len(samples)), endpoint=False).astype(np.intp)
    return np.minimum.reduceat(samples, edges), np.maximum.reduceat(samples, edges)


def _draw_waveform(figure: Figure, samples: Float32, full_scale: float, colour: str) -> None:
    axes = figure.add_axes((_LEFT, 0.19, _RIGHT - _LEFT, 0.45), facecolor=PANEL)
    low, high = envelope(samples, _COLUMNS)
    time = np.arange(len(low))
    axes.axhline(0.0, color=LINE, linewidth=1.0, zorder=1)
    axes.fill_between(time, low, high, color=colour, linewidth=0.6, zorder=2)
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
    colour: str,
    bold: bool = False,
    align: str = "left",
    width: float | None = None,
) -> None:
    """Write one line, smaller where it would be wider than `width` (a share of the picture)."""
    written = figure.text(
        x,
        y,
        one_line(text),
        fontproperties=_font(bold=bold),
        fontsize=size,
        color=colour,
        ha=align,
        va="center",
        parse_math=False,
    )
    # Letters are fitted to pixels, so a text's width doesn't follow its size exactly.
    while width is not None and (taken := _width(written)) > width:
        size *= 0.99 * width / taken
        written.set_fontsize(size)


def _width(text: Text) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return float(text.get_window_extent().width) / WIDTH


def _font(*, bold: bool) -> Any:
    """Return the font that matplotlib carries, whatever the machine has."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return FontProperties(fname=f"{mpl.get_data_path()}/fonts/ttf/{name}")
