"""Supervise a few programs: start in order, monitor, restart, stop in reverse order."""

import io
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tone_shootout.embedded.errors import EmbeddedError
from tone_shootout.embedded.launch import Account, launch_command
from tone_shootout.kit.backoff import Backoff

RESTARTS = Backoff(first_s=0.1, longest_s=5.0)
"""Delays before a program that failed is started again."""
STABLE_S = 10.0
"""Uptime after which the failure count, and with it the restart delay, starts over."""
ATTEMPTS = 3
"""Failed starts of a program that has never been ready before the supervisor gives up."""
LOG_BYTES = 5_000_000
"""Log size above which a log is rotated to `.1`, before its program starts or while it runs."""
_BUSY_TICK_S = 0.02
_IDLE_TICK_S = 0.2
_TAIL_LINES = 3
_TAIL_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One supervised program and how to run it."""

    name: str
    """Display name, used in events and errors."""
    command: Sequence[str]
    """Absolute path of the executable, then its arguments."""
    environ: Mapping[str, str]
    """Complete environment of the process."""
    folder: Path
    """Working directory."""
    writes: Sequence[Path] = ()
    """Folders that `account` must be able to write to."""
    log: Path
    """File that receives standard output and standard error."""
    needs: tuple[str, ...] = ()
    """Names of the programs that must be ready before it starts."""
    ready: Callable[[int], bool] | None = None
    """Readiness check, called with the process id; None: ready after one second of uptime."""
    ready_within_s: float = 60.0
    """Readiness timeout; a slower start counts as failed."""
    once: bool = False
    """One-shot program: exit code 0 makes it ready; any other exit code stops the supervisor with an error."""
    account: Account | None = None
    """User to run it as; None: the current user."""
    stop_signals: Sequence[tuple[signal.Signals, float]] = ((signal.SIGTERM, 5.0),)
    """Stop signals in order, each with its timeout in seconds; after the last, the process group is killed."""
    orphan_signal: signal.Signals = signal.SIGKILL
    """Signal that it receives when the supervisor itself is killed (Linux only)."""
    echo: bool = False
    """Forward its output, line by line, to `on_output`."""


class Supervisor:
    """Run programs in a dedicated thread until `stop` is called.

    The one thread starts every child, because the kernel signals a child when the thread that started it exits.

    Args:
        programs: programs in start order; they are stopped in reverse order.
        on_event: called with one line of text for each event (ready, ended, stopped).
        on_output: called with each output line of the programs whose `echo` is set.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        on_event: Callable[[str], None] | None = None,
        on_output: Callable[[str], None] | None = None,
    ) -> None:
        self._children = [_Child(program, on_event or _silent, on_output or _silent) for program in programs]
        self._stopping = threading.Event()
        self._settled = threading.Event()
        # Waited for instead of the thread: in Python 3.11 a join() interrupted by a signal marks the thread as stopped.
        self._ended = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def start(self) -> None:
        """Start all programs and return when every one is ready.

        Raises:
            EmbeddedError: a program never became ready. The message has the end of its log; all other programs are
                stopped.
        """
        self._thread.start()
        self._settled.wait()
        self._raise()

    def wait(self) -> None:
        """Block until the supervisor has stopped, by `stop` in another thread or by an error, which is raised."""
        self._ended.wait()
        self._raise()

    def stop(self) -> None:
        """Stop all programs in reverse order and return when none is left."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._ended.wait()

    def processes(self) -> dict[str, int]:
        """Return the process id of every running program by its name."""
        running = [(child.program.name, child.process) for child in self._children]
        return {name: process.pid for name, process in running if process is not None}

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                ready = {child.program.name for child in self._children if child.ready}
                for child in self._children:
                    child.step(ready)
                all_ready = all(child.ready for child in self._children)
                if all_ready:
                    self._settled.set()
                self._stopping.wait(_IDLE_TICK_S if all_ready else _BUSY_TICK_S)
        except BaseException as error:  # noqa: BLE001 - raised again by `start` and `wait`
            self._error = error
        finally:
            for child in reversed(self._children):
                self._stop(child)
            self._settled.set()
            self._ended.set()

    def _stop(self, child: "_Child") -> None:
        try:
            child.stop()
        except Exception as error:  # noqa: BLE001 - a callback may fail; the other children must still be stopped
            self._error = self._error or error


class _Child:
    """A program and its current process; used by the supervisor's thread only."""

    def __init__(self, program: Program, on_event: Callable[[str], None], on_output: Callable[[str], None]) -> None:
        self.program = program
        self.process: subprocess.Popen[bytes] | None = None
        self.ready = False
        self._on_event = on_event
        self._on_output = on_output
        self._ever_ready = False
        self._failures = 0
        self._started_at = 0.0
        self._start_at = 0.0
        self._log_start = 0
        self._echoed = 0
        self._log: BinaryIO = io.BytesIO()

    def step(self, ready: set[str]) -> None:
        """Advance by one step: start the process, detect readiness, or handle its exit."""
        if self.process is None:
            finished = self.program.once and self.ready
            if not finished and time.monotonic() >= self._start_at and ready.issuperset(self.program.needs):
                try:
                    self._spawn()
                except OSError as error:  # out of processes, memory or disk space, which may pass
                    self._handle_failure(f"can't be started ({error})")
            return
        code = self.process.poll()
        self._echo()
        with suppress(OSError):  # disk full, or the log has been removed
            self._rotate_open_log()
        if code is not None:
            self._handle_exit(self.process, code)
        elif not self.ready:
            self._check_ready(self.process)

    def stop(self) -> None:
        """Stop the process with its stop signals, then kill its process group."""
        with self._log:
            if self.process is None:
                return
            for signum, grace_s in self.program.stop_signals:
                self.process.send_signal(signum)
                with suppress(subprocess.TimeoutExpired):
                    self.process.wait(grace_s)
                    break
            self._reap(self.process)
            self._on_event(f"{self.program.name} stopped")

    def _spawn(self) -> None:
        program = self.program
        _rotate(program.log)
        command = launch_command(
            program.command, writes=program.writes, orphan_signal=program.orphan_signal, account=program.account
        )
        with program.log.open("ab") as log:
            self._log_start = self._echoed = log.tell()
            reader = program.log.open("rb")
            self._log.close()
            self._log = reader
            self.process = subprocess.Popen(  # noqa: S603 - our own commands
                command,
                cwd=program.folder,
                env=dict(program.environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._started_at = time.monotonic()

    def _check_ready(self, process: subprocess.Popen[bytes]) -> None:
        program, uptime_s = self.program, time.monotonic() - self._started_at
        if program.once:
            is_ready = False
        elif program.ready is None:
            is_ready = uptime_s >= 1.0
        else:
            is_ready = program.ready(process.pid)
        if is_ready:
            self.ready = self._ever_ready = True
            self._on_event(f"{program.name} is {'running' if program.ready is None else 'ready'}")
        elif uptime_s > program.ready_within_s:
            self._reap(process)
            self._handle_failure(f"was not ready within {program.ready_within_s:g} s")

    def _handle_exit(self, process: subprocess.Popen[bytes], code: int) -> None:
        self._reap(process)
        if self.program.once and code == 0:
            self.ready = True
            self._on_event(f"{self.program.name}: done")
        else:
            self._handle_failure(f"exited ({_exit_reason(code)})")

    def _handle_failure(self, what: str) -> None:
        name, stable = self.program.name, self.ready and time.monotonic() - self._started_at >= STABLE_S
        self.ready = False
        self._failures = 1 if stable else self._failures + 1
        if self.program.once or (not self._ever_ready and self._failures >= ATTEMPTS):
            raise EmbeddedError(f"{name} {what}: {self._log_tail()} (log: {self.program.log})")
        self._start_at = time.monotonic() + RESTARTS.delay_s(self._failures)
        self._on_event(f"{name} {what}; restarting")

    def _reap(self, process: subprocess.Popen[bytes]) -> None:
        """Kill the rest of the process group, so that no child outlives the program or runs beside its next process."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self.process = None
        self._echo()

    def _echo(self) -> None:
        if not self.program.echo:
            return
        self._log.seek(self._echoed)
        for line in self._log:
            if line.endswith(b"\n") or self.process is None:
                self._echoed += len(line)
                self._on_output(line.decode(errors="replace").rstrip("\r\n"))

    def _rotate_open_log(self) -> None:
        """Copy a log that is too long to `.1` and truncate it; the program goes on appending to the same file."""
        if os.fstat(self._log.fileno()).st_size > LOG_BYTES:
            shutil.copyfile(self.program.log, _rotated_path(self.program.log))
            os.truncate(self.program.log, 0)
            self._log_start = self._echoed = 0

    def _log_tail(self) -> str:
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(self._log_start, size - _TAIL_BYTES))
        lines = [line.strip() for line in self._log.read().decode(errors="replace").splitlines()]
        return " / ".join([line for line in lines if line][-_TAIL_LINES:]) or "no output"


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(_rotated_path(log))


def _rotated_path(log: Path) -> Path:
    return log.with_name(f"{log.name}.1")


def _exit_reason(code: int) -> str:
    names = {each.value: each.name for each in signal.Signals}
    return f"exit code {code}" if code >= 0 else names.get(-code, f"signal {-code}")


def _silent(_line: str) -> None:
    """Discard a line."""
