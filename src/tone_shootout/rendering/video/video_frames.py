"""Content of the video: plain data for `cards` and `encoder`."""

from msgspec import Struct


class Card(Struct, frozen=True, kw_only=True):
    """Content of a card.

    Attributes:
        title: title of the shootout.
        di_track: name of the DI track.
        chain: name of the chain.
        chain_index: index of the chain, from 0; selects the color.
        position: position of the segment, from 1.
        count: number of segments.
        heard_lufs: loudness of the segment in the video, on two speakers, LUFS: that of the file, or 3.01 LU more if
            all segments are mono.
        integrated_lufs: loudness of the leveled segment's file, LUFS.
        true_peak_dbtp: true peak of the leveled segment, dBTP.
        full_scale: sample magnitude at the top of the waveform; equal for all cards of a shootout.
        remark: a short text next to the levels; may be empty.
        words: the chain in words; may be empty.
        calibration: a sentence about the calibration gain; may be empty.
    """

    title: str
    di_track: str
    chain: str
    chain_index: int
    position: int
    count: int
    heard_lufs: float
    integrated_lufs: float
    true_peak_dbtp: float
    full_scale: float
    remark: str = ""
    words: str = ""
    calibration: str = ""


class Part(Struct, frozen=True):
    """One segment in the video's sound: its samples, its gain, its duration in frames of the picture, its channels."""

    raw: str
    gain_db: float
    frames: int
    channels: int = 1


class Scene(Struct, frozen=True):
    """One segment in the video's picture: the file of its card and its duration in frames.

    A chapter with the name `title` starts with it.
    """

    still: str
    frames: int
    title: str
