"""The poster of a result: the image in previews of links."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageColor

from tone_shootout.rendering.executor.tasks import DrawPoster
from tone_shootout.rendering.listening_page.draw_poster import draw_poster
from tone_shootout.rendering.listening_page.poster import HEIGHT, MOST_ROWS, WIDTH, Poster, PosterRow
from tone_shootout.rendering.video.drawing import envelope
from tone_shootout.rendering.video.palette import BACKGROUND, PANEL, accent


def _drawn(
    folder: Path, rows: int, *, headline: str = "6 tones of Riff in E", amplitude: float = 0.5
) -> NDArray[np.uint8]:
    sound = (amplitude * np.sin(np.arange(48_000) * 0.05)).astype(np.float32)
    np.save(folder / "envelope.npy", envelope(sound))
    poster = Poster(
        headline=headline,
        rows=tuple(PosterRow(f"Chain {n}", n, str(folder / "envelope.npy")) for n in range(rows)),
        further=0,
        target_lufs=-16.0,
        full_scale=1.0,
    )
    draw_poster(DrawPoster(poster=poster, path=str(folder / "poster.png")), cast(Any, None), lambda _: None)
    with Image.open(folder / "poster.png") as picture:
        return np.asarray(picture.convert("RGB"))


def _rows_with(picture: NDArray[np.uint8], color: str, columns: slice) -> int:
    return int(np.any(np.all(picture[:, columns] == ImageColor.getrgb(color), axis=2), axis=1).sum())


@pytest.mark.parametrize("rows", [1, 2, MOST_ROWS])
def test_each_tone_has_a_waveform_of_its_color(tmp_path: Path, rows: int) -> None:
    picture = _drawn(tmp_path, rows)
    assert picture.shape == (HEIGHT, WIDTH, 3)
    heights = {_rows_with(picture, accent(n), slice(500, 1100)) for n in range(rows)}
    assert len(heights) == 1
    (height,) = heights
    assert height > 25
    bands = {_rows_with(picture, accent(n), slice(60, 68)) for n in range(rows)}
    assert len(bands) == 1
    # The sound has half of full scale.
    assert height == pytest.approx(bands.pop() / 2, abs=3)


def test_the_same_result_has_the_same_bytes(tmp_path: Path) -> None:
    files = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        _drawn(tmp_path / name, 3)
        files.append((tmp_path / name / "poster.png").read_bytes())
    assert files[0] == files[1]
    assert len(files[0]) < 200_000


@pytest.mark.parametrize("headline", ["W" * 120, "Line\nbreak", "‮reversed", "日本"])
def test_no_headline_leaves_the_picture(tmp_path: Path, headline: str) -> None:
    picture = _drawn(tmp_path, 2, headline=headline)
    ground = np.array(ImageColor.getrgb(BACKGROUND))
    for edge in (picture[:, :50], picture[:, -50:], picture[:30], picture[-10:]):
        assert np.all(edge == ground)


def test_silence_is_a_flat_line(tmp_path: Path) -> None:
    picture = _drawn(tmp_path, 1, amplitude=0.0)
    assert _rows_with(picture, PANEL, slice(500, 1100)) > 50
