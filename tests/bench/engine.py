"""Speed of the tone engine on one core, compared with an earlier commit and with the limits of the core."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from time import process_time
from types import TracebackType
from typing import Final, Self

import numpy as np

from tests.bench.shapes import SHAPES, TANH_PER_SAMPLE
from tests.support.shared import PROJECT
from tests.support.uv import find_uv
from tone_shootout.audio.nam import load

RATE: Final = 48_000
ROUNDS: Final = 9
EARLIER: Final = "6458644912677c2ac87548275d2fdbc6128a1660"
"""The commit that ran captures in NumPy and ONNX Runtime, where the repository has it."""
AIMS: Final = {
    "A1 standard": 1.6,
    "A1 nano": 1.6,
    "A2 full": 2.1,
    "A2 lite": 1.9,
    "LSTM 1×16": 2.8,
    "LSTM 2×16": 2.6,
}
"""Smallest ratios to the earlier commit that the project aims at."""


class Contestant:
    """A process that runs one version of the engine."""

    def __init__(self, command: list[str], environ: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [*command, str(Path(__file__).with_name("engine_worker.py"))],
            env={**os.environ, **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._known: set[Path] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.communicate()

    def start(self, capture: Path) -> float:
        """Start a run and return the processor time that it took, seconds."""
        self._known.add(capture)
        taken = self._next(capture)
        self._line()
        return taken

    def speed(self, capture: Path) -> float:
        """Return the seconds of audio rendered per second of processor time."""
        if capture not in self._known:
            self.start(capture)
        return self._next(capture)

    def _next(self, capture: Path) -> float:
        assert self._process.stdin
        self._process.stdin.write(f"{capture}\n")
        self._process.stdin.flush()
        return self._line()

    def _line(self) -> float:
        assert self._process.stdout
        return float(self._process.stdout.readline())


def current(folder: Path) -> Contestant:
    """Start the engine of this commit, with a folder for its compiled kernels."""
    return Contestant([sys.executable], {"PYTHONPATH": str(PROJECT / "src"), "SHOOTOUT_KERNELS": str(folder)})


@contextmanager
def earlier(folder: Path) -> Generator[Contestant | None, None, None]:
    """Start the engine of the earlier commit; None if the repository does not have it."""
    archive = subprocess.run(["git", "-C", str(PROJECT), "archive", EARLIER, "src"], capture_output=True, check=False)
    if archive.returncode:
        yield None
        return
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    libraries = [f"--with={name}" for name in (f"numpy=={np.__version__}", "onnxruntime", "msgspec", "threadpoolctl")]
    command = [find_uv(), "run", "--quiet", "--no-project", f"--python={sys.executable}", *libraries, "python"]
    with Contestant(command, {"PYTHONPATH": str(folder / "src")}) as contestant:
        yield contestant


def engine_section() -> list[str]:
    """Measure every shape with both engines in turn, and the limits of the core, and return lines of Markdown.

    The limit of a shape is the time of its multiplications at the speed of NumPy on large square matrices, plus the
    time of its tanh at the speed of NumPy on an array in the cache. Recurrent networks can't reach it.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        captures = {name: folder / f"{number}.nam" for number, name in enumerate(SHAPES)}
        for name, path in captures.items():
            path.write_bytes(SHAPES[name]())
        starts = _starts(folder, captures["A1 standard"])
        return [*_speeds(folder, captures), "", *starts]


def _speeds(folder: Path, captures: Mapping[str, Path]) -> list[str]:
    products: list[float] = []
    tanhs: list[float] = []
    now: dict[str, list[float]] = {name: [] for name in captures}
    before: dict[str, list[float]] = {name: [] for name in captures}
    with ExitStack() as stack:
        new, old = stack.enter_context(current(folder / "kernels")), stack.enter_context(earlier(folder))
        for _ in range(ROUNDS):
            products.append(products_per_second())
            tanhs.append(tanhs_per_second())
            for name, path in captures.items():
                now[name].append(new.speed(path))
                if old:
                    before[name].append(old.speed(path))
    lines = [
        (
            f"One core, in processor time, 48 kHz, medians of {ROUNDS} rounds, seeded random weights. "
            f"Commit {EARLIER[:7]} ran NumPy and ONNX Runtime; both engines in turn, 4 s of noise each."
        ),
        "",
        f"Limits of the core: {2e-9 * median(products):.0f} GFLOP/s (SGEMM), {1e9 / median(tanhs):.2f} ns per tanh.",
        "",
        f"| shape | ratio to {EARLIER[:7]} | aim | times real time | {EARLIER[:7]} | limit | share |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, path in captures.items():
        capture = load(path.read_bytes())
        speed, limit, share = median(now[name]), "", ""
        if capture.architecture == "WaveNet":
            seconds = capture.model.stats.products / median(products)
            seconds += TANH_PER_SAMPLE.get(name, 0) / median(tanhs)
            limit, share = f"{1 / (RATE * seconds):.0f}", f"{speed * RATE * seconds:.0%}"
        ratios = [new / old for new, old in zip(now[name], before[name], strict=False)]
        ratio = f"{median(ratios):.2f}" if ratios else ""
        old_speed = f"{median(before[name]):.1f}" if ratios else ""
        lines.append(f"| {name} | {ratio} | {AIMS.get(name, '')} | {speed:.1f} | {old_speed} | {limit} | {share} |")
    return lines


def _starts(folder: Path, capture: Path) -> list[str]:
    """Measure the first run of a process, without and with compiled kernels on disk."""
    compiling: list[float] = []
    loading: list[float] = []
    for number in range(5):
        for times in (compiling, loading):
            with current(folder / f"kernels{number}") as contestant:
                times.append(contestant.start(capture))
    return [
        (
            f"The first A1 standard capture of a process, from the import of LLVM to the end of its prewarm: "
            f"{median(compiling):.2f} s when it is compiled, {median(loading):.2f} s when it is loaded from disk."
        )
    ]


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
