"""The supervisor, with small real programs."""

import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from tests.support.processes import Events, Script, all_exited, eventually, process_tree
from tone_shootout.embedded import supervisor as module
from tone_shootout.embedded.errors import EmbeddedError
from tone_shootout.embedded.supervisor import Program, Supervisor

WAITS = "import signal; signal.pause()"
IGNORES_SIGTERM = (
    "import signal, subprocess, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    f"subprocess.Popen([sys.executable, '-c', '{WAITS}']); print('started', flush=True); signal.pause()"
)
HAS_A_CHILD = f"import signal, subprocess, sys; subprocess.Popen([sys.executable, '-c', '{WAITS}']); signal.pause()"


def program(
    folder: Path,
    name: str,
    source: str,
    *,
    needs: tuple[str, ...] = (),
    once: bool = False,
    slow_ready: bool = False,
    echo: bool = False,
) -> Program:
    """Return a Python program that is ready at once, or, with `slow_ready`, after a second."""
    return Program(
        name=name,
        command=[sys.executable, "-c", source],
        environ=os.environ,
        folder=folder,
        log=folder / f"{name}.log",
        needs=needs,
        once=once,
        ready=None if slow_ready else lambda _pid: True,
        stop_signals=((signal.SIGTERM, 0.3),),
        echo=echo,
    )


def test_programs_start_after_their_dependencies_and_stop_in_reverse_order(tmp_path: Path) -> None:
    events = Events()
    supervisor = Supervisor(
        [
            program(tmp_path, "servers", WAITS),
            program(tmp_path, "migrations", "pass", needs=("servers",), once=True),
            program(tmp_path, "web", WAITS, needs=("servers", "migrations")),
        ],
        on_event=events,
    )
    supervisor.start()
    supervisor.stop()
    assert events.all() == ["servers is ready", "migrations: done", "web is ready", "web stopped", "servers stopped"]


def test_killed_program_is_restarted_and_its_orphaned_children_are_killed(tmp_path: Path) -> None:
    events = Events()
    supervisor = Supervisor([program(tmp_path, "worker", HAS_A_CHILD)], on_event=events)
    supervisor.start()
    try:
        first = supervisor.processes()["worker"]
        eventually(lambda: len(process_tree(first)) == 2)
        orphans = process_tree(first)
        events.until("worker is ready")
        os.kill(first, signal.SIGKILL)
        assert events.until("worker exited") == "worker exited (SIGKILL); restarting"
        events.until("worker is ready")
        eventually(lambda: all_exited(*orphans))
        assert supervisor.processes()["worker"] != first
    finally:
        supervisor.stop()


def test_program_that_is_never_ready_fails_the_start_with_the_end_of_its_log(tmp_path: Path) -> None:
    events = Events()
    bystander = program(tmp_path, "bystander", WAITS)
    broken = program(
        tmp_path, "broken", "import sys; print('first', flush=True); sys.exit('no such table: tones')", slow_ready=True
    )
    supervisor = Supervisor([bystander, broken], on_event=events)
    with pytest.raises(
        EmbeddedError, match=r"broken exited \(exit code 1\): .*no such table: tones \(log: .*broken.log\)"
    ):
        supervisor.start()
    received = events.all()
    assert received.count("broken exited (exit code 1); restarting") == module.ATTEMPTS - 1
    assert received[-1] == "bystander stopped"
    assert supervisor.processes() == {}


def test_failed_one_shot_program_is_not_retried(tmp_path: Path) -> None:
    failing = program(tmp_path, "migrations", "raise SystemExit(3)", once=True)
    with pytest.raises(EmbeddedError, match=r"migrations exited \(exit code 3\): no output"):
        Supervisor([failing, program(tmp_path, "web", WAITS, needs=("migrations",))]).start()
    assert not (tmp_path / "web.log").exists()


def test_program_that_ignores_sigterm_is_killed_with_its_children(tmp_path: Path) -> None:
    output = Events()
    supervisor = Supervisor([program(tmp_path, "worker", IGNORES_SIGTERM, echo=True)], on_output=output)
    supervisor.start()
    output.until("started")
    processes = process_tree(supervisor.processes()["worker"])
    supervisor.stop()
    assert len(processes) == 2
    eventually(lambda: all_exited(*processes))


def test_output_is_forwarded_line_by_line_and_written_to_the_log(tmp_path: Path) -> None:
    output = Events()
    supervisor = Supervisor(
        [program(tmp_path, "web", f"print('hello'); print('wörld', flush=True); {WAITS}", echo=True)],
        on_output=output,
    )
    supervisor.start()
    assert output.until("hello") == "hello"
    assert output.until("w") == "wörld"
    supervisor.stop()
    assert (tmp_path / "web.log").read_text() == "hello\nwörld\n"


def test_long_log_is_rotated_before_its_program_starts(tmp_path: Path) -> None:
    (tmp_path / "web.log").write_bytes(b"x" * (module.LOG_BYTES + 1))
    supervisor = Supervisor([program(tmp_path, "web", WAITS)])
    supervisor.start()
    supervisor.stop()
    assert (tmp_path / "web.log").stat().st_size == 0
    assert (tmp_path / "web.log.1").stat().st_size == module.LOG_BYTES + 1


def test_log_that_grows_too_long_is_rotated_while_its_program_runs(tmp_path: Path) -> None:
    lines = Events()
    source = (
        f"import os, signal, time; [print('x' * 999) for _ in range({module.LOG_BYTES // 1000 + 1})];"
        "print('long', flush=True)\n"
        "while os.fstat(1).st_size: time.sleep(0.01)\n"
        "print('goes on', flush=True); signal.pause()"
    )
    supervisor = Supervisor([program(tmp_path, "web", source, echo=True)], on_output=lines)
    supervisor.start()
    lines.until("goes on")
    supervisor.stop()
    assert (tmp_path / "web.log").read_text() == "goes on\n"
    assert (tmp_path / "web.log.1").read_text().endswith("long\n")


def test_programs_run_in_a_session_without_the_terminal(tmp_path: Path) -> None:
    supervisor = Supervisor([program(tmp_path, "web", WAITS)])
    supervisor.start()
    try:
        assert os.getsid(supervisor.processes()["web"]) not in (os.getsid(0), 0)
    finally:
        supervisor.stop()


def test_failing_event_callback_leaves_no_program_running(tmp_path: Path) -> None:
    def fail(_event: str) -> None:
        raise BrokenPipeError("the reader has closed the pipe")

    supervisor = Supervisor([program(tmp_path, "a", WAITS), program(tmp_path, "b", WAITS)], on_event=fail)
    with pytest.raises(BrokenPipeError):
        supervisor.start()
    assert supervisor.processes() == {}
    assert not [child for child in psutil.Process().children() if WAITS in child.cmdline()]


if sys.platform == "linux":
    # On other systems the programs of a killed supervisor keep running until the next start stops them.

    def test_programs_exit_when_their_supervisor_is_killed(tmp_path: Path) -> None:
        source = f"""
import os, signal, sys
from pathlib import Path
from tone_shootout.embedded.supervisor import Program, Supervisor

folder = Path(sys.argv[1])
program = Program(name="a", command=[sys.executable, "-c", {WAITS!r}], environ=os.environ, folder=folder,
                  log=folder / "a.log", ready=lambda pid: True)
supervisor = Supervisor([program])
supervisor.start()
print(supervisor.processes()["a"])
supervisor.wait()
"""
        with Script(source, tmp_path) as script:
            pid = int(script.line())
            assert not all_exited(pid)
            script.process.kill()
            eventually(lambda: all_exited(pid))
