"""Finds a font for each character: DejaVu Sans, which is part of matplotlib, then the installed fonts that cover it.

The same fonts give the same choice: files are compared by their names, never by the order of a folder. Nothing but
names is read of a font until a text has a character that DejaVu Sans lacks.
"""

import os
import sys
import unicodedata
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from msgspec import Struct

_SUFFIXES: Final = (".ttf", ".otf", ".ttc", ".otc")
# Han characters, kana and Hangul are in the same fonts.
_CJK: Final = frozenset({"Hani", "Hira", "Kana", "Hang", "Bopo"})
_SHARED: Final = frozenset({"Zyyy", "Zinh"})
_FIRST_PICTOGRAPH: Final = 0x1F000
_CJK_PACKAGE: Final = "fonts-noto-cjk"
_EMOJI_PACKAGE: Final = "fonts-noto-color-emoji"
_OTHER_PACKAGE: Final = "fonts-noto-core"
# Joiners and selectors of a variant: they have an effect on their neighbors and no picture.
_INVISIBLE: Final = frozenset((*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF))
_SELECTORS: Final = frozenset(range(0xFE00, 0xFE10))


class FontFile(Struct, frozen=True):
    """A font: its path, and the size of its glyphs in pixels if they are colored pictures of one size."""

    path: str
    strike: int | None = None


class Missing(Struct, frozen=True, order=True):
    """A script with characters that no font covers, and the Debian package of a font that does."""

    script: str
    package: str


class _Coverage(Struct, frozen=True):
    """Characters of a font: the starts of ranges, and their ends."""

    starts: "array[int]"
    stops: "array[int]"
    strike: int | None

    def __contains__(self, code: int) -> bool:
        index = bisect_right(self.starts, code) - 1
        return index >= 0 and code < self.stops[index]


def font_of(character: str, *, bold: bool = False) -> FontFile | None:
    """Return the font that draws a character, None if no font has it."""
    own = base(bold=bold)
    return own if ord(character) in _coverage(own.path) else _installed(character, bold=bold)


def is_colored(character: str) -> bool:
    """Return whether the font of a character has colored pictures of one size, as those of emoji do."""
    font = font_of(character)
    return font is not None and font.strike is not None


@cache
def base(*, bold: bool = False) -> FontFile:
    """Return DejaVu Sans, for the same picture on every machine."""
    return FontFile(str(_folder_of_matplotlib() / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")))


def is_invisible(character: str) -> bool:
    """Return whether a character is a joiner, a direction mark or the selector of a variant."""
    return ord(character) in _INVISIBLE or ord(character) in _SELECTORS


def missing(text: str) -> list[Missing]:
    """Return the scripts of the characters in a text that no font covers, in alphabetical order."""
    return sorted({_described(character) for character in _unusual(text) if font_of(character) is None})


def fonts_for(texts: Iterable[str]) -> list[FontFile]:
    """Return the installed fonts that texts need beside DejaVu Sans, in the order of their paths."""
    found = {font_of(character, bold=bold) for text in texts for character in _unusual(text) for bold in (False, True)}
    own = {None, base(bold=False), base(bold=True)}
    return sorted((font for font in found - own if font is not None), key=lambda font: font.path)


def identify(texts: Iterable[str]) -> list[list[str | int]]:
    """Return name and size of the installed fonts that texts need, for the keys of pictures."""
    return [[Path(font.path).name, Path(font.path).stat().st_size] for font in fonts_for(texts)]


def _unusual(text: str) -> Iterator[str]:
    """Yield the characters that are printed, without Latin, Greek and Cyrillic ones, which DejaVu Sans has."""
    for character in dict.fromkeys(text):
        if ord(character) >= 0x0500 and character.isprintable() and not is_invisible(character):
            yield character


def _described(character: str) -> Missing:
    from fontTools import unicodedata as scripts

    script = scripts.script(character)
    name = str(scripts.script_name(script)).replace("_", " ")
    if script in _CJK:
        return Missing(name, _CJK_PACKAGE)
    if script in _SHARED:
        pictograph = ord(character) >= _FIRST_PICTOGRAPH
        return Missing("Emoji", _EMOJI_PACKAGE) if pictograph else Missing("Symbol", _OTHER_PACKAGE)
    return Missing(name, _OTHER_PACKAGE)


@lru_cache(4096)
def _installed(character: str, *, bold: bool) -> FontFile | None:
    for path in _candidates(_hint(character), bold=bold):
        found = _coverage(path)
        if ord(character) in found:
            return FontFile(path, found.strike)
    return None


def _hint(character: str) -> str:
    """Return a part of the names of fonts for a character: `cjk`, `emoji`, or its script."""
    script = _described(character)
    hints = {_CJK_PACKAGE: "cjk", _EMOJI_PACKAGE: "emoji"}
    return hints.get(script.package, script.script.lower().replace(" ", ""))


@lru_cache(64)
def _candidates(hint: str, *, bold: bool) -> tuple[str, ...]:
    """Return the installed fonts: those for the script first, Noto before others, sans before serif, upright."""

    def rank(path: str) -> tuple[object, ...]:
        name = Path(path).stem.lower()
        style = name.partition("-")[2]
        wanted = ("bold",) if bold else ("", "regular")
        return hint not in name, not name.startswith("noto"), "serif" in name, style not in wanted, name, path

    return tuple(sorted(_files(), key=rank))


@cache
def _files() -> tuple[str, ...]:
    return tuple(
        str(Path(folder, name))
        for top in _folders()
        for folder, _, names in os.walk(top)
        for name in names
        if name.lower().endswith(_SUFFIXES)
    )


def _folders() -> tuple[Path, ...]:
    """Return the folders where systems keep fonts."""
    home = Path("~").expanduser()
    if sys.platform == "darwin":
        return Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts"
    if sys.platform == "win32":
        local = Path(os.environ.get("LOCALAPPDATA", home / "AppData/Local"))
        return Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts", local / "Microsoft/Windows/Fonts"
    return Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), home / ".local/share/fonts", home / ".fonts"


@cache
def _folder_of_matplotlib() -> Path:
    found = find_spec("matplotlib")  # importing it takes a quarter of a second
    if found is None or found.origin is None:
        raise ModuleNotFoundError("matplotlib is not installed")
    return Path(found.origin).parent / "mpl-data" / "fonts" / "ttf"


@cache
def _coverage(path: str) -> _Coverage:
    """Read which characters a font has; none if it is damaged, or has pictures that Pillow can't draw."""
    from fontTools.ttLib import TTFont

    starts, stops = array("L"), array("L")
    strike: int | None = None
    try:
        with TTFont(path, fontNumber=0, lazy=True) as font:
            if "CBLC" in font:
                strike = font["CBLC"].strikes[0].bitmapSizeTable.ppemY
            elif "sbix" in font:
                strike = max(font["sbix"].strikes)
            elif "SVG " in font or ("COLR" in font and font["COLR"].version > 0):
                return _Coverage(starts, stops, None)
            codes = sorted(font.getBestCmap() or ())
    except Exception:  # noqa: BLE001 - fontTools raises whatever a damaged file leads to
        return _Coverage(starts, stops, None)
    for code in codes:
        if stops and code == stops[-1]:
            stops[-1] += 1
        else:
            starts.append(code)
            stops.append(code + 1)
    return _Coverage(starts, stops, strike)


def needs_shaping(text: str) -> bool:
    """Return whether glyphs of a text depend on their neighbors: Arabic, Hebrew, Indic scripts, combining marks."""
    return writes_right_to_left(text) or any(
        unicodedata.category(character) in ("Mn", "Mc") and not is_invisible(character) for character in text
    )


def writes_right_to_left(text: str) -> bool:
    """Return whether a text has letters of Arabic, Hebrew or another script that is written from right to left."""
    return any(unicodedata.bidirectional(character) in ("R", "AL") for character in text)


@cache
def can_shape() -> bool:
    """Return whether Pillow finds FriBiDi, which it needs to join letters and to write from right to left."""
    from PIL import features

    return bool(features.check("raqm"))
