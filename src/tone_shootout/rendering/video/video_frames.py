"""What the video shows and in which order: plain data, which `cards` draws and `video` puts together."""

from msgspec import Struct


class Card(Struct, frozen=True, kw_only=True):
    """What a card says.

    Attributes:
        title: of the shootout.
        di_track: name.
        chain: name.
        chain_index: from 0; chooses the colour.
        position: of the segment, from 1.
        count: of segments.
        integrated_lufs: of the segment as it is heard.
        true_peak_dbtp: the same.
        full_scale: sample magnitude at the top of the waveform's panel; one for all cards of a shootout.
        remark: a short line beside the level, may be empty.
    """

    title: str
    di_track: str
    chain: str
    chain_index: int
    position: int
    count: int
    integrated_lufs: float
    true_peak_dbtp: float
    full_scale: float
    remark: str = ""


class Part(Struct, frozen=True):
    """One segment in the video's sound: its file, and how many frames of the picture it is heard for."""

    flac: str
    frames: int


class Scene(Struct, frozen=True):
    """One segment in the video's picture: the file of its card, and how many frames it stands.

    Its chapter starts where it starts, and is called `title`.
    """

    still: str
    frames: int
    title: str
