"""Slices of H.264: pictures of whole macroblock rows, encoded one by one, become parts of one picture.

A slice depends on no other slice of its picture, and its data (CABAC) starts at a whole byte. So the slice of a picture
that is as wide as another, but lower, is a slice of that one, once its header states where it begins. Syntax: ITU-T
H.264, 7.3.2.8, 7.3.3 and 7.3.4, for the stream that x264 makes here: frames, picture order count type 2, 16 frame
numbers, one reference picture, no weighted prediction, deblocking parameters in every slice.
"""

import re
from typing import Final

from msgspec import Struct

ROW: Final = 16
"""Height of a row of macroblocks, pixels."""

_SLICE: Final = 1
_IDR_SLICE: Final = 5
_REFERENCE: Final = 3 << 5
_FRAME_NUM_BITS: Final = 4
_P: Final = 0
_I: Final = 2
_KINDS: Final = 5  # a type plus 5 says that all slices of the picture have it
_START: Final = b"\x00\x00\x00\x01"
_EMULATED: Final = re.compile(rb"\x00\x00(?=[\x00-\x03])")
_ESCAPED: Final = re.compile(rb"\x00\x00\x03")


class Slice(Struct, frozen=True):
    """A slice: its type, the end of its header from the quantizer on as ones and zeros, and its data."""

    kind: int
    tail: str
    data: bytes

    def write(self, row: int, *, width: int, number: int, idr: int | None) -> bytes:
        """Return the slice as a part of a picture, with a start code.

        Args:
            row: row of macroblocks where it begins.
            width: width of the picture, pixels.
            number: number of the picture after its IDR picture, modulo 16.
            idr: identifier of an IDR picture, 0 or 1; None: it is another picture. IDR pictures that follow each
                other must have different ones.
        """
        bits = _ue(row * -(-width // ROW)) + _ue(self.kind) + _ue(0) + f"{number:0{_FRAME_NUM_BITS}b}"
        bits += "" if idr is None else _ue(idr)
        bits += "00" if self.kind == _P else ""  # one reference picture, in its order
        bits += "0" if idr is None else "00"  # how references are marked: as usual
        bits += _ue(0) if self.kind == _P else ""  # the table of CABAC's start values
        bits += self.tail
        bits += "1" * (-len(bits) % 8)
        content = int(bits, 2).to_bytes(len(bits) // 8, "big") + self.data
        header = bytes([_REFERENCE | (_SLICE if idr is None else _IDR_SLICE)])
        return _START + header + _EMULATED.sub(b"\x00\x00\x03", content)


def read_slice(packet: bytes) -> Slice:
    """Read the only slice of an encoded picture.

    Raises:
        ValueError: the packet has no slice, or several, or one that other settings of the encoder make.
    """
    units = [unit for unit in re.split(rb"\x00\x00\x00?\x01", packet) if unit and unit[0] & 31 in (_SLICE, _IDR_SLICE)]
    if len(units) != 1:
        raise ValueError(f"expected one slice, got {len(units)}")
    (unit,) = units
    idr = unit[0] & 31 == _IDR_SLICE
    content = _ESCAPED.sub(b"\x00\x00", unit[1:])
    bits = _Bits(content)
    bits.ue()
    kind = bits.ue() % _KINDS
    if bits.ue() or kind not in (_P, _I):
        raise ValueError("expected a slice of type I or P")
    bits.take(_FRAME_NUM_BITS)
    if idr:
        bits.ue()
    if kind == _P and bits.take(2) != "00":
        raise ValueError("expected one reference picture")
    if "1" in bits.take(2 if idr else 1):
        raise ValueError("expected references to be marked as usual")
    if kind == _P and bits.ue():
        raise ValueError("expected the first table of CABAC")
    start = bits.position
    bits.ue()  # the quantizer, signed
    if bits.ue() != 1:  # no deblocking has no parameters
        bits.ue()
        bits.ue()
    tail = bits.since(start)
    return Slice(kind, tail, content[-(-bits.position // 8) :])


class _Bits:
    """Reads bits and Exp-Golomb codes (9.1) from the start of a slice."""

    def __init__(self, content: bytes) -> None:
        self._bits = "".join(f"{byte:08b}" for byte in content[:32])
        self.position = 0

    def take(self, count: int) -> str:
        self.position += count
        return self._bits[self.position - count : self.position]

    def ue(self) -> int:
        zeros = self._bits.index("1", self.position) - self.position
        return int(self.take(2 * zeros + 1), 2) - 1

    def since(self, start: int) -> str:
        return self._bits[start : self.position]


def _ue(value: int) -> str:
    code = f"{value + 1:b}"
    return "0" * (len(code) - 1) + code
