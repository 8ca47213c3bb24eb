"""JSON pointers (RFC 6901) into a spec."""


def di_track_pointer(index: int, field: str | None = None) -> str:
    """Return the pointer to a DI track, or to one of its fields."""
    return _join(f"/di_tracks/{index}", field)


def chain_pointer(index: int, field: str | None = None) -> str:
    """Return the pointer to a chain, or to one of its fields."""
    return _join(f"/chains/{index}", field)


def block_pointer(chain: int, block: int, field: str | None = None) -> str:
    """Return the pointer to a block of a chain, or to one of its fields such as `file` or `bands/0/frequency_hz`."""
    return _join(f"/chains/{chain}/blocks/{block}", field)


def _join(pointer: str, field: str | None) -> str:
    return pointer if field is None else f"{pointer}/{field}"
