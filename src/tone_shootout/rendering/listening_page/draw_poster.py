"""Draws posters with Pillow, so that the same result has the same picture on every machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from tone_shootout.rendering.executor.tasks import DrawPoster
from tone_shootout.rendering.listening_page.poster import HEIGHT, WIDTH, Poster
from tone_shootout.rendering.output.short_names import shorten
from tone_shootout.rendering.video.drawing import fit, paint_waveform, write_line
from tone_shootout.rendering.video.palette import BACKGROUND, BRIGHT, LINE, MUTED, PANEL, accent

if TYPE_CHECKING:
    from tone_shootout.rendering.engine.chain import SourceCache
    from tone_shootout.rendering.executor.registry import ReportProgress

# Pixels.
_LEFT: Final = 60
_RIGHT: Final = WIDTH - 60
_WAVE: Final = 440
_TOP: Final = 140
_BOTTOM: Final = 546
_MOST_ROW: Final = 203
_GAP: Final = 10
_LONGEST_NAME: Final = 30


def draw_poster(task: DrawPoster, _cache: "SourceCache", _report: "ReportProgress") -> None:
    """Draw a poster to a PNG file of 1200 × 630 pixels.

    Raises:
        OSError: a file can't be read or written.
    """
    _draw(task.poster).save(Path(task.path), "PNG", compress_level=6)


def _draw(poster: Poster) -> Image.Image:
    picture = Image.new("RGB", (WIDTH, HEIGHT), BACKGROUND)
    (headline,) = shorten([poster.headline], 60)
    write_line(picture, _LEFT, 78, headline, size=54, color=BRIGHT, bold=True, width=_RIGHT - _LEFT)
    height = min(_MOST_ROW, (_BOTTOM - _TOP) // len(poster.rows)) - _GAP
    names = shorten([row.name for row in poster.rows], _LONGEST_NAME)
    for index, (row, name) in enumerate(zip(poster.rows, names, strict=True)):
        top = _TOP + index * (height + _GAP)
        middle, color = top + height // 2, accent(row.chain_index)
        picture.paste(color, (_LEFT, top, _LEFT + 8, top + height))
        write_line(picture, _LEFT + 26, middle, name, size=29, color=BRIGHT, width=_WAVE - _LEFT - 50)
        picture.paste(PANEL, (_WAVE, top, _RIGHT, top + height))
        picture.paste(LINE, (_WAVE, middle, _RIGHT, middle + 1))
        columns = fit(np.load(row.envelope, allow_pickle=False), _RIGHT - _WAVE)
        paint_waveform(picture, _WAVE, top, height, columns, poster.full_scale, color)
    remark = f"All at {poster.target_lufs:.1f} LUFS, no limiter".replace("-", "−")
    if poster.further:
        remark = f"and {poster.further} more. {remark}"
    write_line(picture, _LEFT, 588, remark, size=27, color=BRIGHT, bold=True, width=800)
    write_line(picture, _RIGHT, 588, "Tone Shootout", size=27, color=MUTED, align="right")
    return picture
