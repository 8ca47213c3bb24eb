"""A process that measures one version of the tone engine: for each capture file named on its input, times real time.

It imports nothing but the engine's public interface, so that it also runs an earlier commit.
"""

import sys
from pathlib import Path
from time import process_time

import numpy as np

from tone_shootout.audio.nam import Run, load

RATE, SECONDS = 48_000, 4


def main() -> None:
    x = (0.1 * np.random.default_rng(2).standard_normal(SECONDS * RATE)).astype(np.float32)
    runs: dict[str, Run] = {}
    for line in sys.stdin:
        path = line.strip()
        if path not in runs:
            capture = load(Path(path).read_bytes())
            started = process_time()
            runs[path] = capture.start()
            print(process_time() - started, flush=True)
        started = process_time()
        runs[path].process(x)
        print(SECONDS / (process_time() - started), flush=True)


if __name__ == "__main__":
    main()
