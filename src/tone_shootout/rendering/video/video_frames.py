"""Content of the video: plain data for `cards`, `text_cards` and `encoder`."""

from typing import Final

from msgspec import Struct

from tone_shootout.rendering.plan.timeline import FRAME_RATE

MOMENTS_PER_SECOND: Final = 2
"""How often what moves on a card is drawn."""


def count_moments(frames: int) -> int:
    """Return the number of half seconds that begin within a number of frames."""
    return -(-frames * MOMENTS_PER_SECOND // FRAME_RATE)


class Card(Struct, frozen=True, kw_only=True):
    """Content of a card.

    Attributes:
        title: title of the shootout.
        di_track: name of the DI track.
        chain: name of the chain.
        color: number of the chain, from 0, which selects the color.
        corner: a word on the place in the video, such as `2 / 6`.
        heard_lufs: loudness of the segment in the video, on two speakers, LUFS: that of the file, or 3.01 LU more if
            all segments are mono.
        integrated_lufs: loudness of the leveled segment's file, LUFS.
        true_peak_dbtp: true peak of the leveled segment, dBTP.
        full_scale: sample magnitude at the top of the waveform; equal for all cards of a shootout.
        remark: a short text next to the levels; may be empty.
        words: the chain in words; may be empty.
        calibration: a sentence about the calibration gain; may be empty.
        tones: in an A/B round, the names of all tones, of which number `color` is heard.
    """

    title: str
    di_track: str
    chain: str
    color: int
    corner: str
    heard_lufs: float
    integrated_lufs: float
    true_peak_dbtp: float
    full_scale: float
    remark: str = ""
    words: str = ""
    calibration: str = ""
    tones: tuple[str, ...] = ()


class Row(Struct, frozen=True):
    """A line of a text card: a mark, the number of the chain (which selects the color), a name, and a value."""

    mark: str
    color: int
    name: str
    value: str = ""


class TextCard(Struct, frozen=True, kw_only=True):
    """Content of a card without sound.

    Attributes:
        title: the largest text.
        subtitle: a text below it; may be empty.
        heading: what the rows are; may be empty.
        rows: tones.
        promises: sentences below the rows, bright.
        small: sentences below them.
    """

    title: str
    subtitle: str
    heading: str
    rows: tuple[Row, ...]
    promises: tuple[str, ...] = ()
    small: tuple[str, ...] = ()


class Thumbnail(Struct, frozen=True, kw_only=True):
    """Content of the thumbnail: title, names of tones, a promise, and the file of an envelope with its full scale."""

    title: str
    tones: tuple[str, ...]
    promise: str
    envelope: str
    full_scale: float


class Take(Struct, frozen=True, kw_only=True):
    """A piece of a segment in the video's sound.

    Attributes:
        raw: file of the segment's samples.
        gain_db: its gain.
        samples: number of samples.
        channels: channels of the segment.
        first: first sample.
        at: place in the part, samples.
        fade_in: whether the piece fades in around its start, while the one before fades out.
        fade_out: whether it fades out around its end.
    """

    raw: str
    gain_db: float
    samples: int
    channels: int = 1
    first: int = 0
    at: int = 0
    fade_in: bool = False
    fade_out: bool = False


class Part(Struct, frozen=True):
    """A part of the video's sound: its duration in frames of the picture, and what is heard in it; else silence."""

    frames: int
    takes: tuple[Take, ...] = ()


class Span(Struct, frozen=True):
    """A span of a segment: first frame within it, number of frames, number of silent frames after them."""

    first: int
    frames: int
    silent: int = 0


class Scene(Struct, frozen=True):
    """A part of the video's picture: the file of its card, its duration in frames, the first of the card's strips."""

    still: str
    frames: int
    strip: int = 0


class ChapterMark(Struct, frozen=True):
    """A chapter of the file: its first frame and its title."""

    frame: int
    title: str
