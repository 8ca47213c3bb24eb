"""Results as CSV, and tests as a configuration of webMUSHRA."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from tone_shootout.listening.blind.models import ListeningTest
from tone_shootout.listening.blind.trials import SLIDER_ROUNDS
from tone_shootout.listening.shares.facts import SharedSegment
from tone_shootout.rendering.bundle import figures, webmushra

COLUMNS: Final = ("listener", "trial", "label", "segment", "chain", "answer", "correct")


def to_csv(rows: Iterable[Sequence[Any]]) -> str:
    """Return the answers as CSV."""
    return figures.to_csv(COLUMNS, rows)


def to_webmushra(test: ListeningTest, segments: Sequence[SharedSegment], title: str) -> str:
    """Return a configuration of webMUSHRA that asks the same as a test.

    Args:
        test: the test.
        segments: its segments, in order.
        title: title of the share.
    """
    return webmushra.to_webmushra(
        msgspec.convert(test.kind, webmushra.Kind),
        [webmushra.Tone(each.position, each.chain, each.file) for each in segments],
        title=title,
        test_id=f"listening-test-{test.id}",
        pages=SLIDER_ROUNDS if test.kind == "preference" else test.trials,
    )
