"""Stereo AAC with equal sides, from packets of a mono encoder: the sound is analyzed and coded once.

A stereo packet holds the mono one as the middle of a channel pair, beside a silent side: left = middle + side and
right = middle − side are then both the mono signal, exactly. Only the bits around the coded spectrum differ.

Syntax: ISO/IEC 14496-3, 4.4.2.1: `single_channel_element`, `channel_pair_element`, `individual_channel_stream`,
`ics_info`, `section_data`. Temporal noise shaping would have to be repeated for the side, so the encoder must not use
it.
"""

from typing import Final

_SINGLE_CHANNEL: Final = 0
_CHANNEL_PAIR: Final = 1
_END: Final = 7
_EIGHT_SHORT: Final = 2
_ALL_BANDS: Final = 2

_HEAD_BITS: Final = 3 + 4
_GAIN_BITS: Final = 8
_WINDOW_BITS: Final = 1 + 2 + 1
_LONG_BANDS_BITS: Final = 6
_LONG_INFO_BITS: Final = _WINDOW_BITS + _LONG_BANDS_BITS + 1
_SHORT_BANDS_BITS: Final = 4
_GROUPING_BITS: Final = 7
_SHORT_INFO_BITS: Final = _WINDOW_BITS + _SHORT_BANDS_BITS + _GROUPING_BITS


def stereo_packet(mono: bytes) -> bytes:
    """Turn a mono AAC-LC packet into a stereo packet whose sides are equal to it.

    Args:
        mono: one raw data block: a single channel element without temporal noise shaping, and the end.

    Raises:
        ValueError: the packet begins with another element.
    """
    bits = int.from_bytes(mono, "big")
    size = 8 * len(mono)

    def read(position: int, count: int) -> int:
        return bits >> (size - position - count) & ((1 << count) - 1)

    if read(0, 3) != _SINGLE_CHANNEL:
        raise ValueError("expected a single channel element")
    gain = read(_HEAD_BITS, _GAIN_BITS)
    begin = _HEAD_BITS + _GAIN_BITS
    is_short = read(begin + 1, 2) == _EIGHT_SHORT
    info_bits = _SHORT_INFO_BITS if is_short else _LONG_INFO_BITS
    info = read(begin, info_bits)
    begin += info_bits
    # The end, three ones, is followed by zeros up to a whole byte.
    padding = (bits & -bits).bit_length() - 1
    rest_bits = size - begin - padding - 3

    out = _CHANNEL_PAIR
    out = out << 4  # the element's tag
    out = out << 1 | 1  # both channels have the same windows
    out = out << info_bits | info
    out = out << 2 | _ALL_BANDS  # all bands are coded as middle and side
    out = out << _GAIN_BITS | gain
    out = out << rest_bits | read(begin, rest_bits)
    length = 3 + 4 + 1 + info_bits + 2 + _GAIN_BITS + rest_bits
    if is_short:
        bands = info >> _GROUPING_BITS & ((1 << _SHORT_BANDS_BITS) - 1)
        # A zero bit begins another group of windows.
        groups = 1 + _GROUPING_BITS - (info & ((1 << _GROUPING_BITS) - 1)).bit_count()
        section, section_bits = _silent_section(bands, length_bits=3)
    else:
        bands = info >> 1 & ((1 << _LONG_BANDS_BITS) - 1)
        groups = 1
        section, section_bits = _silent_section(bands, length_bits=5)
    out <<= _GAIN_BITS
    for _ in range(groups):
        out = out << section_bits | section
    # No pulses, no temporal noise shaping, no gain control; then the end.
    out = out << 6 | _END
    length += _GAIN_BITS + groups * section_bits + 6
    return (out << -length % 8).to_bytes((length + 7) // 8, "big")


def _silent_section(bands: int, *, length_bits: int) -> tuple[int, int]:
    """Return the section data of a group whose bands are all zero, and its number of bits."""
    if not bands:
        return 0, 0
    escape = (1 << length_bits) - 1
    value, size = 0, 4  # the codebook of zeros
    while bands >= escape:
        value, size, bands = value << length_bits | escape, size + length_bits, bands - escape
    return value << length_bits | bands, size + length_bits
