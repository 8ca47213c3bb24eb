"""Fonts made on the spot: every glyph is a square of one em, in outlines or as a colored picture of one size."""

import io
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib.tables._s_b_i_x import table__s_b_i_x
from fontTools.ttLib.tables.sbixGlyph import Glyph
from fontTools.ttLib.tables.sbixStrike import Strike
from PIL import Image

from tone_shootout.rendering import fonts

_EM = 1000
_PIXELS = 100


def make_font(path: Path, characters: str, *, color: str | None = None) -> Path:
    """Write a font with a square for each character, as tall and wide as one em, standing on the baseline."""
    pen = TTGlyphPen(None)
    for number, point in enumerate([(0, 0), (0, _EM), (_EM, _EM), (_EM, 0)]):
        (pen.lineTo if number else pen.moveTo)(point)
    pen.closePath()
    square = pen.glyph()
    builder = FontBuilder(_EM, isTTF=True)
    builder.setupGlyphOrder([".notdef", "square"])
    builder.setupCharacterMap({ord(character): "square" for character in characters})
    builder.setupGlyf({".notdef": square, "square": square})
    builder.setupHorizontalMetrics({".notdef": (_EM, 0), "square": (_EM, 0)})
    builder.setupHorizontalHeader(ascent=_EM, descent=0)
    builder.setupNameTable({"familyName": path.stem.partition("-")[0], "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    if color is not None:
        content = io.BytesIO()
        Image.new("RGB", (_PIXELS, _PIXELS), color).save(content, "PNG")
        strike = Strike(ppem=_PIXELS, resolution=72)
        strike.glyphs = {
            ".notdef": Glyph(glyphName=".notdef"),
            "square": Glyph(glyphName="square", graphicType="png ", imageData=content.getvalue()),
        }
        table = table__s_b_i_x()
        table.strikes = {_PIXELS: strike}
        builder.font["sbix"] = table
    path.parent.mkdir(parents=True, exist_ok=True)
    builder.save(path)
    return path


@contextmanager
def installed(*folders: Path) -> Generator[None]:
    """Replace the folders of this machine's fonts."""
    _forget()
    with patch.object(fonts, "_folders", return_value=folders):
        yield
    _forget()


def _forget() -> None:
    for cached in (fonts._files, fonts._candidates, fonts._installed):
        cached.cache_clear()
