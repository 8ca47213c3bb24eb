"""Precision of published numbers: the digits that are meant, by the unit in the name.

Computed values stay exact; only what leaves the program is rounded.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

DECIMALS: Final[Mapping[str, int]] = {
    "_db": 2,
    "_dbfs": 2,
    "_dbtp": 2,
    "_dbu": 2,
    "_lu": 2,
    "_lufs": 2,
    "_db_per_octave": 2,
    "_s": 3,
    "_ms": 1,
    "_hz": 1,
}
"""Decimals by the ending of a name."""

SIGNIFICANT: Final = 6
"""Significant digits of all other fractions: shares, ratios, correlations."""

EXACT: Final = frozenset({"spec", "config", "size", "metadata", "gain_db", "drive_db"})
"""Names of what is repeated as it is: what a person or a file states, and the gains that were applied to samples. With
these, a file can be made again sample for sample."""


def rounded(document: Any, name: str = "") -> Any:
    """Return plain data with its numbers rounded.

    Args:
        document: mappings, sequences and values.
        name: name of the document in the one that it is part of; the items of a sequence have its name.
    """
    if isinstance(document, Mapping):
        return {key: value if key in EXACT else rounded(value, key) for key, value in document.items()}
    if isinstance(document, (list, tuple)):
        return [rounded(item, name) for item in document]
    if not isinstance(document, float) or not math.isfinite(document):
        return document
    decimals = next((count for ending, count in DECIMALS.items() if name.endswith(ending)), None)
    # Adding zero makes -0.0 positive.
    return (float(f"{document:.{SIGNIFICANT}g}") if decimals is None else round(document, decimals)) + 0.0
