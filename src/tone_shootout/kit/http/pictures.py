"""Uploaded pictures: decoded under bounds, and encoded again, so that only pixels of the sent file are kept."""

import asyncio
import hashlib
import io
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from litestar import Request, Response

from tone_shootout.kit.http.preconditions import matches
from tone_shootout.kit.http.problems import InvalidError, NotFoundError

MAX_BYTES: Final = 5_000_000
"""Largest file."""
MAX_PIXELS: Final = 25_000_000
"""Most pixels, checked in the header."""
SIDE: Final = 1200
"""Longest side of the stored picture; link previews and cards of videos show about as much."""
MEDIA_TYPE: Final = "image/jpeg"
_FORMATS: Final = ("JPEG", "PNG", "WEBP")
_QUALITY: Final = 85


class PictureNotFoundError(NotFoundError):
    """The share or library item has no picture."""

    code = "picture_not_found"

    def __init__(self, owner: str) -> None:
        super().__init__(f"The {owner} has no picture.")


class InvalidPictureError(InvalidError):
    """The picture can't be used."""

    code = "invalid_picture"


class Picture(NamedTuple):
    """A picture to store."""

    content: bytes
    sha256: str


class PictureEncoder:
    """Encodes one picture at a time, so that the memory of many requests is bounded."""

    def __init__(self) -> None:
        self._slot = asyncio.Semaphore(1)

    async def encode(self, content: bytes) -> Picture:
        """Return the picture as it is stored.

        Raises:
            InvalidPictureError: it is no JPEG, PNG or WebP file, damaged, or too large.
        """
        async with self._slot:
            return await asyncio.to_thread(encode, content)


def encode(content: bytes) -> Picture:
    """Decode a JPEG, PNG or WebP file, scale it down and encode it as JPEG without metadata.

    Raises:
        InvalidPictureError: it is of another format, damaged, or has more than `MAX_PIXELS`.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    if not content:
        raise InvalidPictureError("The body is empty. Send a JPEG, PNG or WebP file.")
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as found:
            width, height = found.size
            if width * height > MAX_PIXELS:
                raise InvalidPictureError(
                    f"The picture has {width} × {height} pixels. Expected at most {MAX_PIXELS // 1_000_000} million."
                )
            found.draft("RGB", (SIDE, SIDE))
            picture = ImageOps.exif_transpose(found).convert("RGBA")
    except UnidentifiedImageError:
        raise InvalidPictureError("The file is no picture of a known format. Send a JPEG, PNG or WebP file.") from None
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError):
        raise InvalidPictureError("The picture is damaged. Save it again, then retry.") from None
    picture.thumbnail((SIDE, SIDE))
    flat = Image.new("RGB", picture.size, "white")
    flat.paste(picture, mask=picture.getchannel("A"))
    encoded = io.BytesIO()
    flat.save(encoded, "JPEG", quality=_QUALITY, optimize=True)
    return Picture(encoded.getvalue(), hashlib.sha256(encoded.getvalue()).hexdigest())


def picture_response(request: Request[Any, Any, Any], picture: Picture, headers: Mapping[str, str]) -> Response[Any]:
    """Return the response with a picture, 304 if the client has it.

    Args:
        request: the request.
        picture: the picture.
        headers: further headers.
    """
    tag = f'"{picture.sha256}"'
    sent = {"Cache-Control": "no-cache", "ETag": tag, "X-Content-Type-Options": "nosniff", **headers}
    if matches(request.headers.get("if-none-match", ""), tag):
        return Response(None, status_code=304, headers=sent)
    return Response(picture.content, media_type=MEDIA_TYPE, headers=sent)
