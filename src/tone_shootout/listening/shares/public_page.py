"""What the page of a share shows of the listening page of its job."""

import msgspec

from tone_shootout.rendering.listening_page.page import Page, PageSegment
from tone_shootout.rendering.notices import FOR_THE_AUTHOR


def public_page(page: Page, title: str) -> Page:
    """Return the data of a share's page: without names and hashes of the inputs, and without advice for the author.

    Args:
        page: the page of the job.
        title: title of the share.
    """
    return msgspec.structs.replace(
        page,
        title=title,
        inputs=(),
        notices=tuple(notice for notice in page.notices if notice.code not in FOR_THE_AUTHOR),
        segments=tuple(_public(segment) for segment in page.segments),
    )


def player_page(page: Page) -> Page:
    """Return the data of the player alone: what it plays, without measures, notices and credits."""
    return msgspec.structs.replace(
        page,
        bands_hz=(),
        captures=(),
        comparisons=(),
        notices=(),
        sweeps=(),
        segments=tuple(msgspec.structs.replace(segment, third_octaves_db=()) for segment in page.segments),
        tracks=tuple(msgspec.structs.replace(track, matrix=(), distances_db=()) for track in page.tracks),
    )


def _public(segment: PageSegment) -> PageSegment:
    # The key is a hash of the inputs: a person who has the files could tell that they were used.
    return msgspec.structs.replace(segment, render_key="")
