"""Keep a few programs running, in order: start, watch, start again, stop."""

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
from tone_shootout.embedded.launch import Account, launched

FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 5.0
STABLE_S = 10.0
"""A program that ran this long before it ended is started again as if for the first time."""
ATTEMPTS = 3
"""Starts of a program that was never ready, after which the supervisor gives up."""
LOG_BYTES = 5_000_000
"""A log longer than this is set aside (`.1`), whether its program runs or not."""
_BUSY_TICK_S = 0.02
_CALM_TICK_S = 0.2
_TAIL_LINES = 3
_TAIL_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One program and how to treat it."""

    name: str
    """For people: events, errors."""
    command: Sequence[str]
    """Absolute path of the executable, then its arguments."""
    environ: Mapping[str, str]
    """Its whole environment."""
    folder: Path
    """Its working directory."""
    writes: Sequence[Path] = ()
    """Folders that it must be able to write to as `account`."""
    log: Path
    """Where its output goes."""
    needs: tuple[str, ...] = ()
    """Names of the programs that must be ready before it starts."""
    ready: Callable[[int], bool] | None = None
    """Whether the program with this process id can be used; without it, living for a second counts."""
    ready_within_s: float = 60.0
    """A start that takes longer counts as failed."""
    once: bool = False
    """It does its work and exits with 0, which makes it ready; another exit code ends everything."""
    account: Account | None = None
    """Whom to run it as; None: as ourselves."""
    stop_signals: Sequence[tuple[signal.Signals, float]] = ((signal.SIGTERM, 5.0),)
    """Signals to stop it by, each with the seconds it gets; after the last, its whole process group is killed."""
    orphan_signal: signal.Signals = signal.SIGKILL
    """What it gets when the supervisor itself is killed (Linux)."""
    echo: bool = False
    """Hand its output on."""


def restart_delay_s(failures: int) -> float:
    """Return the seconds to wait after so many failures in a row (1 or more): 0.1, doubled each time, 5 at most."""
    return float(min(FIRST_DELAY_S * 2 ** min(failures - 1, 10), LONGEST_DELAY_S))


class Supervisor:
    """Runs programs in a thread of its own until it is told to stop.

    Every child is started by that one thread, because the kernel signals a child when the thread that started it ends.

    Args:
        programs: in the order of their start; they are stopped in the opposite order.
        on_event: gets one line for each thing that happens.
        on_output: gets the output, line by line, of the programs that ask for it.
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
        # Waited for instead of the thread: in Python 3.11 a join() cut short by a signal takes the thread for ended.
        self._ended = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def start(self) -> None:
        """Start all programs and return when every one is ready.

        Raises:
            EmbeddedError: one that never became ready, with the end of its log; all others are stopped then.
        """
        self._thread.start()
        self._settled.wait()
        self._raise()

    def wait(self) -> None:
        """Block until the supervisor has been stopped (from another thread, or by an error, which is raised)."""
        self._ended.wait()
        self._raise()

    def stop(self) -> None:
        """Stop all programs, last one first, and return when none is left."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._ended.wait()

    def processes(self) -> dict[str, int]:
        """Return the process id of every program that runs now."""
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
                calm = all(child.ready for child in self._children)
                if calm:
                    self._settled.set()
                self._stopping.wait(_CALM_TICK_S if calm else _BUSY_TICK_S)
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits in `start` or `wait`
            self._error = error
        finally:
            for child in reversed(self._children):
                self._stop(child)
            self._settled.set()
            self._ended.set()

    def _stop(self, child: "_Child") -> None:
        try:
            child.stop()
        except Exception as error:  # noqa: BLE001 - whoever listens may fail, the others are stopped all the same
            self._error = self._error or error


class _Child:
    """A program and the process that it currently is; used by the supervisor's thread only."""

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
        """Start it, see that it has become ready, or that it has ended: whatever is next."""
        if self.process is None:
            finished = self.program.once and self.ready
            if not finished and time.monotonic() >= self._start_at and ready.issuperset(self.program.needs):
                try:
                    self._spawn()
                except OSError as error:  # no process, memory or disk space left: perhaps later
                    self._failed(f"can't be started ({error})")
            return
        code = self.process.poll()
        self._echo()
        with suppress(OSError):  # no room, or somebody has removed it
            self._shorten_log()
        if code is not None:
            self._ended(self.process, code)
        elif not self.ready:
            self._look_whether_ready(self.process)

    def stop(self) -> None:
        """End it by the signals it wants, then by force, and whatever it has started with it."""
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
        command = launched(
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

    def _look_whether_ready(self, process: subprocess.Popen[bytes]) -> None:
        program, lived_s = self.program, time.monotonic() - self._started_at
        if program.once:
            is_ready = False
        elif program.ready is None:
            is_ready = lived_s >= 1.0
        else:
            is_ready = program.ready(process.pid)
        if is_ready:
            self.ready = self._ever_ready = True
            self._on_event(f"{program.name} is {'running' if program.ready is None else 'ready'}")
        elif lived_s > program.ready_within_s:
            self._reap(process)
            self._failed(f"was not ready within {program.ready_within_s:g} s")

    def _ended(self, process: subprocess.Popen[bytes], code: int) -> None:
        self._reap(process)
        if self.program.once and code == 0:
            self.ready = True
            self._on_event(f"{self.program.name}: done")
        else:
            self._failed(f"ended ({_reason(code)})")

    def _failed(self, what: str) -> None:
        name, stable = self.program.name, self.ready and time.monotonic() - self._started_at >= STABLE_S
        self.ready = False
        self._failures = 1 if stable else self._failures + 1
        if self.program.once or (not self._ever_ready and self._failures >= ATTEMPTS):
            raise EmbeddedError(f"{name} {what}: {self._tail()} (log: {self.program.log})")
        self._start_at = time.monotonic() + restart_delay_s(self._failures)
        self._on_event(f"{name} {what}; starting it again")

    def _reap(self, process: subprocess.Popen[bytes]) -> None:
        """Kill what is left of its process group, so that nothing outlives it or meets its successor."""
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

    def _shorten_log(self) -> None:
        """Copy a long log aside and empty it: its program goes on with the same file, at whose end it always writes."""
        if os.fstat(self._log.fileno()).st_size > LOG_BYTES:
            shutil.copyfile(self.program.log, _aside(self.program.log))
            os.truncate(self.program.log, 0)
            self._log_start = self._echoed = 0

    def _tail(self) -> str:
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(self._log_start, size - _TAIL_BYTES))
        lines = [line.strip() for line in self._log.read().decode(errors="replace").splitlines()]
        return " / ".join([line for line in lines if line][-_TAIL_LINES:]) or "it said nothing"


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(_aside(log))


def _aside(log: Path) -> Path:
    return log.with_name(f"{log.name}.1")


def _reason(code: int) -> str:
    names = {each.value: each.name for each in signal.Signals}
    return f"exit code {code}" if code >= 0 else names.get(-code, f"signal {-code}")


def _silent(_line: str) -> None:
    """Tell nobody."""
