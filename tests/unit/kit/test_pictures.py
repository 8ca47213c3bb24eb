"""Uploaded pictures: what is refused, and what is left of a picture."""

import io
from typing import Any

import pytest
from PIL import Image

from tone_shootout.kit.http.pictures import InvalidPictureError, encode


def _image(kind: str, size: tuple[int, int] = (1600, 900), mode: str = "RGB", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "known format"),
        (_image("GIF"), "known format"),
        (_image("PNG")[:400], "damaged"),
        (_image("PNG", (10_001, 2_500)), "10001 × 2500 pixels"),
    ],
)
def test_a_picture_that_can_not_be_used_is_refused_with_the_reason(content: bytes, reason: str) -> None:
    with pytest.raises(InvalidPictureError, match=reason):
        encode(content)


def test_a_picture_is_turned_upright_and_scaled_down() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned
    found = Image.open(io.BytesIO(encode(_image("JPEG", exif=exif)).content))
    assert found.size == (675, 1200)
    assert found.mode == "RGB"
    assert not found.getexif()


def test_transparent_parts_become_white() -> None:
    found = Image.open(io.BytesIO(encode(_image("PNG", (8, 8), "RGBA")).content))
    assert found.getpixel((4, 4)) == (255, 255, 255)
