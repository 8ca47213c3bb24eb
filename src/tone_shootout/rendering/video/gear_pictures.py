"""Pictures of the gear on the cards of the video."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tone_shootout.rendering.plan.planner import Plan
from tone_shootout.rendering.spec.leaves import leaves
from tone_shootout.rendering.spec.schema import CabIrBlock, CaptureBlock

if TYPE_CHECKING:
    from PIL.Image import Image


def picture_of(plan: Plan, chain: int, pictures: Mapping[str, Path]) -> str:
    """Return the file of the picture of a chain's gear, empty if there is none, or if it would tell who is who.

    It is that of the first active capture that has one, else of the first active cab IR.

    Args:
        plan: the plan.
        chain: index of the chain.
        pictures: JPEG files by the spec's `file`.
    """
    if plan.spec.video.blind:
        return ""
    found = [leaf.block for leaf in leaves(plan.spec.chains[chain]) if not leaf.bypass]
    for kind in (CaptureBlock, CabIrBlock):
        for block in found:
            if isinstance(block, kind) and block.file in pictures:
                return str(pictures[block.file])
    return ""


def paint_picture(card: "Image", file: str, *, right: int, top: int, width: int, height: int) -> int:
    """Draw a picture on a card as large as a box allows, in the middle of its height, and return its width in pixels.

    Args:
        card: the card.
        file: a JPEG file.
        right: right edge of the box.
        top: top edge of the box.
        width: width of the box.
        height: height of the box.

    Raises:
        OSError: the file can't be read.
    """
    from PIL import Image  # here: the process that plans a video draws nothing

    with Image.open(file) as found:
        found.draft("RGB", (width, height))
        scale = min(width / found.width, height / found.height)
        size = max(1, round(found.width * scale)), max(1, round(found.height * scale))
        picture = found.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    card.paste(picture, (right - picture.width, top + (height - picture.height) // 2))
    return picture.width
