"""Speed of the tone engine on one core, compared with the limits of the core."""

from statistics import median
from time import process_time

import numpy as np

from tests.bench.shapes import SHAPES, TANH_PER_SAMPLE
from tone_shootout.audio.nam import Run, load

RATE = 48_000
SECONDS = 4
ROUNDS = 9


def engine_section() -> list[str]:
    """Measure every shape and the limits of the core alternately, in nine rounds, and return lines of Markdown.

    The limit of a shape is the time of its multiplications at the speed of NumPy on large square matrices, plus the
    time of its tanh at the speed of NumPy on an array in the cache. Recurrent networks can't reach it.
    """
    captures = {name: load(make()) for name, make in SHAPES.items()}
    runs = {name: capture.start() for name, capture in captures.items()}
    x = (0.1 * np.random.default_rng(2).standard_normal(SECONDS * RATE)).astype(np.float32)
    products: list[float] = []
    tanhs: list[float] = []
    speeds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        products.append(products_per_second())
        tanhs.append(tanhs_per_second())
        for name, run in runs.items():
            speeds[name].append(times_real_time(run, x))

    lines = [
        "One core, in processor time, 48 kHz, medians of nine rounds, seeded random weights.",
        "",
        f"Limits of the core: {2e-9 * median(products):.0f} GFLOP/s (SGEMM), {1e9 / median(tanhs):.2f} ns per tanh.",
        "",
        "| shape | parameters | times real time | limit | share |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, capture in captures.items():
        speed, limit, share = median(speeds[name]), "", ""
        if capture.architecture == "WaveNet":
            seconds = capture.model.stats.products / median(products)
            seconds += TANH_PER_SAMPLE.get(name, 0) / median(tanhs)
            limit, share = f"{1 / (RATE * seconds):.0f}", f"{speed * RATE * seconds:.0%}"
        lines.append(f"| {name} | {capture.parameters} | {speed:.1f} | {limit} | {share} |")
    return lines


def times_real_time(run: Run, x: np.ndarray) -> float:
    """Return the seconds of audio rendered per second."""
    start = process_time()
    run.process(x)
    return len(x) / RATE / (process_time() - start)


def products_per_second() -> float:
    """Return the multiply-adds per second of a product of two 1024×1024 matrices."""
    a = np.random.default_rng(3).standard_normal((1024, 1024), dtype=np.float32)
    out = a @ a
    start = process_time()
    np.matmul(a, a, out=out)
    np.matmul(a, a, out=out)
    return 2 * 1024**3 / (process_time() - start)


def tanhs_per_second() -> float:
    """Return the tanh operations per second over 16,384 numbers."""
    z = np.random.default_rng(4).standard_normal(16_384, dtype=np.float32)
    out = np.tanh(z)
    start = process_time()
    for _ in range(100):
        np.tanh(z, out=out)
    return 100 * z.size / (process_time() - start)
