"""The order of the difference matrix, and reproducible plots."""

import struct
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.records import pair
from tests.support.render_inputs import plain_gain, plucks
from tests.support.specs import FACTS, blocks, spec
from tone_shootout.rendering.engine.chain import SourceCache
from tone_shootout.rendering.engine.sources import probe
from tone_shootout.rendering.executor.analysis import difference
from tone_shootout.rendering.executor.measure import measure_capture
from tone_shootout.rendering.executor.plot_tasks import capture_names
from tone_shootout.rendering.executor.tasks import MeasureCapture, SourceFile
from tone_shootout.rendering.metrics import CaptureMetrics, DrivePoint
from tone_shootout.rendering.output.draw_waveform import WIDTH
from tone_shootout.rendering.output.plots import DifferencePlot, DrivePlot, LevelsPlot, Plot, SpectraPlot, WaveformPlot
from tone_shootout.rendering.plan.planner import plan
from tone_shootout.rendering.video.drawing import envelope

HOSTILE = "$x_1$ <b>&\n日本語 ⟨x⟩ \U0001f3b8 " + "W" * 80


def _segments(count: int) -> tuple[int, ...]:
    return tuple(range(1, count + 1))


def test_the_difference_matrix_groups_similar_segments() -> None:
    """Three kinds of tone in turn: segments of a kind become adjacent."""
    segments = plan(spec(*[blocks("combo.nam")] * 6), FACTS).segments
    kind = {segment.position: segment.position % 3 for segment in segments}
    pairs = [
        pair(one, other, 0.0 if kind[one] == kind[other] else 5.0 + kind[one] + kind[other])
        for one, other in combinations(_segments(6), 2)
    ]
    found = difference(segments, pairs)
    kinds = [kind[position] for position in found.positions]
    assert sorted(found.positions) == [1, 2, 3, 4, 5, 6]
    assert sum(one != other for one, other in pairwise(kinds)) == 2
    matrix = np.array(found.distances_db)
    np.testing.assert_array_equal(matrix, matrix.T)
    np.testing.assert_array_equal(matrix.diagonal(), 0.0)
    for row, column in combinations(range(6), 2):
        one, other = sorted((found.positions[row], found.positions[column]))
        assert matrix[row, column] == next(p.log_mel_db for p in pairs if (p.reference, p.position) == (one, other))


@pytest.mark.parametrize("count", [1, 2])
def test_few_segments_keep_their_order(count: int) -> None:
    segments = plan(spec(*[blocks("combo.nam")] * count), FACTS).segments
    found = difference(segments, [pair(1, 2, 3.0)][: count - 1])
    assert found.positions == _segments(count)
    assert found.distances_db == (((0.0,),) if count == 1 else ((0.0, 3.0), (3.0, 0.0)))


def test_silent_segments_are_left_out_of_the_matrix() -> None:
    segments = plan(spec(*[blocks("combo.nam")] * 3), FACTS).segments
    assert difference(segments, [pair(1, 3, 3.0)]).positions == (1, 3)


def test_a_capture_that_overflows_on_test_tones_has_no_metrics_but_does_not_fail(tmp_path: Path) -> None:
    """Two taps of 3e38: the output overflows for a sine of 0 dBFS, but not for the probe at −20 dBFS."""
    document = msgspec.json.decode(plain_gain(1.0))
    document |= {"config": {"receptive_field": 2, "bias": False}, "weights": [3e38, 3e38]}
    (tmp_path / "huge.nam").write_bytes(msgspec.json.encode(document))
    source = SourceFile(str(tmp_path / "huge.nam"), probe(tmp_path / "huge.nam", "capture"))
    measure_capture(
        MeasureCapture(capture=source, size=None, metrics_file=str(tmp_path / "metrics")), SourceCache(), lambda _: None
    )
    found = msgspec.msgpack.decode((tmp_path / "metrics").read_bytes(), type=CaptureMetrics)
    assert found.latency.polarity == 1
    assert found.behavior is None


def _plots(folder: Path, name: str) -> list[tuple[Plot, int]]:
    """One plot of each kind, and the height of its picture."""
    np.save(folder / "a.npy", envelope(plucks(1.0)))
    curve = tuple(DrivePoint(input_dbfs=x, output_dbfs=x / 2, harmonics_db=(-20.0,) * 4) for x in (-40.0, -20.0, 0.0))
    levels = LevelsPlot(
        names=(name,) * 24,
        lufs_before=(-30.0,) * 24,
        lufs_after=(-16.0,) * 24,
        dbtp_before=(-20.0,) * 24,
        dbtp_after=(-6.0,) * 24,
        target_lufs=-16.0,
        ceiling_dbtp=-1.0,
    )
    bands = (-200.0, *np.linspace(-60.0, -20.0, 29).tolist())
    return [
        (levels, 24 * 32 + 200),
        (SpectraPlot(di_track=name, chains=(name,) * 16, third_octaves_db=(bands,) * 16), 900),
        (DifferencePlot(di_track=name, chains=(name,) * 2, matrix=((0.0, 1.0), (1.0, 0.0))), 900),
        (DifferencePlot(di_track=name, chains=(name,) * 2, matrix=((0.0, 0.0), (0.0, 0.0))), 900),
        (DrivePlot(names=(name,) * 2, curves=(curve, curve)), 900),
        (DrivePlot(names=(), curves=()), 900),
        (WaveformPlot(name=name, chain_index=9, envelope=str(folder / "a.npy"), seconds=1.0, full_scale=0.6), 400),
    ]


def _texts(plot: Plot, folder: Path) -> list[str]:
    from tone_shootout.rendering.output.draw_plots import draw_plot

    draw_plot(plot, str(folder / "plot"))
    found = ET.parse(folder / "plot.svg").getroot().iter("{http://www.w3.org/2000/svg}text")
    return ["".join(text.itertext()) for text in found]


@pytest.mark.parametrize(
    ("count", "title", "unit"),
    [
        (4, "What each tone has of bass, middle and treble: Riff", "third-octave level, dB re a mean square of 1"),
        (5, "Where the tones differ: Riff", "level relative to the mean of all tones, dB"),
    ],
)
def test_many_spectra_are_drawn_relative_to_their_mean_and_each_is_named_once(
    tmp_path: Path, count: int, title: str, unit: str
) -> None:
    names = tuple(f"Tone {n}" for n in range(count))
    bands = tuple(tuple((np.linspace(-60.0, -20.0, 30) + n).tolist()) for n in range(count))
    texts = _texts(SpectraPlot(di_track="Riff", chains=names, third_octaves_db=bands), tmp_path)
    assert {title, unit, "frequency, Hz"} <= set(texts)
    assert [text for text in texts if text in names] == list(names)


def test_the_difference_from_the_mean_ignores_bands_that_a_tone_lacks() -> None:
    from tone_shootout.rendering.output.draw_plots import from_mean

    levels = np.array([[-10.0, -40.0, np.nan], [-20.0, np.nan, np.nan], [-60.0, -50.0, np.nan]])
    expected = [[20.0, 5.0, np.nan], [10.0, np.nan, np.nan], [-30.0, -5.0, np.nan]]
    np.testing.assert_allclose(from_mean(levels), expected)


@given(st.lists(st.floats(0.0, 785.0), min_size=1, max_size=40))
def test_names_of_lines_keep_their_order_and_their_distance(wanted: list[float]) -> None:
    from tone_shootout.rendering.output.draw_plots import spread

    found = spread(wanted, 22.0, 785.0)
    by_place = sorted(range(len(wanted)), key=lambda n: wanted[n])
    placed = [found[n] for n in by_place]
    distance = min(22.0, 785.0 / max(len(wanted) - 1, 1))
    assert all(second - first >= distance - 1e-6 for first, second in pairwise(placed))
    assert placed[0] >= -1e-6
    assert placed[-1] <= 785.0 + 1e-6
    if all(second - first >= 22.0 for first, second in pairwise(sorted(wanted))):
        np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_names_at_one_place_are_spread_around_it() -> None:
    from tone_shootout.rendering.output.draw_plots import spread

    assert spread([100.0, 300.0, 100.0, 100.0], 20.0, 785.0) == [80.0, 300.0, 100.0, 120.0]
    assert spread([0.0, 0.0], 20.0, 785.0) == [0.0, 20.0]


def test_captures_have_the_names_of_their_chains() -> None:
    chains = [("Plexi",), ("Stack",), ("Stack",), ("Twin", "Twin, dark", "Twin, bright")]
    labels = ["plexi.nam", "screamer.nam", "jcm.nam", "twin.nam"]
    expected = ["Plexi", "Stack: screamer.nam", "Stack: jcm.nam", "Twin and 2 more"]
    assert capture_names(chains, labels) == expected


@pytest.mark.parametrize("which", range(7))
def test_plots_have_their_size_parse_and_are_reproducible(tmp_path: Path, which: int) -> None:
    """Warnings are errors here: no name and no number may cause one."""
    from tone_shootout.rendering.output.draw_plots import draw_plot  # imports Matplotlib

    plot, height = _plots(tmp_path, HOSTILE)[which]
    for folder in ("first", "second"):
        draw_plot(plot, str(tmp_path / folder / "plot"))
    for kind in ("png", "svg"):
        contents = [(tmp_path / folder / f"plot.{kind}").read_bytes() for folder in ("first", "second")]
        assert contents[0] == contents[1]
    png = (tmp_path / "first" / "plot.png").read_bytes()
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", png[16:24]) == (WIDTH, height)
    root = ET.parse(tmp_path / "first" / "plot.svg").getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.attrib["viewBox"].split()[:2] == ["0", "0"]
