"""Data of the plots, drawn by `draw_plots`."""

from msgspec import Struct

from tone_shootout.rendering.metrics import DrivePoint, SweepDistances


class LevelsPlot(Struct, tag=True, frozen=True, kw_only=True):
    """Loudness and true peak of every segment, before and after the level match."""

    names: tuple[str, ...]
    lufs_before: tuple[float, ...]
    lufs_after: tuple[float, ...]
    dbtp_before: tuple[float, ...]
    dbtp_after: tuple[float, ...]
    target_lufs: float
    ceiling_dbtp: float


class SpectraPlot(Struct, tag=True, frozen=True, kw_only=True):
    """Third-octave spectra of all segments of a DI track."""

    di_track: str
    chains: tuple[str, ...]
    third_octaves_db: tuple[tuple[float, ...], ...]


class DifferencePlot(Struct, tag=True, frozen=True, kw_only=True):
    """The difference matrix of a DI track."""

    di_track: str
    chains: tuple[str, ...]
    matrix: tuple[tuple[float, ...], ...]


class WaveformPlot(Struct, tag=True, frozen=True, kw_only=True):
    """Waveform of a leveled segment.

    `envelope` is the file of its minima and maxima; `full_scale` is the magnitude at the top, equal for all segments.
    """

    name: str
    chain_index: int
    envelope: str
    seconds: float
    full_scale: float


class DrivePlot(Struct, tag=True, frozen=True, kw_only=True):
    """Drive curves of all captures."""

    names: tuple[str, ...]
    curves: tuple[tuple[DrivePoint, ...], ...]


class SweepPlot(Struct, tag=True, frozen=True, kw_only=True):
    """Distances of the tones of a DI track from each other, by input level."""

    distances: SweepDistances


Plot = LevelsPlot | SpectraPlot | DifferencePlot | WaveformPlot | DrivePlot | SweepPlot
