"""Tags of library items."""

import unicodedata
from collections.abc import Iterable
from typing import Annotated, Final

from msgspec import Meta

from tone_shootout.validation import ONE_LINE

MAX_TAG: Final = 40
"""Length of a tag."""
MAX_TAGS: Final = 20
"""Tags of an item."""

Tags = Annotated[
    list[Annotated[str, Meta(min_length=1, max_length=MAX_TAG, pattern=ONE_LINE)]],
    Meta(
        max_length=MAX_TAGS,
        description="Tags. Stored in lower case, without commas, sorted, each once.",
        examples=[["clean", "edge of breakup"]],
    ),
]


def normalized_tags(tags: Iterable[str]) -> list[str]:
    """Return tags as they are stored and searched: one Unicode form, lower case, single spaces, sorted, each once."""
    texts = (" ".join(unicodedata.normalize("NFC", tag).lower().replace(",", " ").split())[:MAX_TAG] for tag in tags)
    return sorted({text for text in texts if text})


def split_tags(text: str) -> list[str]:
    """Return the tags of a form field, which are separated by commas."""
    return [tag.strip() for tag in text.split(",") if tag.strip()]
