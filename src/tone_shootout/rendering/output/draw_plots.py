"""Draws plots with matplotlib to PNG and SVG, reproducibly, legible on light and dark pages."""

import unicodedata
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

import matplotlib as mpl
import msgspec
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager
from numpy.typing import NDArray

from tone_shootout.audio.drive import HARMONICS
from tone_shootout.audio.spectrum import FLOOR_DB, THIRD_OCTAVES_HZ
from tone_shootout.rendering import fonts
from tone_shootout.rendering.metrics import SweepDistances
from tone_shootout.rendering.output.draw_waveform import WIDTH, draw_waveform
from tone_shootout.rendering.output.plots import (
    DifferencePlot,
    DrivePlot,
    LevelsPlot,
    Plot,
    SpectraPlot,
    SweepPlot,
    WaveformPlot,
)
from tone_shootout.rendering.output.short_names import shorten
from tone_shootout.rendering.video.palette import ACCENTS, BACKGROUND, BRIGHT, LINE, MUTED, PANEL, accent, one_line

_DPI: Final = 100
_PNG_LEVEL: Final = 1  # a third of the time of the default, 6
_HEIGHT: Final = 900
_ROW: Final = 32
# Space around panels, pixels: for tick labels and an axis label, and for a title or the next panel.
_LABELS: Final = 100.0
_GAP: Final = 40.0
_LONGEST_NAME: Final = 40
_SPECTRUM_RANGE_DB: Final = 60.0
# More spectra than these are shown relative to their mean.
_FEW: Final = 4
_NAME_HEIGHT: Final = 22.0
_LEADER: Final[Any] = {"arrowstyle": "-", "linewidth": 1.0, "shrinkA": 0, "shrinkB": 0, "relpos": (0.0, 0.5)}
_DASHES: Final = ("-", "--", ":")
_TICKS_HZ: Final = (31.5, 63, 125, 250, 500, 1000, 2000, 4000, 8000, 16_000)
_STYLE: Final[Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 12,
    "text.parse_math": False,
    "text.color": BRIGHT,
    "axes.labelcolor": BRIGHT,
    "axes.titlecolor": BRIGHT,
    "axes.titlelocation": "left",
    "axes.titley": 1.0,  # fixed: a title at the default place is moved after measuring all ticks
    "axes.facecolor": PANEL,
    "axes.edgecolor": LINE,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": LINE,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "figure.facecolor": BACKGROUND,
    "savefig.facecolor": BACKGROUND,
    "legend.facecolor": PANEL,
    "legend.edgecolor": LINE,
    "legend.fontsize": 10,
    "svg.fonttype": "none",
    "svg.hashsalt": "tone-shootout",
}


def draw_plot(plot: Plot, stem: str) -> None:
    """Draw a plot to `stem` plus `.png`, 1600 pixels wide, and `stem` plus `.svg`.

    Raises:
        OSError: a file can't be read or written.
    """
    Path(stem).parent.mkdir(exist_ok=True)
    if isinstance(plot, WaveformPlot):
        draw_waveform(plot, stem)
        return
    with mpl.rc_context(), warnings.catch_warnings():
        # Ignore the user's settings of matplotlib.
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        mpl.rcParams["font.family"] = [*_STYLE["font.family"], *_families(plot)]
        # Where no font has a character, it is drawn as a box.
        warnings.simplefilter("ignore", UserWarning)
        figure = _figure(plot)
        figure.savefig(f"{stem}.png", metadata={"Software": None}, pil_kwargs={"compress_level": _PNG_LEVEL})
        figure.savefig(f"{stem}.svg", metadata={"Date": None, "Creator": None})


def _figure(plot: LevelsPlot | SpectraPlot | DifferencePlot | DrivePlot | SweepPlot) -> Figure:
    match plot:
        case LevelsPlot():
            return _levels(plot)
        case SpectraPlot():
            return _spectra(plot)
        case DifferencePlot():
            return _difference(plot)
        case DrivePlot():
            return _drive(plot)
        case SweepPlot():
            return _sweep(plot.distances)


def _levels(plot: LevelsPlot) -> Figure:
    rows = np.arange(len(plot.names))
    figure = _empty(max(_HEIGHT, _ROW * len(rows) + 200))
    names = _shown(plot.names)
    loudness, peak = figure.subplots(1, 2, sharey=True)
    _set_margins(figure, left=_GAP + _text_width(figure, names), gap=_GAP)
    _before_and_after(loudness, rows, plot.lufs_before, plot.lufs_after)
    _before_and_after(peak, rows, plot.dbtp_before, plot.dbtp_after)
    loudness.axvline(plot.target_lufs, color=ACCENTS[0], linewidth=1.0, label="target")
    peak.axvline(plot.ceiling_dbtp, color=ACCENTS[5], linewidth=1.0, label="ceiling")
    loudness.set(title="Equal loudness", xlabel="integrated loudness, LUFS", yticks=rows)
    loudness.set_yticklabels(names)
    loudness.invert_yaxis()
    peak.set(title="Peaks below the ceiling", xlabel="true peak, dBTP")
    for axes in (loudness, peak):
        # Above the panel, where it covers nothing.
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.0, ncols=3, frameon=False)
    return figure


def _before_and_after(axes: Axes, rows: Any, before: Sequence[float], after: Sequence[float]) -> None:
    axes.hlines(rows, before, after, color=MUTED, linewidth=1.0)
    axes.plot(before, rows, "o", color=MUTED, markerfacecolor=PANEL, label="before")
    axes.plot(after, rows, "o", color=ACCENTS[1], label="after")


def _spectra(plot: SpectraPlot) -> Figure:
    figure = _empty(_HEIGHT)
    axes = figure.subplots()
    names = _shown(plot.chains)
    _set_margins(figure, left=_LABELS, right=_GAP + _text_width(figure, names))
    levels = np.array(plot.third_octaves_db)
    levels[levels <= FLOOR_DB] = np.nan
    many = len(names) > _FEW
    if many:
        levels = from_mean(levels)
        axes.axhline(0.0, color=MUTED, linewidth=1.0)
    for n, values in enumerate(levels):
        axes.semilogx(THIRD_OCTAVES_HZ, values, **_line(n))
    track = _in_one_color(plot.di_track)
    if many:
        axes.set(title=f"Where the tones differ: {track}", ylabel="level relative to the mean of all tones, dB")
    else:
        title = f"What each tone has of bass, middle and treble: {track}"
        axes.set(title=title, ylabel="third-octave level, dB re a mean square of 1")
        highest, lowest = np.nanmax(levels, initial=FLOOR_DB), np.nanmin(levels, initial=0.0)
        axes.set_ylim(max(highest - _SPECTRUM_RANGE_DB, lowest - 3.0), highest + 3.0)
    axes.set_xlabel("frequency, Hz")
    axes.set_xlim(THIRD_OCTAVES_HZ[0], THIRD_OCTAVES_HZ[-1])
    axes.set_xticks(_TICKS_HZ, [f"{hz:g}" for hz in _TICKS_HZ])
    axes.set_xticks([], minor=True)
    _name_lines(axes, names, [values[-1] for values in levels])
    return figure


def _difference(plot: DifferencePlot) -> Figure:
    figure = _empty(_HEIGHT)
    axes = figure.subplots()
    names = _shown(plot.chains)
    width = _text_width(figure, names)
    # Names below are turned by 30 degrees.
    _set_margins(figure, left=_GAP + width, bottom=_GAP + width / 2)
    ticks = np.arange(len(names))
    matrix = np.array(plot.matrix)
    image = axes.imshow(matrix, cmap="viridis", aspect="auto", vmin=0.0, vmax=max(float(matrix.max()), 1e-9))
    axes.grid(visible=False)
    axes.set_xticks(ticks, names, rotation=30, ha="right", rotation_mode="anchor")
    axes.set_yticks(ticks, names)
    axes.set_title(f"How far apart the tones are: {_in_one_color(plot.di_track)}")
    middle = float(matrix.max()) / 2
    for row, values in enumerate(plot.matrix):
        for column, value in enumerate(values):
            color = "black" if value > middle else "white"
            axes.text(column, row, f"{value:.1f}", ha="center", va="center", color=color, fontsize=10)
    figure.colorbar(image, ax=axes, pad=0.02, label="log-mel distance, dB (lower is more alike)")
    return figure


def _drive(plot: DrivePlot) -> Figure:
    figure = _empty(_HEIGHT)
    level, distortion = figure.subplots(1, 2)
    names = _shown(plot.names)
    right = _GAP + (_text_width(figure, names) if names else 0.0)
    _set_margins(figure, left=_LABELS, gap=_LABELS, right=right)
    ends = []
    for n, curve in enumerate(plot.curves):
        inputs = [point.input_dbfs for point in curve]
        harmonics = [10 * np.log10(sum(10 ** (db / 10) for db in point.harmonics_db)) for point in curve]
        level.plot(inputs, [point.output_dbfs for point in curve], **_line(n))
        distortion.plot(inputs, harmonics, **_line(n))
        ends.append(harmonics[-1])
    level.set(title="How each capture compresses", xlabel="input, dBFS (sine of 220 Hz)", ylabel="output, dBFS")
    distortion.set(
        title="How much it distorts",
        xlabel="input, dBFS (sine of 220 Hz)",
        ylabel=f"harmonics {HARMONICS[0]} to {HARMONICS[-1]}, dB over the fundamental",
    )
    distortion.set_ylim(bottom=max(distortion.get_ylim()[0], -100.0))
    for axes in (level, distortion):
        axes.margins(x=0.0)
    _name_lines(distortion, names, ends)
    return figure


def _sweep(found: SweepDistances) -> Figure:
    figure = _empty(_HEIGHT)
    axes = figure.subplots()
    _set_margins(figure, left=_LABELS)
    names = list(_shown(found.tones))
    if len(names) == 2:  # both have the same distances
        names = [" and ".join(names)]
    for n, (name, distances) in enumerate(zip(names, found.distances_db, strict=False)):
        axes.plot(found.input_db, distances, marker="o", label=name, **_line(n))
    axes.set(
        title=f"How tones part as the input rises: {_in_one_color(found.di_track)}",
        xlabel="input, dB relative to the recording",
        ylabel="mean log-mel distance from the other tones, dB (lower is more alike)",
    )
    axes.set_xticks(found.input_db, [f"{level:+g}" if level else "0" for level in found.input_db])
    # Room above the curves for the legend.
    axes.set_ylim(0.0, 1.25 * max(max(distances) for distances in found.distances_db) or 1.0)
    axes.legend(loc="upper left", ncols=4)
    return figure


def _empty(height: int) -> Figure:
    figure = Figure(figsize=(WIDTH / _DPI, height / _DPI), dpi=_DPI)
    FigureCanvasAgg(figure)
    return figure


def _set_margins(figure: Figure, *, left: float, bottom: float = 75.0, gap: float = 0.0, right: float = _GAP) -> None:
    """Set the space around a figure's panel, or around and between its two panels, pixels.

    A constrained layout would draw each figure once more to find the same.
    """
    width, height = figure.get_size_inches() * _DPI
    columns = 2 if gap else 1
    panel = (width - left - right - (columns - 1) * gap) / columns
    figure.subplots_adjust(
        left=left / width, right=1 - right / width, bottom=bottom / height, top=1 - _GAP / height, wspace=gap / panel
    )


def _name_lines(axes: Axes, names: Sequence[str], ends: Sequence[float]) -> None:
    """Write the name of each line beside its right end, moved up or down where names would cover each other."""
    if not names:
        return
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)  # later texts must not change it
    height = float(axes.get_window_extent().height)
    at = [(min(max(end, low), high) - low) / (high - low) * height if np.isfinite(end) else 0.0 for end in ends]
    for n, (name, end, y) in enumerate(zip(names, at, spread(at, _NAME_HEIGHT, height), strict=True)):
        axes.annotate(
            name,
            xy=(1.0, end / height),
            xytext=(1.0 + 22 / float(axes.get_window_extent().width), y / height),
            xycoords="axes fraction",
            textcoords="axes fraction",
            color=accent(n),
            verticalalignment="center",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "linewidth": 1.0,
                "shrinkA": 0,
                "shrinkB": 0,
                "relpos": (0.0, 0.5),
                **_stroke(n),
            },
        )


def spread(wanted: Sequence[float], distance: float, height: float) -> list[float]:
    """Move positions apart, in their order: least squares between 0 and a height.

    Args:
        wanted: positions.
        distance: least distance of two positions; less if they would not fit into the height.
        height: largest position.
    """
    distance = min(distance, height / max(len(wanted) - 1, 1))
    order = sorted(range(len(wanted)), key=lambda n: wanted[n])
    # Isotonic regression of what is left without the distances: neighbors in the wrong order share their mean.
    blocks: list[list[float]] = []
    for rank, n in enumerate(order):
        blocks.append([wanted[n] - rank * distance])
        while len(blocks) > 1 and np.mean(blocks[-2]) > np.mean(blocks[-1]):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    room = height - (len(wanted) - 1) * distance
    fitted = [min(max(float(np.mean(block)), 0.0), room) for block in blocks for _ in block]
    found = [0.0] * len(wanted)
    for rank, n in enumerate(order):
        found[n] = fitted[rank] + rank * distance
    return found


def from_mean(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return levels relative to their mean over all tones, shape (tones, bands); NaN is ignored."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a band that no tone has
        return np.asarray(levels - np.nanmean(levels, axis=0))


def _text_width(figure: Figure, names: Sequence[str]) -> float:
    """Return the width of the longest tick label, pixels."""
    renderer: Any = cast(Any, figure.canvas).get_renderer()
    font = FontProperties(family=mpl.rcParams["font.family"], size=_STYLE["font.size"])
    return float(max(renderer.get_text_width_height_descent(name, font, ismath=False)[0] for name in names))


def _line(index: int) -> dict[str, Any]:
    """Return a line style: four lines for each dash pattern, so that all of 16 lines are distinct."""
    return {"linewidth": 1.6, **_stroke(index)}


def _stroke(index: int) -> dict[str, Any]:
    return {"color": accent(index), "linestyle": _DASHES[index // 4 % len(_DASHES)]}


def _shown(names: Sequence[str]) -> tuple[str, ...]:
    return shorten([_in_one_color(name) for name in names], _LONGEST_NAME)


def _in_one_color(name: str) -> str:
    """Return a name on one line, with the names of its emoji: matplotlib can't draw fonts of colored pictures."""
    visible = (character for character in one_line(name) if not fonts.is_invisible(character))
    return "".join(
        f"[{unicodedata.name(character, 'emoji').lower()}]" if fonts.is_colored(character) else character
        for character in visible
    )


def _families(plot: LevelsPlot | SpectraPlot | DifferencePlot | DrivePlot | SweepPlot) -> list[str]:
    """Return the names of the installed fonts that a plot needs, after making them known to matplotlib."""
    found = fonts.fonts_for([msgspec.json.encode(plot).decode()])
    return list(dict.fromkeys(_family(font.path) for font in found if font.strike is None))


@cache
def _family(path: str) -> str:
    fontManager.addfont(path)
    return FontProperties(fname=path).get_name()
