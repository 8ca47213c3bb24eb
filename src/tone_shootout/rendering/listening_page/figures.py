"""Drive curves as SVG: geometry for the template, in units of a drawing that is legible on a small screen."""

import math
from collections.abc import Callable, Sequence
from typing import Final, Literal

from msgspec import Struct

from tone_shootout.rendering.listening_page.page import PageCapture

WIDTH: Final = 360
HEIGHT: Final = 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 40.0, WIDTH - 12.0, 12.0, HEIGHT - 28.0
_STEP_DB: Final = 20
_LOWEST_HARMONICS_DB: Final = -100.0


class Line(Struct, frozen=True):
    """A line of the grid."""

    x1: float
    x2: float
    y1: float
    y2: float


class Text(Struct, frozen=True):
    """A number beside an axis."""

    x: float
    y: float
    anchor: Literal["middle", "end"]
    text: str


class Chart(Struct, frozen=True):
    """Lines, numbers and paths, one for each curve, of a chart."""

    title: str
    lines: tuple[Line, ...]
    texts: tuple[Text, ...]
    paths: tuple[str, ...]


class CurvePoint(Struct, frozen=True):
    """A point of a drive curve; the harmonics together, relative to the fundamental."""

    input_dbfs: float
    output_dbfs: float
    harmonics_db: float


class Curve(Struct, frozen=True):
    """The drive curve of a capture."""

    name: str
    points: tuple[CurvePoint, ...]


class DriveFigure(Struct, frozen=True):
    """Curves of all captures, and two charts of them."""

    curves: tuple[Curve, ...]
    charts: tuple[Chart, ...]
    width: int = WIDTH
    height: int = HEIGHT


def drive_figure(captures: Sequence[PageCapture]) -> DriveFigure:
    """Return level and harmonics of captures over the level of a sine; without captures, no charts."""
    curves = tuple(
        Curve(
            capture.name,
            tuple(
                CurvePoint(
                    point.input_dbfs,
                    point.output_dbfs,
                    10 * math.log10(math.fsum(10 ** (level / 10) for level in point.harmonics_db)),
                )
                for point in capture.drive
            ),
        )
        for capture in captures
    )
    if not curves:
        return DriveFigure((), ())
    level = _chart("Level out (dBFS) over level in (dBFS)", curves, lambda point: point.output_dbfs, -120.0)
    title = "Harmonics 2 to 5 (dB) over level in (dBFS)"
    return DriveFigure(curves, (level, _chart(title, curves, lambda point: point.harmonics_db, _LOWEST_HARMONICS_DB)))


def _chart(title: str, curves: Sequence[Curve], value: Callable[[CurvePoint], float], lowest: float) -> Chart:
    inputs = [point.input_dbfs for curve in curves for point in curve.points]
    values = [max(value(point), lowest) for curve in curves for point in curve.points]
    columns = _scale(min(inputs), max(inputs), _LEFT, _RIGHT)
    low, high = _outward(min(values), max(values))
    rows = _scale(low, high, _BOTTOM, _TOP)
    lines, texts = [], []
    for level in range(int(low), int(high) + 1, _STEP_DB):
        y = round(rows(level), 1)
        lines.append(Line(_LEFT, _RIGHT, y, y))
        texts.append(Text(_LEFT - 6, y + 4, "end", _number(level)))
    for level in sorted({round(level) for level in inputs if round(level) % 10 == 0}):
        x = round(columns(level), 1)
        lines.append(Line(x, x, _TOP, _BOTTOM))
        texts.append(Text(x, HEIGHT - 10, "middle", _number(level)))
    paths = tuple(
        "M"
        + "L".join(f"{columns(point.input_dbfs):.1f} {rows(max(value(point), lowest)):.1f}" for point in curve.points)
        for curve in curves
    )
    return Chart(title, tuple(lines), tuple(texts), paths)


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (end - start)


def _outward(low: float, high: float) -> tuple[float, float]:
    bottom = math.floor(low / _STEP_DB) * _STEP_DB
    return bottom, max(math.ceil(high / _STEP_DB) * _STEP_DB, bottom + _STEP_DB)


def _number(level: float) -> str:
    return f"{level:g}".replace("-", "−")
