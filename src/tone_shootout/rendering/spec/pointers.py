"""JSON pointers (RFC 6901) into a spec."""

from collections.abc import Sequence

Place = tuple[int, ...]
"""Place of a block in a chain: its index; within a split, the indices of the split, of the path, and in the path."""


def di_track_pointer(index: int, field: str | None = None) -> str:
    """Return the pointer to a DI track, or to one of its fields."""
    return _join(f"/di_tracks/{index}", field)


def chain_pointer(index: int, field: str | None = None) -> str:
    """Return the pointer to a chain, or to one of its fields."""
    return _join(f"/chains/{index}", field)


def block_pointer(chain: int, block: int | Place, field: str | None = None) -> str:
    """Return the pointer to a block of a chain, or to one of its fields such as `file` or `bands/0/frequency_hz`."""
    place = (block,) if isinstance(block, int) else block
    return _join(f"/chains/{chain}/blocks/{_steps(place)}", field)


def template_pointer(place: Place, field: str | None = None) -> str:
    """Return the pointer to a block of a grid's template, or to one of its fields."""
    return _join(f"/grid/template/{_steps(place)}", field)


def read_place(steps: Sequence[str]) -> tuple[Place, Sequence[str]]:
    """Return the place of the block that the steps of a pointer lead to, from its index on, and the steps after it."""
    if steps[1:2] == ["paths"] and steps[3:4] == ["blocks"] and len(steps) > 4:
        return (int(steps[0]), int(steps[2]), int(steps[4])), steps[5:]
    return (int(steps[0]),), steps[1:]


def path_pointer(chain: int, split: int, path: int, field: str | None = None) -> str:
    """Return the pointer to a path of a split, or to one of its fields."""
    return _join(f"/chains/{chain}/blocks/{split}/paths/{path}", field)


def place_in_words(place: Place) -> str:
    """Return where a block is: `block 2`, or `block 2, path 1, block 3`, counted from 1."""
    words = f"block {place[0] + 1}"
    return words if len(place) == 1 else f"{words}, path {place[1] + 1}, block {place[2] + 1}"


def _steps(place: Place) -> str:
    return str(place[0]) if len(place) == 1 else f"{place[0]}/paths/{place[1]}/blocks/{place[2]}"


def _join(pointer: str, field: str | None) -> str:
    return pointer if field is None else f"{pointer}/{field}"
