"""Shortens names without making two of them one."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count


def shorten(names: Sequence[str], longest: int) -> tuple[str, ...]:
    """Cut names that are longer than a number of characters; different names stay different.

    The end of a name is cut. Where that would make two names equal, parts of their middles are cut instead, and where
    that does not help either, a number replaces the end.

    Args:
        names: names that are shown together; a name may occur more than once.
        longest: number of characters, at least 8.
    """
    whole = [name for name in dict.fromkeys(names) if len(name) <= longest]
    long = [name for name in dict.fromkeys(names) if len(name) > longest]
    found = {name: name for name in whole}
    taken = set(whole)
    with_cut_end = Counter(_cut(name, longest, longest - 1) for name in long)
    for name in long:
        found[name] = next(each for each in _candidates(name, longest) if each not in taken and with_cut_end[each] <= 1)
        taken.add(found[name])
    return tuple(found[name] for name in names)


def _candidates(name: str, longest: int) -> Iterator[str]:
    for head in (longest - 1, longest * 2 // 3, longest // 2, longest // 3, 0):
        yield _cut(name, longest, head)
    for number in count(1):
        end = f"…{number}"
        yield name[: longest - len(end)] + end


def _cut(name: str, longest: int, head: int) -> str:
    tail = longest - 1 - head
    return f"{name[:head]}…{name[len(name) - tail :] if tail else ''}"
