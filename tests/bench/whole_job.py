"""Whole shootouts and the start of commands, compared with an earlier commit in turn."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final, NamedTuple

import numpy as np

from tests.bench.engine import EARLIER
from tests.bench.shapes import SHAPES
from tests.support.shared import PROJECT
from tests.support.uv import find_uv
from tone_shootout.audio.files import write_wav

RATE: Final = 48_000
SECONDS: Final = 20
SEGMENTS: Final = 8
PROCESSES: Final = 2
SHORT_SECONDS: Final = 5
ROUNDS: Final = 5
STARTS: Final = 9
WORKER: Final = Path(__file__).with_name("whole_job_worker.py")
LEVELED: Final = Path(__file__).with_name("whole_job_render.py")


class Taken(NamedTuple):
    """Seconds of a command, and processor seconds of all of its processes."""

    wall: float
    processor: float


class Version(NamedTuple):
    """A commit of the project: its Python interpreter, with the packages of that commit, and the variables it needs."""

    python: str
    environ: Mapping[str, str]

    def run(self, *arguments: str | Path) -> Taken:
        """Run Python with these arguments and measure it."""
        environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environ |= self.environ
        measured = subprocess.run(
            [sys.executable, WORKER, self.python, *arguments], env=environ, capture_output=True, text=True, check=False
        )
        if measured.returncode:
            raise RuntimeError(measured.stderr)
        return Taken(*map(float, measured.stdout.split()))


def current(folder: Path) -> Version:
    """Return the present commit, with a folder for its compiled kernels."""
    return Version(sys.executable, {"PYTHONPATH": str(PROJECT / "src"), "SHOOTOUT_KERNELS": str(folder)})


def earlier(folder: Path) -> Version | None:
    """Write the earlier commit to a folder and install what it needs there; None if the repository does not have it."""
    archive = subprocess.run(["git", "-C", str(PROJECT), "archive", EARLIER], capture_output=True, check=False)
    if archive.returncode:
        return None
    folder.mkdir()
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    environ = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    environ |= {"UV_PROJECT_ENVIRONMENT": str(folder / ".venv"), "UV_PYTHON": sys.executable}
    command = [find_uv(), "sync", "--quiet", "--frozen", "--no-dev", "--compile-bytecode"]
    subprocess.run(command, cwd=folder, env=environ, check=True)
    return Version(str(folder / ".venv" / "bin" / "python"), {})


def whole_job_section() -> list[str]:
    """Measure shootouts and short commands of both commits in turn, and return lines of Markdown."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        spec = write_material(folder)
        versions = [current(folder / "kernels")]
        if (before := earlier(folder / "earlier")) is not None:
            versions.append(before)
        jobs = {
            name: _in_turn(versions, commands, ROUNDS, folder / "out") for name, commands in _jobs(folder, spec).items()
        }
        starts = {
            name: _in_turn(versions, commands, STARTS, folder / "out") for name, commands in _starts(folder).items()
        }
        begins = median(_begins_to_render(versions[0], folder) for _ in range(STARTS))
    complete = jobs["plots and video"][0]
    idle = median(PROCESSES * taken.wall - taken.processor for taken in complete)
    return [
        (
            f"A1 standard and a cab IR, {SEGMENTS} segments of {SECONDS} s, {PROCESSES} processes, `shootout render` "
            f"from its start to its end. Commit {EARLIER[:7]} in turn, medians of {ROUNDS} rounds after a first one. "
            "That commit makes no listening page."
        ),
        "",
        f"| | processor, ratio to {EARLIER[:7]} | time, ratio | processor | {EARLIER[:7]} | time | {EARLIER[:7]} |",
        "|---|---:|---:|---:|---:|---:|---:|",
        *(_row(name, taken, digits=1) for name, taken in jobs.items()),
        "",
        (
            "Aims with plots and video: 0.55 of the processor seconds, 0.6 of the time. Two cores were idle for "
            f"{idle:.1f} s in all, with the start and the end of the command. A script around the canonical C++ core "
            f"and FFmpeg took 0.82 of the time of {EARLIER[:7]} for leveled segments, measured once elsewhere; it is "
            "not part of this run."
        ),
        "",
        f"Commands, medians of {STARTS} rounds. `reamp` renders {SHORT_SECONDS} s, and `render` one segment of",
        f"{SHORT_SECONDS} s without video, plots and listening page. `render` begins to render after {begins:.2f} s.",
        "",
        f"| | processor, ratio to {EARLIER[:7]} | time, ratio | processor | {EARLIER[:7]} | time | {EARLIER[:7]} |",
        "|---|---:|---:|---:|---:|---:|---:|",
        *(_row(name, taken, digits=2) for name, taken in starts.items()),
    ]


def _row(name: str, taken: list[list[Taken]], *, digits: int) -> str:
    """Return a row for the present commit and, where there is one, the earlier."""
    now = Taken(median(each.wall for each in taken[0]), median(each.processor for each in taken[0]))
    if len(taken) == 1:
        return f"| {name} | | | {now.processor:.{digits}f} s | | {now.wall:.{digits}f} s | |"
    before = Taken(median(each.wall for each in taken[1]), median(each.processor for each in taken[1]))
    processor = median(new.processor / old.processor for new, old in zip(*taken, strict=True))
    wall = median(new.wall / old.wall for new, old in zip(*taken, strict=True))
    return (
        f"| {name} | {processor:.2f} | {wall:.2f} | {now.processor:.{digits}f} s | {before.processor:.{digits}f} s "
        f"| {now.wall:.{digits}f} s | {before.wall:.{digits}f} s |"
    )


def _jobs(folder: Path, spec: Path) -> dict[str, list[list[str | Path]]]:
    """Return the commands of each kind of shootout: of the present commit, and of the earlier if it can do it."""
    render: list[str | Path] = ["-m", "tone_shootout", "render", spec, "--out", folder / "out", f"--jobs={PROCESSES}"]
    leveled: list[str | Path] = [LEVELED, spec, folder / "out"]
    return {
        "plots and video": [[*render, "--no-page"], render],
        "leveled segments alone": [leveled, leveled],
        "plots, video and listening page": [render],
    }


def _starts(folder: Path) -> dict[str, list[list[str | Path]]]:
    """Return the short commands of the present and of the earlier commit."""
    program: list[str | Path] = ["-m", "tone_shootout"]
    reamp = [*program, "reamp", folder / "short.wav", folder / "amp-0.nam", folder / "reamped.wav"]
    render = [*program, "render", folder / "short.toml", "--out", folder / "out", "--jobs=1", "--no-video"]
    render.append("--no-plots")
    return {
        "`shootout --help`": [[*program, "--help"]] * 2,
        "`shootout reamp`": [reamp, reamp],
        "`shootout render`": [[*render, "--no-page"], render],
    }


def _begins_to_render(version: Version, folder: Path) -> float:
    """Return the seconds from the start of `shootout render` to its event that the rendering begins."""
    command = [
        version.python,
        "-m",
        "tone_shootout",
        "render",
        folder / "short.toml",
        "--out",
        folder / "out",
        "--json",
    ]
    started = perf_counter()
    with subprocess.Popen(command, env={**os.environ, **version.environ}, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        taken = next(perf_counter() - started for line in process.stdout if '"phase"' in line)
        process.communicate()
    return taken


def _in_turn(versions: list[Version], commands: list[list[str | Path]], rounds: int, out: Path) -> list[list[Taken]]:
    """Run a command of each version in turn; a first round writes byte code and kernels and is not measured."""
    contestants = list(zip(versions, commands, strict=False))
    taken: list[list[Taken]] = [[] for _ in contestants]
    for number in range(-1, rounds):
        for (version, command), times in zip(contestants, taken, strict=True):
            found = version.run(*command)
            shutil.rmtree(out, ignore_errors=True)
            if number >= 0:
                times.append(found)
    return taken


def write_material(folder: Path) -> Path:
    """Write DI tracks, captures, a cab IR and specs to a folder, and return the path of the long spec."""
    swell = 0.55 - 0.45 * np.cos(np.arange(SECONDS * RATE, dtype=np.float32) * np.float32(2 * np.pi / RATE))
    noise = (0.1 * np.random.default_rng(3).standard_normal(SECONDS * RATE).astype(np.float32) * swell).astype("f4")
    write_wav(folder / "di.wav", noise, RATE)
    write_wav(folder / "short.wav", noise[: SHORT_SECONDS * RATE], RATE)
    response = np.random.default_rng(10).standard_normal(4_096) * np.geomspace(1.0, 1e-4, 4_096)
    write_wav(folder / "cab.wav", (0.1 * response).astype(np.float32), RATE)
    for number in range(SEGMENTS):
        # The same weights, but not the same file: nothing is shared between them.
        (folder / f"amp-{number}.nam").write_bytes(SHAPES["A1 standard"]() + b" " * number)
    (folder / "short.toml").write_text(_spec("short.wav", 1))
    path = folder / "long.toml"
    path.write_text(_spec("di.wav", SEGMENTS))
    return path


def _spec(di: str, chains: int) -> str:
    lines = ["schema = 1", "[[di_tracks]]", 'name = "Noise"', f'file = "{di}"']
    for number in range(chains):
        lines += ["[[chains]]", f'name = "Amp {number}"']
        lines += ["[[chains.blocks]]", 'type = "capture"', f'file = "amp-{number}.nam"', 'gear = "amp"']
        lines += ["[[chains.blocks]]", 'type = "cab_ir"', 'file = "cab.wav"']
    return "\n".join(lines) + "\n"
