"""Sizes and places of what the video shows, in pixels."""

from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct

LayoutName = Literal["wide", "vertical"]


class Layout(Struct, frozen=True, kw_only=True):
    """A picture's size, and the places of a card's parts: heights of the middles of lines, edges of panels.

    `strip_top` and `strip_bottom` bound the rows of the strip that moves: whole macroblocks of 16.
    """

    width: int
    height: int
    left: int
    strip_top: int
    strip_bottom: int
    title: int
    chain: int
    chain_lines: int
    di_track: int
    words: int
    words_lines: int
    calibration: int
    panel_top: int
    panel_bottom: int
    tone_columns: int
    tone_row: int
    loudness: int
    file: int
    remark: int
    text_top: int
    text_bottom: int

    @property
    def right(self) -> int:
        """Right edge of waveforms and texts."""
        return self.width - self.left

    @property
    def columns(self) -> int:
        """Width of waveforms and texts."""
        return self.width - 2 * self.left

    @property
    def is_narrow(self) -> bool:
        """Whether lines are short, so that some texts are below each other instead of side by side."""
        return self.width < self.height


WIDE: Final = Layout(
    width=1920,
    height=1080,
    left=96,
    strip_top=880,
    strip_bottom=944,
    title=70,
    chain=165,
    chain_lines=1,
    di_track=236,
    words=306,
    words_lines=2,
    calibration=356,
    panel_top=389,
    panel_bottom=875,
    tone_columns=4,
    tone_row=54,
    loudness=1000,
    file=984,
    remark=1026,
    text_top=90,
    text_bottom=1010,
)
VERTICAL: Final = Layout(
    width=1080,
    height=1920,
    left=64,
    strip_top=1344,
    strip_bottom=1408,
    title=170,
    chain=300,
    chain_lines=2,
    di_track=424,
    words=512,
    words_lines=3,
    calibration=600,
    panel_top=650,
    panel_bottom=1339,
    tone_columns=2,
    tone_row=60,
    loudness=1474,
    file=1534,
    remark=1580,
    text_top=190,
    text_bottom=1600,
)
LAYOUTS: Final[Mapping[LayoutName, Layout]] = {"wide": WIDE, "vertical": VERTICAL}
