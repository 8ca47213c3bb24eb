"""A line of text in any script: parts of one font each, measured and drawn one after the other."""

import math
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, Literal

import msgspec
from msgspec import Struct
from PIL import Image, ImageDraw, ImageFont

from tone_shootout.rendering import fonts
from tone_shootout.rendering.fonts import FontFile

Align = Literal["left", "middle", "right"]

_JOINERS: Final = "\u200c\u200d"
_SELECTOR: Final = "\ufe0f"
_TONES: Final = range(0x1F3FB, 0x1F400)
"""Modifiers of the emoji before them."""


class Run(Struct, frozen=True):
    """A part of a line in one font, and whether the line is written from left to right."""

    font: FontFile
    text: str
    shaped: bool
    rightward: bool = True

    def length(self, size: float) -> float:
        """Return the advance at a size, pixels."""
        strike = self.font.strike
        font = _font(self.font.path, size if strike is None else strike, shaped=self.shaped)
        return font.getlength(self.text, direction=self._direction) * (1.0 if strike is None else size / strike)

    def draw(self, picture: Image.Image, x: int, baseline: int, size: float, color: str) -> None:
        """Draw the part from `x` on its baseline."""
        if self.font.strike is None:
            font = _font(self.font.path, size, shaped=self.shaped)
            draw = ImageDraw.Draw(picture)
            draw.text((x, baseline), self.text, fill=color, font=font, anchor="ls", direction=self._direction)
            return
        strike = self.font.strike
        font = _font(self.font.path, strike, shaped=self.shaped)
        ascent = 2 * strike
        image = Image.new("RGBA", (math.ceil(font.getlength(self.text)), 3 * strike))
        ImageDraw.Draw(image).text((0, ascent), self.text, font=font, anchor="ls", embedded_color=True)
        scale = size / strike
        small = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
        picture.paste(small, (x, round(baseline - ascent * scale)), small)

    @property
    def _direction(self) -> str | None:
        # Without shaping, there are no letters of scripts that are written from right to left.
        return ("ltr" if self.rightward else "rtl") if self.shaped else None


class Line:
    """A line of text, divided into runs.

    Args:
        text: the text.
        bold: whether it is bold.
        within: the text of which the line is a part, which decides the direction; None: the line itself.
    """

    def __init__(self, text: str, *, bold: bool = False, within: str | None = None) -> None:
        self._base = fonts.base(bold=bold)
        rightward = _first_strong(text if within is None else within) == "L"
        self._runs = tuple(msgspec.structs.replace(run, rightward=rightward) for run in _runs(text, bold=bold))
        if not rightward:
            self._runs = self._runs[::-1]

    def length(self, size: float) -> float:
        """Return the width at a size, pixels."""
        return sum(run.length(size) for run in self._runs)

    def draw(
        self,
        picture: Image.Image,
        x: float,
        y: float,
        size: float,
        color: str,
        align: Align,
    ) -> None:
        """Draw the line around the height `y`, to the right of `x`, around it or to the left of it."""
        x -= {"left": 0.0, "middle": 0.5, "right": 1.0}[align] * self.length(size)
        ascent, descent = _font(self._base.path, size, shaped=False).getmetrics()
        for run in self._runs:
            run.draw(picture, round(x), round(y + (ascent - descent) / 2), size, color)
            x += run.length(size)


def _runs(text: str, *, bold: bool) -> Iterator[Run]:
    """Yield the parts of a text in reading order. Spaces and marks stay with what is before them."""
    base = fonts.base(bold=bold)
    shaped = fonts.needs_shaping(text) and fonts.can_shape()
    font, part = base, ""
    for character in text:
        colored = font.strike is not None
        if fonts.is_invisible(character):
            if (colored and character in (_JOINERS[1], _SELECTOR)) or (shaped and character in _JOINERS):
                part += character
            continue
        shown = character if character.isprintable() else " "
        if (colored and (part[-1:] == _JOINERS[1] or ord(shown) in _TONES)) or (shown == " " and not colored):
            wanted = font
        else:
            wanted = fonts.font_of(shown, bold=bold) or base
        if wanted != font and part:
            yield _run(font, part, shaped=shaped)
            part = ""
        font, part = wanted, part + shown
    if part:
        yield _run(font, part, shaped=shaped)


def _run(font: FontFile, text: str, *, shaped: bool) -> Run:
    # Simple scripts are laid out without FriBiDi, which is not on every machine.
    return Run(font, text, fonts.can_shape() if font.strike is not None else shaped and fonts.needs_shaping(text))


def _first_strong(text: str) -> str:
    return next((found for found in map(unicodedata.bidirectional, text) if found in ("L", "R", "AL")), "L")


@lru_cache(64)
def _font(path: str, size: float, *, shaped: bool) -> ImageFont.FreeTypeFont:
    engine = ImageFont.Layout.RAQM if shaped else ImageFont.Layout.BASIC
    return ImageFont.truetype(path, size, layout_engine=engine)
