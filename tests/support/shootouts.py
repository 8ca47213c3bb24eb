"""Shootouts to carry out, and somebody to report to."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from tests.support.render_inputs import lay_out, plan_in
from tests.support.specs import blocks, spec
from tone_shootout.rendering.errors import Cancelled
from tone_shootout.rendering.executor.tasks import Measured
from tone_shootout.rendering.output.manifest import Manifest
from tone_shootout.rendering.produce import Phase, SegmentStatus, produce
from tone_shootout.rendering.spec.schema import Spec

TRACKS = [{"name": "Riff in E", "file": "riff.wav"}, {"name": "Arpeggio", "file": "arpeggio.wav"}]
CHAINS: list[dict[str, Any]] = [
    {"name": "A, cab A", "blocks": blocks("a.nam", "cab-a.wav")},
    {"name": "B, boosted", "trim_db": 1.5, "blocks": blocks("pedal.nam", "b.nam", "cab-b.wav")},
]


def two_by_two(**more: Any) -> Spec:
    """Two DI tracks of different loudness, rate and length through two chains."""
    return spec(*CHAINS, tracks=TRACKS, **{"title": "Two crunches", **more})


class Log:
    """Writes down what it is told, and asks for the end of it all when `stop_when` says so."""

    def __init__(self, stop_when: "Callable[[Log], bool]" = lambda _: False) -> None:
        self.phases: list[Phase] = []
        self.shares: list[tuple[float, float]] = []
        self.segments: list[tuple[int, SegmentStatus]] = []
        self.measured: dict[int, Measured | None] = {}
        self.files: list[str] = []
        self._stop_when = stop_when

    def phase(self, name: Phase) -> None:
        self.phases.append(name)

    def progress(self, done: float, total: float) -> None:
        self.shares.append((done, total))

    def segment(self, position: int, status: SegmentStatus, measured: Measured | None) -> None:
        self.segments.append((position, status))
        self.measured[position] = measured

    def file(self, name: str) -> None:
        self.files.append(name)

    def check(self) -> None:
        if self._stop_when(self):
            raise Cancelled


class Memory:
    """A store in a dictionary."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        return self.kept.get(key)

    def put(self, key: str, content: bytes) -> None:
        self.kept[key] = content


def carry_out(folder: Path, document: Spec, out: Path, **more: Any) -> Manifest:
    """Lay files out in `folder` where it is empty, plan the spec and carry it out.

    Without a video, plots and the listening page, unless they are asked for.
    """
    if not (folder / "riff.wav").exists():
        lay_out(folder)
    planned, paths = plan_in(folder, document)
    options: dict[str, Any] = {"processes": 2, "reporter": Log(), "video": False, "plots": False, "page": False, **more}
    return produce(planned, paths, out, **options)


def children() -> list[psutil.Process]:
    """Rendering processes that are alive: children of the server process that forks them."""
    servers = psutil.Process().children()
    return [process for server in servers if _is_fork_server(server) for process in server.children()]


def _is_fork_server(process: psutil.Process) -> bool:
    return any("multiprocessing.forkserver" in argument for argument in process.cmdline())
