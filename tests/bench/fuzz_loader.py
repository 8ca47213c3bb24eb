"""Throw damaged captures at the loader for a while: `python -m tests.bench.fuzz_loader --minutes 10`.

Reports whatever is no NamError, whatever takes more than a second to refuse, and the largest memory seen. The suite has
property tests of the same kind; `task test:thorough` runs this for three minutes.
"""

import argparse
import json
import random
import resource
import traceback
from collections import Counter
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from time import monotonic, process_time
from typing import Any

from tests.support.nam_documents import REFERENCE, encoded, noise, refilled
from tone_shootout.audio.nam import NamError, load

FILES = {path.stem: path.read_bytes() for path in sorted((REFERENCE / "models").glob("*.nam"))}
DOCUMENTS = {name: json.loads(data) for name, data in FILES.items()}
ODD: list[Any] = [
    0, 1, 2, 3, 4, 7, 16, 64, 255, 4096, 4097, 65536, 480_000, 2**24, 2**31, 2**63, 10**30, -1, 0.5, 4.0, 1e-320, 1e39,
    1e308, True, False, None, "", "Tanh", "PReLU", "gated", "blended", "none", "WaveNet", "LSTM", "0.5.0", "é\ud800",
    [], {}, [1, 2, 4], [3] * 20, ["gated"] * 4, {"active": True}, {"active": True, "groups": 2, "shift": False},
    {"type": "PReLU", "negative_slopes": [0.1, -2.0]}, {"out_channels": 2, "kernel_size": 3, "bias": True},
]  # fmt: skip
BYTES = [b"[", b"]", b"{", b"}", b",", b":", b'"', b"\\", b"\x00", b"\xff", b"1e999", b"NaN", b"null", b"\xef\xbb\xbf"]


def damaged_bytes(rng: random.Random) -> bytes:
    """Return a file with bytes cut, changed, put in or repeated."""
    data = bytearray(rng.choice(list(FILES.values())))
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(data) + 1) if rng.random() < 0.3 else rng.randrange(min(len(data), 1500) + 1)
        match rng.randrange(4):
            case 0:
                del data[at : at + rng.choice([1, 2, 10, len(data)])]
            case 1:
                data[at:at] = rng.choice(BYTES) * rng.choice([1, 1, 2, 1000, 100_000])
            case 2:
                data[at : at + 1] = bytes([rng.randrange(256)])
            case _:
                data[at:at] = data[at : at + rng.choice([1, 20, 2000])]
    return bytes(data)


def damaged_document(rng: random.Random) -> bytes:
    """Return a file with values removed, replaced by odd ones or by parts of another, often with fitting weights."""
    document = deepcopy(rng.choice(list(DOCUMENTS.values())))
    for _ in range(rng.randint(1, 4)):
        place: Any = document
        while True:
            key = rng.choice(list(place) if isinstance(place, dict) else range(len(place)))
            if not isinstance(place[key], (dict, list)) or not place[key] or (key == "weights") or rng.random() < 0.25:
                break
            place = place[key]
        match rng.randrange(5):
            case 0 if len(place) > 1:
                del place[key]
            case 1:
                place[key] = deepcopy(rng.choice(list(DOCUMENTS.values())))
            case 2 if isinstance(place, list):
                place.insert(0, deepcopy(place[key]))
            case _:
                place[key] = deepcopy(rng.choice(ODD))
        if not document:
            break
    if document.get("architecture") == "WaveNet" and rng.random() < 0.7:
        with suppress(NamError, KeyError, IndexError, TypeError):  # a config that asks for no countable weights
            refilled(document)
    return encoded(document)


@dataclass
class Outcome:
    """What a run has found."""

    tries: int = 0
    slowest_s: float = 0.0
    """Processor time of the slowest refusal."""
    counts: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    """Crashes and slow refusals, each with what it takes to have it again."""


def fuzz(minutes: float, seed: int) -> Outcome:
    """Load damaged captures, and play some of those that load, for some minutes."""
    outcome = Outcome()
    end = monotonic() + 60 * minutes
    while monotonic() < end:
        rng = random.Random(f"{seed}/{outcome.tries}")
        data = (damaged_bytes if outcome.tries % 2 else damaged_document)(rng)
        where = f"try {outcome.tries} of seed {seed}"
        start = process_time()
        try:
            capture = load(data)
        except NamError as error:
            took_s = process_time() - start
            outcome.counts[error.code] += 1
            outcome.slowest_s = max(outcome.slowest_s, took_s)
            if took_s > 1:
                outcome.findings.append(f"{where}: {took_s:.1f} s to refuse: {error}")
        except Exception:  # noqa: BLE001  # anything else is what this looks for
            outcome.counts["crash"] += 1
            outcome.findings.append(f"{where}:\n{traceback.format_exc()}")
        else:
            outcome.counts["loaded"] += 1
            if rng.random() < 0.2:
                try:
                    capture.start(size=rng.choice([None, 0.0, 0.5])).process(noise(64))
                except NamError as error:
                    outcome.counts[f"played: {error.code}"] += 1
                except Exception:  # noqa: BLE001  # the same
                    outcome.counts["crash while playing"] += 1
                    outcome.findings.append(f"{where}, playing:\n{traceback.format_exc()}")
                else:
                    outcome.counts["played"] += 1
        outcome.tries += 1
    return outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    outcome = fuzz(options.minutes, options.seed)
    print(*outcome.findings, sep="\n")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{outcome.tries} files, slowest refusal {outcome.slowest_s:.2f} s, largest memory {peak} MB")
    for name, count in outcome.counts.most_common():
        print(f"{count:8} {name}")


if __name__ == "__main__":
    main()
