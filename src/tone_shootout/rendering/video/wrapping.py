"""Divides a text into lines at its spaces, or between characters where a word is wider than a line."""

from tone_shootout.rendering.video.text_line import Line


def wrap(text: str, size: float, width: int, *, bold: bool = False) -> list[str]:
    """Return the lines of a text that is at most `width` pixels wide at a size; one line at least."""
    if _fits(text, size, width, bold=bold):
        return [text]
    lines: list[str] = []
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if _fits(longer, size, width, bold=bold):
            line = longer
            continue
        if line:
            lines.append(line)
        *whole, line = _pieces(word, size, width, bold=bold)
        lines += whole
    return [*lines, line]


def _pieces(word: str, size: float, width: int, *, bold: bool) -> list[str]:
    """Return the parts of a word, each as long as fits; several if it has no spaces or is very long."""
    if _fits(word, size, width, bold=bold):
        return [word]
    pieces, start = [], 0
    while start < len(word):
        low, high = 1, len(word) - start
        while low < high:
            middle = (low + high + 1) // 2
            if _fits(word[start : start + middle], size, width, bold=bold):
                low = middle
            else:
                high = middle - 1
        pieces.append(word[start : start + low])
        start += low
    return pieces


def _fits(text: str, size: float, width: int, *, bold: bool) -> bool:
    return Line(text, bold=bold).length(size) <= width
