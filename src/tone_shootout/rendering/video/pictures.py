"""Encodes the pictures of the video: 30 frames per second, in closed groups (GOPs) of one second.

A card is encoded once, in two slices: what is above its moving strip, and what is below. The strip is encoded for every
half second, as a slice of its own (`slices`). A GOP is an IDR picture of these three, a picture after half a second
with another strip between slices of skipped macroblocks, and pictures of skipped macroblocks only, whose packets all
GOPs share. So a second of video costs two strips, 6 % of a picture each. A card without sound has one strip.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cache
from typing import Final

import av
import numpy as np
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.reformatter import Colorspace, VideoReformatter
from msgspec import Struct
from numpy.typing import NDArray

from tone_shootout.rendering.plan.timeline import FRAME_RATE
from tone_shootout.rendering.video.layout import WIDE, Layout
from tone_shootout.rendering.video.slices import ROW, Slice, read_slice
from tone_shootout.rendering.video.video_frames import MOMENTS_PER_SECOND

# Pictures are numbered modulo 16, the smallest modulus of H.264 (7.4.2.1.1).
_NUMBERS: Final = 16
_BT709: Final = 1
_MOMENT: Final = FRAME_RATE // MOMENTS_PER_SECOND
X264: Final = {
    "preset": "veryfast",
    "tune": "stillimage",
    "profile": "high",
    "qp": "18",
    "forced-idr": "1",
    "x264-params": (
        f"keyint={FRAME_RATE}:min-keyint={FRAME_RATE}:scenecut=0:bframes=0:open-gop=0:rc-lookahead=0:mbtree=0:"
        # Still pictures: motion search would take a third of the time without any effect.
        "threads=1:me=dia:subme=0:weightp=0"
    ),
}


class Still(Struct, frozen=True):
    """An encoded card: what is above and below its strip, and the strip at every half second."""

    above: Slice
    strips: tuple[Slice, ...]
    below: Slice


def encode_still(rgb: NDArray[np.uint8], strips: Iterable[NDArray[np.uint8]], layout: Layout = WIDE) -> Still:
    """Encode a card.

    Args:
        rgb: the picture, shape (height, width, 3); its rows of the strip are not used.
        strips: these rows at every half second; one if they do not move.
        layout: size of the picture and place of the strip.
    """
    (above,), (below,) = (_intra([rows]) for rows in (rgb[: layout.strip_top], rgb[layout.strip_bottom :]))
    return Still(above, tuple(_intra(strips)), below)


def group(still: Still, first: int, number: int, layout: Layout = WIDE) -> list[bytes]:
    """Return the packets of a second of a card, one for each frame.

    Args:
        still: the card.
        first: its first strip.
        number: number of the group in the video.
        layout: size of the picture and place of the strip.
    """
    strips = still.strips if len(still.strips) == 1 else still.strips[first:][:MOMENTS_PER_SECOND]
    above, below = _skipped(layout.width, layout.strip_top), _skipped(layout.width, layout.height - layout.strip_bottom)
    packets = list(_repeated(layout))
    packets[0] = _picture((still.above, strips[0], still.below), 0, number % 2, layout)
    for moment, strip in enumerate(strips[1:], 1):
        packets[moment * _MOMENT] = _picture((above, strip, below), moment * _MOMENT, None, layout)
    return packets


def set_format(encoder: VideoCodecContext, width: int, height: int) -> None:
    """Set size, rate and colors (ITU-R BT.709, limited range) of an encoder."""
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base = Fraction(1, FRAME_RATE)
    encoder.color_range = 1
    encoder.colorspace = encoder.color_primaries = encoder.color_trc = _BT709


def _picture(slices: Sequence[Slice], number: int, idr: int | None, layout: Layout) -> bytes:
    rows = (0, layout.strip_top // ROW, layout.strip_bottom // ROW)
    return b"".join(
        part.write(row, width=layout.width, number=number % _NUMBERS, idr=idr)
        for part, row in zip(slices, rows, strict=True)
    )


def _intra(pictures: Iterable[NDArray[np.uint8]]) -> list[Slice]:
    """Encode pictures of equal height without reference to each other."""
    frames = (av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24") for rgb in pictures)
    return [read_slice(packet) for packet in encode(frames, intra=True)]


@cache
def _skipped(width: int, height: int) -> Slice:
    """Return the slice of a picture that repeats what is seen, whatever that is."""
    blank = np.zeros((height, width, 3), np.uint8)
    return read_slice(encode([av.VideoFrame.from_ndarray(blank, format="rgb24") for _ in range(3)])[-1])


@cache
def _repeated(layout: Layout = WIDE) -> tuple[bytes, ...]:
    """Return the packets of a GOP in which every picture repeats what is seen."""
    whole = _skipped(layout.width, layout.height)
    return tuple(whole.write(0, width=layout.width, number=number % _NUMBERS, idr=None) for number in range(FRAME_RATE))


def encode(frames: Iterable[av.VideoFrame], *, intra: bool = False) -> list[bytes]:
    """Encode frames of equal height, RGB or YUV; the first is an IDR picture, and all are if `intra`."""
    encoder: VideoCodecContext | None = None
    reformatter = VideoReformatter()  # one for each frame would take as long as the encoder
    packets = []
    for number, frame in enumerate(frames):
        if encoder is None:
            encoder = av.CodecContext.create("libx264", "w")
            encoder.framerate = Fraction(FRAME_RATE)
            encoder.flags |= Flags.global_header
            encoder.options = dict(X264)
            set_format(encoder, frame.width, frame.height)
        picture = reformatter.reformat(frame, format="yuv420p", dst_colorspace=Colorspace.ITU709)
        picture.pts = number
        if intra:
            picture.pict_type = PictureType.I
        packets += encoder.encode(picture)
    if encoder is not None:
        packets += encoder.encode(None)
    return [bytes(packet) for packet in packets]
