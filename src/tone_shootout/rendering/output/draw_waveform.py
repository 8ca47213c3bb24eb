"""Draws the plot of a waveform with Pillow and as SVG.

matplotlib would take ten times as long for it, and each segment has one.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

import numpy as np
from PIL import Image

from tone_shootout.audio.signals import Float32
from tone_shootout.rendering.output.plots import WaveformPlot
from tone_shootout.rendering.video.drawing import fit, paint_waveform, write_line
from tone_shootout.rendering.video.palette import BACKGROUND, BRIGHT, LINE, MUTED, PANEL, accent, one_line

WIDTH: Final = 1600
HEIGHT: Final = 400

# The panel, pixels.
_LEFT: Final = 80
_TOP: Final = 40
_WIDTH: Final = 1488
_HEIGHT: Final = 304
_TEXT: Final = 17
_TITLE: Final = 20
_BELOW: Final = 19
_MOST_TICKS: Final = (12, 5)


def draw_waveform(plot: WaveformPlot, stem: str) -> None:
    """Draw a waveform to `stem` plus `.png` and `stem` plus `.svg`.

    Args:
        plot: the plot.
        stem: path of the files without suffix.

    Raises:
        OSError: a file can't be read or written.
    """
    columns = fit(np.load(plot.envelope, allow_pickle=False), _WIDTH)
    _draw_png(plot, columns, Path(f"{stem}.png"))
    Path(f"{stem}.svg").write_text(_svg(plot, columns), encoding="utf-8")


def _draw_png(plot: WaveformPlot, columns: Float32, path: Path) -> None:
    picture = Image.new("RGB", (WIDTH, HEIGHT), BACKGROUND)
    # With a border of one pixel.
    picture.paste(LINE, (_LEFT - 1, _TOP - 1, _LEFT + _WIDTH + 1, _TOP + _HEIGHT + 1))
    picture.paste(PANEL, (_LEFT, _TOP, _LEFT + _WIDTH, _TOP + _HEIGHT))
    write_line(picture, _LEFT, _TOP / 2, plot.name, size=_TITLE, color=BRIGHT, width=_WIDTH)
    write_line(picture, WIDTH / 2, HEIGHT - _BELOW, "s", size=_TEXT, color=BRIGHT, align="middle")
    for x, label in _seconds(plot):
        picture.paste(LINE, (round(x), _TOP, round(x) + 1, _TOP + _HEIGHT))
        write_line(picture, x, _TOP + _HEIGHT + _BELOW, label, size=_TEXT, color=MUTED, align="middle")
    for y, label in _magnitudes(plot):
        picture.paste(LINE, (_LEFT, round(y), _LEFT + _WIDTH, round(y) + 1))
        write_line(picture, _LEFT - 10, y, label, size=_TEXT, color=MUTED, align="right")
    paint_waveform(picture, _LEFT, _TOP, _HEIGHT, columns, plot.full_scale, accent(plot.chain_index))
    picture.save(path, compress_level=1)


def _svg(plot: WaveformPlot, columns: Float32) -> str:
    middle, scale = _TOP + _HEIGHT / 2, _HEIGHT / 2 / plot.full_scale
    low, high = (middle - columns * scale).tolist()
    forth = [f"{x},{y:.1f}" for x, y in enumerate(high, _LEFT)]
    back = [f"{x},{y:.1f}" for x, y in enumerate(low, _LEFT)][::-1]
    lines = [f'<path d="M{x:.1f},{_TOP}V{_TOP + _HEIGHT}"/>' for x, _ in _seconds(plot)]
    lines += [f'<path d="M{_LEFT},{y:.1f}H{_LEFT + _WIDTH}"/>' for y, _ in _magnitudes(plot)]
    labels = [_label(x, _TOP + _HEIGHT + _BELOW, text, "middle") for x, text in _seconds(plot)]
    labels += [_label(_LEFT - 10, y, text, "end") for y, text in _magnitudes(plot)]
    color = accent(plot.chain_index)
    size = f'width="{WIDTH}" height="{HEIGHT}"'
    font = f'font-family="DejaVu Sans, sans-serif" font-size="{_TEXT}" dominant-baseline="central"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {WIDTH} {HEIGHT}" {font}>',
            f'<rect {size} fill="{BACKGROUND}"/>',
            f'<rect x="{_LEFT}" y="{_TOP}" width="{_WIDTH}" height="{_HEIGHT}" fill="{PANEL}" stroke="{LINE}"/>',
            f'<g stroke="{LINE}">',
            *lines,
            "</g>",
            f'<polygon points="{" ".join(forth + back)}" fill="{color}" stroke="{color}" stroke-width="0.6"/>',
            f'<g fill="{MUTED}">',
            *labels,
            "</g>",
            f'<g fill="{BRIGHT}">',
            f'<text x="{_LEFT}" y="{_TOP // 2}" font-size="{_TITLE}">{escape(one_line(plot.name))}</text>',
            _label(WIDTH / 2, HEIGHT - _BELOW, "s", "middle"),
            "</g>",
            "</svg>",
            "",
        ]
    )


def _label(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'


def _seconds(plot: WaveformPlot) -> Iterator[tuple[float, str]]:
    """Yield position and label of each tick below the panel."""
    for value, label in _ticks(0.0, plot.seconds, _MOST_TICKS[0]):
        yield _LEFT + value / plot.seconds * _WIDTH, label


def _magnitudes(plot: WaveformPlot) -> Iterator[tuple[float, str]]:
    """Yield position and label of each tick beside the panel."""
    for value, label in _ticks(-plot.full_scale, plot.full_scale, _MOST_TICKS[1]):
        yield _TOP + _HEIGHT / 2 * (1 - value / plot.full_scale), label


def _ticks(low: float, high: float, most: int) -> Iterator[tuple[float, str]]:
    """Yield value and label of at most `most` ticks: multiples of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(factor * power for factor in (1, 2, 5, 10, 20) if (high - low) / (factor * power) < most)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    for n in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1):
        yield n * step, f"{n * step:.{digits}f}"
