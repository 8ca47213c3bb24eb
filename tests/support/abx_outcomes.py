"""The outcomes of ABX tests that the listening page shows. `python -m tests.support.abx_outcomes` writes the table."""

from pathlib import Path
from typing import Any

import msgspec

import tone_shootout.rendering.listening_page as package
from tone_shootout.listening.statistics import abx
from tone_shootout.precision import rounded

PATH = Path(package.__path__[0]) / "abx_outcomes.json"


def outcomes() -> list[dict[str, Any]]:
    """Return, for each number of trials, its statement and p, rate and d′ of all numbers of right answers."""
    table = []
    for trials in abx.TRIALS:
        rows = []
        for correct in range(trials + 1):
            found = abx.sensitivity(correct, trials)
            rows.append([abx.p_value(correct, trials), *abx.rate_interval(correct, trials), *found])
        table.append({"trials": trials, "statement": abx.power_sentence(trials), "outcomes": rows})
    return rounded(table)  # type: ignore[no-any-return]


if __name__ == "__main__":
    PATH.write_bytes(msgspec.json.format(msgspec.json.encode(outcomes()), indent=0) + b"\n")
