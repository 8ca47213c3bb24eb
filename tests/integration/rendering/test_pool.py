"""Child processes: they run tasks, report errors, and end with their parent."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.support.render_inputs import RATE, lay_out, plan_in, plucks
from tests.support.shootouts import carry_out, children, two_by_two
from tests.support.specs import blocks, spec
from tone_shootout.audio.loudness import measure
from tone_shootout.rendering.errors import Cancelled, RenderError
from tone_shootout.rendering.executor.pool import Pool
from tone_shootout.rendering.executor.tasks import Measured, MeasureLoudness, Result
from tone_shootout.rendering.output.manifest import Manifest
from tone_shootout.rendering.plan.planner import PlannedSegment

PARENT = """
import sys
from pathlib import Path
from tests.support.shootouts import Log
from tests.support.render_inputs import plan_in
from tests.support.specs import blocks, spec
from tone_shootout.rendering.produce import produce

if __name__ == "__main__":
    class Loud(Log):
        def progress(self, done, total):
            if done:
                print("working", flush=True)

    planned, paths = plan_in(Path(sys.argv[1]), spec(blocks("a.nam", "cab-a.wav"), blocks("b.nam", "cab-a.wav")))
    produce(planned, paths, Path(sys.argv[2]), processes=2, reporter=Loud(), video=False)
"""

SERVER = """
import multiprocessing.forkserver
from pathlib import Path
from tone_shootout.rendering.executor.fork_server import start_server

start_server()
server = multiprocessing.forkserver._forkserver._forkserver_pid
print(Path(f"/proc/{server}/status").read_text())
"""

PROBES_FIRST = """
from tone_shootout.rendering.executor.fork_server import CONTEXT, preload, preload_rendering, start_server

preload_rendering()
preload("tone_shootout.shootouts.library.media_probe")
start_server()
names = {"tone_shootout.rendering.executor.handlers", "tone_shootout.shootouts.library.media_probe"}
child = CONTEXT.Process(target=exec, args=(f"import sys; print({names} <= sys.modules.keys(), flush=True)",))
child.start()
child.join()
"""

IMPATIENT = """
import sys
from pathlib import Path
from tests.support.render_inputs import plan_in
from tests.support.specs import blocks, spec
from tone_shootout.rendering.errors import Cancelled
from tone_shootout.rendering.executor.pool import Pool
from tone_shootout.rendering.executor.tasks import MeasureLoudness

asked = 0

def check():
    global asked
    asked += 1
    if asked == 2:
        raise Cancelled

if __name__ == "__main__":
    segment = plan_in(Path(sys.argv[1]), spec(blocks("a.nam", "cab-a.wav")))[0].segments[0]
    with Pool(1) as pool:
        try:
            list(pool.run([MeasureLoudness(segment=segment, raw="")], check=check, progress=lambda *_: None))
        except Cancelled:
            print("cancelled with", len(pool._children))
"""

DRAWING = """
import sys
from pathlib import Path
import numpy as np
import psutil
from tone_shootout.rendering.executor.fork_server import preload_rendering
from tone_shootout.rendering.executor.pool import Pool
from tone_shootout.rendering.executor.tasks import DrawPlot
from tone_shootout.rendering.output.plots import DifferencePlot, WaveformPlot

def has_matplotlib(child):
    return any("ft2font" in mapped.path for mapped in psutil.Process(child._process.pid).memory_maps())

if __name__ == "__main__":
    folder = sys.argv[1]
    if sys.argv[2] == "preloaded":
        preload_rendering(plots=True)
    np.save(f"{folder}/envelope.npy", np.array([[-0.5] * 9, [0.5] * 9], dtype=np.float32))
    wave = WaveformPlot(name="a", chain_index=0, envelope=f"{folder}/envelope.npy", seconds=1.0, full_scale=1.0)
    figure = DifferencePlot(di_track="a", chains=("a", "b"), matrix=((0.0, 1.0), (1.0, 0.0)))
    plots = [figure, *[wave] * 9, figure, figure]
    tasks = [DrawPlot(plot=plot, stem=f"{folder}/plot-{number}") for number, plot in enumerate(plots)]
    with Pool(2) as pool:
        done = sorted(index for index, _ in pool.run(tasks, check=lambda: None, progress=lambda *_: None))
        drawn = len(list(Path(folder).glob("plot-*.png")))
        print(done == list(range(12)), drawn, *sorted(map(has_matplotlib, pool._children)))
"""


@pytest.fixture
def segment(tmp_path: Path) -> PlannedSegment:
    lay_out(tmp_path)
    return plan_in(tmp_path, spec(blocks("a.nam", "cab-a.wav")))[0].segments[0]


def _measure(segment: PlannedSegment, path: Path, samples: np.ndarray) -> MeasureLoudness:
    np.save(path, samples)
    return MeasureLoudness(segment=segment, raw=str(path))


def _run(pool: Pool, tasks: list[MeasureLoudness]) -> dict[int, Result]:
    return dict(pool.run(tasks, check=lambda: None, progress=lambda index, share: None))


def test_every_task_runs_once_in_at_most_the_given_number_of_children(tmp_path: Path, segment: PlannedSegment) -> None:
    sounds = [plucks(0.5, seed=seed) for seed in range(5)]
    tasks = [_measure(segment, tmp_path / f"{n}.npy", sound) for n, sound in enumerate(sounds)]
    with Pool(2) as pool:
        results = _run(pool, tasks)
        assert len(children()) == 2
        assert _run(pool, tasks[:1]) == {0: results[0]}
    assert children() == []
    for index, sound in enumerate(sounds):
        result = results[index]
        assert isinstance(result, Measured)
        assert result.integrated_lufs == measure(sound, RATE).integrated_lufs


def test_the_most_urgent_task_runs_first(tmp_path: Path, segment: PlannedSegment) -> None:
    tasks = [_measure(segment, tmp_path / f"{n}.npy", plucks(0.5)) for n in range(4)]
    urgency = [0.0, 2.0, 1.0, 2.0]
    with Pool(1) as pool:
        run = pool.run(tasks, check=lambda: None, progress=lambda *_: None, urgency=lambda index: urgency[index])
        assert [index for index, _ in run] == [1, 3, 2, 0]


@pytest.mark.skipif(sys.platform != "linux", reason="the libraries of a process are read from /proc")
@pytest.mark.parametrize(("server", "found"), [("small", "False True"), ("preloaded", "True True")])
def test_one_child_imports_matplotlib_and_draws_all_figures_unless_the_server_has_it(
    tmp_path: Path, server: str, found: str
) -> None:
    """Waveforms are drawn by both, because they need no matplotlib."""
    command = [sys.executable, "-c", DRAWING, str(tmp_path), server]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"True 12 {found}"


def test_a_pool_needs_a_process() -> None:
    with pytest.raises(ValueError, match="at least one process"):
        Pool(0)


def test_a_missing_file_is_an_error_without_its_path(tmp_path: Path, segment: PlannedSegment) -> None:
    gone = MeasureLoudness(segment=segment, raw=str(tmp_path / "gone.npy"))
    with Pool(1) as pool, pytest.raises(RenderError) as caught:
        _run(pool, [gone])
    assert caught.value.code == "storage"
    assert str(tmp_path) not in caught.value.detail


def test_a_crash_has_its_traceback(tmp_path: Path, segment: PlannedSegment) -> None:
    (tmp_path / "broken.npy").write_bytes(b"this is no array")
    with Pool(1) as pool, pytest.raises(RuntimeError, match=r"Traceback(?s:.*)ValueError"):
        _run(pool, [MeasureLoudness(segment=segment, raw=str(tmp_path / "broken.npy"))])


def test_an_abandoned_run_leaves_no_children(tmp_path: Path, segment: PlannedSegment) -> None:
    tasks = [_measure(segment, tmp_path / f"{n}.npy", plucks(0.5)) for n in range(4)]

    def check() -> None:
        if children():
            raise Cancelled

    with Pool(2) as pool, pytest.raises(Cancelled):
        list(pool.run(tasks, check=check, progress=lambda index, share: None))
    assert children() == []


def test_cancellation_does_not_wait_for_the_first_child(tmp_path: Path, segment: PlannedSegment) -> None:
    command = [sys.executable, "-c", IMPATIENT, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (ended.stdout, ended.stderr) == ("cancelled with 0\n", "")


def test_children_end_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    lay_out(tmp_path)
    (tmp_path / "long.py").write_text(PARENT)
    from tone_shootout.audio.files import write_wav

    write_wav(tmp_path / "riff.wav", np.tile(plucks(4.0), 15), RATE)
    root = str(Path(__file__).parents[3])
    command = [sys.executable, str(tmp_path / "long.py"), str(tmp_path), str(tmp_path / "out")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": root}) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"working\n"
        family = psutil.Process(parent.pid).children(recursive=True)
        assert len(family) >= 3
        parent.send_signal(signal.SIGKILL)
        assert psutil.wait_procs(family, timeout=30)[1] == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells which signals a process has blocked")
def test_ctrl_c_does_not_reach_the_fork_server_even_during_its_start() -> None:
    reported = subprocess.run([sys.executable, "-c", SERVER], capture_output=True, text=True, check=True).stdout
    blocked = next(int(line.split()[1], 16) for line in reported.splitlines() if line.startswith("SigBlk:"))
    assert blocked & 1 << (signal.SIGINT - 1)


def test_children_have_all_imports_also_if_another_part_started_the_server() -> None:
    done = subprocess.run([sys.executable, "-c", PROBES_FIRST], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_a_shootout_can_be_rendered_in_a_thread(tmp_path: Path) -> None:
    made: list[Manifest] = []
    lay_out(tmp_path)
    thread = threading.Thread(target=lambda: made.append(carry_out(tmp_path, two_by_two(), tmp_path / "out")))
    thread.start()
    thread.join()
    assert len(made[0].segments) == 4
    assert children() == []
