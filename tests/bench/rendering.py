"""Speed and memory of a whole shootout on one and two cores, and the time of `--help`."""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

from tests.bench.shapes import SHAPES
from tone_shootout.audio.files import write_wav
from tone_shootout.rendering.engine.sources import probe
from tone_shootout.rendering.executor.reporter import Phase, SegmentStatus
from tone_shootout.rendering.executor.tasks import Measured
from tone_shootout.rendering.plan.planner import plan
from tone_shootout.rendering.produce import produce
from tone_shootout.rendering.spec.schema import CaptureBlock, Chain, DiTrack, Spec

RATE = 48_000
SECONDS = 20
SEGMENTS = 8
ROUNDS = 5
LONG_MINUTES = 10


class Silent:
    """Reporter without output."""

    def phase(self, name: Phase) -> None: ...
    def progress(self, done: float, total: float) -> None: ...
    def segment(self, position: int, status: SegmentStatus, measured: Measured | None) -> None: ...
    def file(self, name: str) -> None: ...
    def check(self) -> None: ...


def rendering_section() -> list[str]:
    """Measure a shootout of eight segments with one and two processes alternately, and two commands."""
    with tempfile.TemporaryDirectory() as folder:
        one, two = _in_turn(Path(folder))
        reamping = _peak_of_reamping(Path(folder))
    ratios = [first / second for first, second in zip(one, two, strict=True)]
    return [
        f"A1 standard, {SEGMENTS} leveled segments of {SECONDS} s as files, {ROUNDS} rounds, alternating.",
        "",
        "| | median |",
        "|---|---:|",
        f"| one process | {median(one):.1f} s |",
        f"| two processes | {median(two):.1f} s |",
        f"| speedup of two processes | {median(ratios):.2f} |",
        f"| peak memory of `shootout reamp` with a DI of {LONG_MINUTES} minutes | {reamping:.0f} MB |",
        f"| `shootout --help` | {median(_times_of_help()):.2f} s |",
    ]


def _in_turn(folder: Path) -> tuple[list[float], list[float]]:
    di, capture = folder / "di.wav", folder / "amp.nam"
    noise = np.random.default_rng(3).standard_normal(SECONDS * RATE).astype(np.float32)
    write_wav(di, 0.1 * noise, RATE)
    capture.write_bytes(SHAPES["A1 standard"]())
    chains = tuple(
        Chain(name=f"Gain {gain}", blocks=(CaptureBlock(file="amp", input_gain_db=float(gain), gear="amp_cab"),))
        for gain in range(SEGMENTS)
    )
    spec = Spec(di_tracks=(DiTrack(name="Noise", file="di"),), chains=chains)
    planned = plan(spec, {"di": probe(di, "di_track"), "amp": probe(capture, "capture")})
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(-1, ROUNDS):
        for processes, taken in enumerate(times, start=1):
            started = perf_counter()
            sources = {"di": di, "amp": capture}
            produce(planned, sources, folder / "out", processes=processes, reporter=Silent(), sound_only=True)
            if number >= 0:  # the first round starts the server that children are forked from
                taken.append(perf_counter() - started)
    return times


def _peak_of_reamping(folder: Path) -> float:
    """Return the peak memory in MB of a process that reamps ten minutes through an A1 standard capture."""
    di = folder / "long.wav"
    noise = np.random.default_rng(4).standard_normal(LONG_MINUTES * 60 * RATE).astype(np.float32)
    write_wav(di, 0.1 * noise, RATE)
    command = [sys.executable, "-m", "tone_shootout", "reamp", str(di), str(folder / "amp.nam"), str(folder / "y.wav")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return _megabytes(used)


def _megabytes(used: resource.struct_rusage) -> float:
    return used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def _times_of_help() -> list[float]:
    times = []
    for _ in range(ROUNDS):
        started = perf_counter()
        subprocess.run([sys.executable, "-m", "tone_shootout", "--help"], check=True, stdout=subprocess.DEVNULL)
        times.append(perf_counter() - started)
    return times
