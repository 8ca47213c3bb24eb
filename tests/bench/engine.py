"""How fast the tone engine runs on one core, beside what the core could do at all."""

from statistics import median
from time import process_time

import numpy as np

from tests.bench.shapes import SHAPES, TANH_PER_SAMPLE
from tone_shootout.audio.nam import Run, load

RATE = 48_000
SECONDS = 4
ROUNDS = 9


def engine_section() -> list[str]:
    """Measure every shape and the core's limits in turn, nine rounds of it, and return lines of Markdown.

    A shape's limit is the time of its multiplications at the core's peak, as NumPy reaches it on large square matrices,
    plus the time of its tanh, as NumPy takes it over an array that fits the cache. No recurrence can reach it.
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
        f"Its limits in this run: {2e-9 * median(products):.0f} GFLOP/s (SGEMM), {1e9 / median(tanhs):.2f} ns a tanh.",
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
    """Return seconds of audio rendered in a second."""
    start = process_time()
    run.process(x)
    return len(x) / RATE / (process_time() - start)


def products_per_second() -> float:
    """Return the multiply-adds a second of a product of two 1024×1024 matrices."""
    a = np.random.default_rng(3).standard_normal((1024, 1024), dtype=np.float32)
    out = a @ a
    start = process_time()
    np.matmul(a, a, out=out)
    np.matmul(a, a, out=out)
    return 2 * 1024**3 / (process_time() - start)


def tanhs_per_second() -> float:
    """Return the tanh a second over 16,384 numbers."""
    z = np.random.default_rng(4).standard_normal(16_384, dtype=np.float32)
    out = np.tanh(z)
    start = process_time()
    for _ in range(100):
        np.tanh(z, out=out)
    return 100 * z.size / (process_time() - start)
