"""JSON Merge Patch (RFC 7396)."""

from collections.abc import Mapping
from typing import Any, Final

MAX_DEPTH: Final = 32
"""Levels of a patch. No document here is nested as deeply."""


class TooDeepError(ValueError):
    """The patch has too many levels."""


def merge_patch(target: object, patch: object) -> Any:
    """Return a document with the changes of a patch; neither is modified.

    Objects are merged member by member, a member that is null is removed, and every other value replaces the old one,
    lists as a whole.

    Args:
        target: the document.
        patch: the patch, decoded.

    Raises:
        TooDeepError: the patch has more than `MAX_DEPTH` levels of objects.
    """
    return _merged(target, patch, MAX_DEPTH)


def _merged(target: object, patch: object, levels: int) -> Any:
    if not isinstance(patch, Mapping):
        return patch
    if not levels:
        raise TooDeepError(f"expected at most {MAX_DEPTH} levels of objects")
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value, levels - 1)
    return merged
