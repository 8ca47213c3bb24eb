"""What pages read of the forms that browsers send."""

from typing import Any, Final
from urllib.parse import parse_qsl

from litestar import Request
from litestar.datastructures import UploadFile

from tone_shootout.kit.http.pictures import MAX_BYTES, Picture, PictureEncoder

PICTURE_MISSING: Final = "Choose a JPEG, PNG or WebP file."
PICTURE_TOO_LARGE: Final = f"The picture is too large. Expected at most {MAX_BYTES // 1_000_000} MB."
_MOST_FIELDS: Final = 10


async def read_fields(request: Request[Any, Any, Any]) -> dict[str, str]:
    """Return the fields of a URL-encoded form; empty for any other body."""
    if request.content_type[0] != "application/x-www-form-urlencoded":
        return {}
    try:
        return dict(parse_qsl((await request.body()).decode("ascii"), max_num_fields=_MOST_FIELDS))
    except ValueError:
        return {}


async def sent_picture(sent: object, encoder: PictureEncoder) -> Picture | None:
    """Return the picture of a field; None without a file, which browsers send as an empty one.

    Raises:
        InvalidPictureError: the file is no picture that can be used.
    """
    if not isinstance(sent, UploadFile):
        return None
    content = await sent.read()
    return await encoder.encode(content) if content else None
