"""What the poster of a result shows: the image in previews of links to its share."""

from typing import Final

from msgspec import Struct

from tone_shootout.rendering.listening_page.sound_files import FOLDER

POSTER_NAME: Final = f"{FOLDER}/poster.png"
WIDTH: Final = 1200
HEIGHT: Final = 630
"""Size, pixels: the one that sites with previews of links recommend."""
MOST_ROWS: Final = 6


class PosterRow(Struct, frozen=True):
    """A tone: its name, the index of its chain, which selects the color, and the file of its envelope."""

    name: str
    chain_index: int
    envelope: str


class Poster(Struct, frozen=True, kw_only=True):
    """Content of a poster. The title is beside it in previews of links, where it is that of the share.

    Attributes:
        headline: what is compared, one line.
        rows: at most `MOST_ROWS` tones.
        further: number of tones that are not in `rows`.
        target_lufs: common loudness, LUFS.
        full_scale: sample magnitude at the top of a waveform; equal for all rows.
    """

    headline: str
    rows: tuple[PosterRow, ...]
    further: int
    target_lufs: float
    full_scale: float
