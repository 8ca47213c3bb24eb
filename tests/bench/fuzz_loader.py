"""Throw damaged captures at the loader for a while: `python -m tests.bench.fuzz_loader --minutes 10`.

Reports whatever is no NamError, whatever takes more than a second to refuse, and the largest memory seen. Not part of
the suite, which has property tests of the same kind.
"""

import argparse
import json
import random
import resource
import traceback
from collections import Counter
from contextlib import suppress
from copy import deepcopy
from time import monotonic, process_time
from typing import Any

from tests.unit.audio.nam.documents import REFERENCE, encoded, noise, refilled
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
            if not isinstance(place[key], dict | list) or not place[key] or (key == "weights") or rng.random() < 0.25:
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    outcomes: Counter[str] = Counter()
    slowest, tries, end = 0.0, 0, monotonic() + 60 * options.minutes
    while monotonic() < end:
        rng = random.Random(f"{options.seed}/{tries}")
        data = (damaged_bytes if tries % 2 else damaged_document)(rng)
        start = process_time()
        try:
            capture = load(data)
        except NamError as error:
            outcomes[error.code] += 1
            slowest = max(slowest, process_time() - start)
            if process_time() - start > 1:
                print(f"try {tries}: {process_time() - start:.1f} s to refuse: {error}")
        except Exception:  # noqa: BLE001  # anything else is what this looks for
            outcomes["crash"] += 1
            print(f"try {tries} of seed {options.seed}:\n{traceback.format_exc()}")
        else:
            outcomes["loaded"] += 1
            if rng.random() < 0.2:
                try:
                    capture.start(size=rng.choice([None, 0.0, 0.5])).process(noise(64))
                except NamError as error:
                    outcomes[f"played: {error.code}"] += 1
                except Exception:  # noqa: BLE001  # the same
                    outcomes["crash while playing"] += 1
                    print(f"try {tries} of seed {options.seed}, playing:\n{traceback.format_exc()}")
                else:
                    outcomes["played"] += 1
        tries += 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{tries} files, slowest refusal {slowest:.2f} s, largest memory {peak} MB")
    for outcome, count in outcomes.most_common():
        print(f"{count:8} {outcome}")


if __name__ == "__main__":
    main()
