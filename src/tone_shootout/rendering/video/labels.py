"""Names and order of the tones in the video: those of the spec, or letters in an order of their own (`blind`)."""

from hashlib import sha256

from msgspec import Struct

from tone_shootout.rendering.plan.planner import Plan, PlannedSegment

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Labels(Struct, frozen=True, kw_only=True):
    """What the tones are called in the video before the key.

    Attributes:
        blind: whether they have letters.
        order: indices of the chains, in the order of the video.
        names: their names, in the same order.
    """

    blind: bool
    order: tuple[int, ...]
    names: tuple[str, ...]

    def place(self, chain: int) -> int:
        """Return the place of a chain in the video, from 0, which is also the number of its color."""
        return self.order.index(chain)

    def name(self, chain: int) -> str:
        """Return the name of a chain."""
        return self.names[self.place(chain)]


def labels_of(plan: Plan) -> Labels:
    """Return the labels of a plan's chains.

    The order of a blind video is that of hashes of the render keys: it says nothing about the order in the spec, which
    the title may follow, and the same shootout has the same one.
    """
    chains = range(len(plan.spec.chains))
    if not plan.spec.video.blind:
        return Labels(blind=False, order=tuple(chains), names=tuple(chain.name for chain in plan.spec.chains))
    keys = [sha256(f"blind {segment.render_key}".encode()).digest() for segment in plan.segments[: len(chains)]]
    order = tuple(sorted(chains, key=lambda number: keys[number]))
    return Labels(blind=True, order=order, names=tuple(f"Tone {letter(place)}" for place in chains))


def letter(place: int) -> str:
    """Return the letter of a place from 0: A to Z, then AA, AB and so on."""
    more, rest = divmod(place, len(_LETTERS))
    return (letter(more - 1) if more else "") + _LETTERS[rest]


def decibels(value: float, unit: str) -> str:
    """Return a level with its unit, as the video shows it."""
    return f"{value:.1f} {unit}".replace("-", "−")


def in_order(plan: Plan) -> list[PlannedSegment]:
    """Return the segments in the order of the video."""
    labels = labels_of(plan)
    return sorted(plan.segments, key=lambda segment: (segment.di_track, labels.place(segment.chain)))
