"""Merge patches of a shootout (RFC 7396)."""

from collections.abc import Mapping
from typing import Any

import msgspec

from tone_shootout.kit.http.problems import Fault
from tone_shootout.kit.merge_patch import TooDeepError, merge_patch
from tone_shootout.shootouts.config import Config
from tone_shootout.shootouts.errors import InvalidPatchError


def patched(target: object, patch: object, kind: Any, pointer: str) -> Any:
    """Return a part of a shootout with the changes of a merge patch.

    Raises:
        InvalidPatchError: the result does not fit its type.
    """
    try:
        merged = merge_patch(target, patch)
        if kind is Config:
            _keep_unknown(target, patch, merged)
    except TooDeepError as error:
        raise InvalidPatchError([Fault(code="invalid", pointer=pointer, detail=str(error))]) from None
    try:
        return msgspec.convert(merged, kind)
    except msgspec.ValidationError:
        raise InvalidPatchError.of(merged, kind, pointer) from None


def _keep_unknown(target: object, patch: object, merged: dict[str, Any]) -> None:
    """Keep nulls of names that do not exist in a merged document, so that they are refused like other unknown names."""
    if isinstance(target, Mapping) and isinstance(patch, Mapping):
        for name, value in patch.items():
            if value is None and name not in target:
                merged[name] = None
            elif name in target and isinstance(merged.get(name), dict):
                _keep_unknown(target[name], value, merged[name])
