"""A whole job on the command line, side by side with an earlier commit: processor, wall and idle time, start-up."""

import ctypes
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final

import msgspec
import numpy as np

from tests.bench.shapes import SHAPES
from tone_shootout.audio.files import write_wav

EARLIER: Final = "6458644912677c2ac87548275d2fdbc6128a1660"
"""The commit that the figures are compared with, where the repository has it."""
RATE: Final = 48_000
SECONDS, SEGMENTS, REAMPED_S = 20, 8, 5
CORES: Final = 2
ROUNDS: Final = 3
_ROOT: Final = Path(__file__).resolve().parents[2]
_SET_CHILD_SUBREAPER: Final = 36


@dataclass(frozen=True)
class Taken:
    """Wall time and processor time of a command with all its descendants, seconds."""

    wall_s: float
    processor_s: float

    @property
    def idle_s(self) -> float:
        """Core-seconds in which one of two cores was idle."""
        return CORES * self.wall_s - self.processor_s


def whole_job_section() -> list[str]:
    """Measure commands of this commit and of an earlier one in turn."""
    with tempfile.TemporaryDirectory() as name, _earlier() as earlier:
        folder = Path(name)
        spec = _lay_out(folder)
        sources = {"now": _ROOT / "src"} | ({"before": earlier} if earlier else {})
        job = ["render", str(spec), "--jobs", str(CORES), "--out"]
        commands: dict[str, Callable[[str], list[str]]] = {
            "job": lambda label: [*job, str(folder / label)],
            "segments": lambda label: [*job, str(folder / f"{label} bare"), "--no-video", "--no-plots"],
            "reamp": lambda label: ["reamp", *(str(folder / file) for file in ("short.wav", "amp-0.nam", "y.wav"))],
            "help": lambda label: ["--help"],
        }
        taken = {(command, label): [] for command in commands for label in sources}  # type: dict[tuple[str, str], list[Taken]]
        for number in range(-1, ROUNDS):
            for command, arguments in commands.items():
                for label, source in sources.items():
                    found = _run(source, arguments(label))
                    if number >= 0:  # the first round compiles modules
                        taken[command, label].append(found)
    return _lines(taken, has_earlier="before" in sources)


def _lines(taken: dict[tuple[str, str], list[Taken]], *, has_earlier: bool) -> list[str]:
    rows: list[tuple[str, str, Callable[[Taken], float]]] = [
        (f"{SEGMENTS} segments with plots and video, processor", "job", lambda each: each.processor_s),
        ("the same, wall", "job", lambda each: each.wall_s),
        ("the same, idle core-seconds", "job", lambda each: each.idle_s),
        ("the same without plots and video, processor", "segments", lambda each: each.processor_s),
        ("the same without plots and video, wall", "segments", lambda each: each.wall_s),
        (f"`shootout reamp`, {REAMPED_S} s, wall", "reamp", lambda each: each.wall_s),
        ("`shootout --help`, wall", "help", lambda each: each.wall_s),
    ]
    lines = [
        f"A1 standard captures and a cab IR, {SEGMENTS} segments of {SECONDS} s, two processes, without a cache; each",
        f"command starts from nothing. Commit {EARLIER[:7]} in turn with this one, {ROUNDS} rounds, medians.",
        "",
        "| | ratio | now | before |",
        "|---|---:|---:|---:|",
    ]
    for name, command, value in rows:
        now = median(map(value, taken[command, "now"]))
        if has_earlier:
            before = median(map(value, taken[command, "before"]))
            lines.append(f"| {name} | {now / before:.2f} | {now:.2f} s | {before:.2f} s |")
        else:
            lines.append(f"| {name} | | {now:.2f} s | |")
    return lines


@contextmanager
def _earlier() -> Iterator[Path | None]:
    """Check out the earlier commit and give its sources; None where the repository does not have it."""
    with tempfile.TemporaryDirectory() as folder:
        git = ["git", "-C", str(_ROOT), "worktree"]
        added = subprocess.run([*git, "add", "--detach", f"{folder}/tree", EARLIER], check=False)
        try:
            yield None if added.returncode else Path(folder) / "tree" / "src"
        finally:
            if not added.returncode:
                subprocess.run([*git, "remove", "--force", f"{folder}/tree"], check=True)


def _lay_out(folder: Path) -> Path:
    """Write the sources of the shootout and its spec; return the spec."""
    noise = np.random.default_rng(3).standard_normal(SECONDS * RATE).astype(np.float32)
    swell = 0.55 - 0.45 * np.cos(np.arange(SECONDS * RATE, dtype=np.float32) * np.float32(2 * np.pi / RATE))
    write_wav(folder / "di.wav", 0.1 * noise * swell, RATE)
    write_wav(folder / "short.wav", 0.1 * noise[: REAMPED_S * RATE], RATE)
    response = np.random.default_rng(10).standard_normal(4_096) * np.geomspace(1.0, 1e-4, 4_096)
    write_wav(folder / "cab.wav", (0.1 * response).astype(np.float32), RATE)
    chains = []
    for n in range(SEGMENTS):
        # The same weights, but not the same file: nothing is shared between them.
        (folder / f"amp-{n}.nam").write_bytes(SHAPES["A1 standard"]() + b" " * n)
        blocks = [{"type": "capture", "file": f"amp-{n}.nam", "gear": "amp"}, {"type": "cab_ir", "file": "cab.wav"}]
        chains.append({"name": f"Amp {n}", "blocks": blocks})
    spec = folder / "spec.json"
    document = {"title": "Eight", "di_tracks": [{"name": "Noise", "file": "di.wav"}], "chains": chains}
    spec.write_bytes(msgspec.json.encode(document))
    return spec


def _run(source: Path, arguments: Sequence[str]) -> Taken:
    """Run a command of the sources in a folder, and wait for it and all its descendants."""
    # Orphans, such as the server that rendering processes are forked from, become children of this process.
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1)
    environ = {**os.environ, "PYTHONPATH": str(source)}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    started = perf_counter()
    command = [sys.executable, "-P", "-m", "tone_shootout", *arguments]
    process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL)
    processor = 0.0
    wall = 0.0
    while True:
        try:
            pid, status, used = os.wait4(-1, 0)
        except ChildProcessError:
            break
        processor += used.ru_utime + used.ru_stime
        if pid == process.pid:
            wall = perf_counter() - started
            process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{arguments} failed")
    return Taken(wall, processor)
