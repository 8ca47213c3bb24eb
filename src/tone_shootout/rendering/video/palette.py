"""Colors of cards and plots, for a dark background."""

from typing import Final

BACKGROUND: Final = "#12151a"
PANEL: Final = "#1a1f27"
BRIGHT: Final = "#f2f4f7"
MUTED: Final = "#9aa4b2"
LINE: Final = "#39424f"
# One color for each chain, distinct for color-blind viewers too (Okabe and Ito, 2008, lightened).
ACCENTS: Final = ("#f0b13c", "#62bdec", "#31c29b", "#f0e560", "#5aa5e0", "#f0824a", "#e08fbd", "#c9ced6")


def accent(index: int) -> str:
    """Return the color of a chain by its index."""
    return ACCENTS[index % len(ACCENTS)]


def one_line(text: str) -> str:
    """Replace characters that are not printable, such as line breaks, by spaces."""
    return "".join(character if character.isprintable() else " " for character in text)
