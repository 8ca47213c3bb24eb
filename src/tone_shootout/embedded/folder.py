"""The data folder of one machine: one supervisor at a time, private sockets, nothing left over from a killed one."""

import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

import psutil

from tone_shootout.embedded.errors import EmbeddedError, InUseError

MARK = "SHOOTOUT_SUPERVISED"
"""Environment variable of every supervised program but PostgreSQL: the data folder that it belongs to."""
SOCKET_PATH_BYTES = 103
"""Longest path of a unix socket (macOS; Linux allows four more)."""
_LONGEST_SOCKET = "postgres/.s.PGSQL.5432"
_GRACE_S = 5.0


class DataFolder:
    """A data folder, from `hold` to `release` for this process alone.

    Attributes:
        path: the folder, absolute.
        sockets: short private folder for its unix sockets, whose path is limited to about 100 bytes. It lies in the
            system's folder for temporary files and not in the one of the login session, which goes when the user
            logs out.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self._identity = str(self.path.resolve())
        self.sockets = _socket_folder(self._identity)
        self._lock: int | None = None

    @property
    def mark(self) -> dict[str, str]:
        """What the environment of a supervised program carries, to be found again by."""
        return {MARK: self._identity}

    def log(self, name: str) -> Path:
        """Return the log file of the program `name`."""
        return self.path / "logs" / f"{name}.log"

    def hold(self) -> None:
        """Make the folder, take it, and stop what a killed supervisor has left running on it.

        Raises:
            InUseError: another process holds it.
            OSError: it can't be used.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._take()
        self.log("").parent.mkdir(mode=0o700, exist_ok=True)
        _stop_leftovers(self._identity)
        self._make_sockets()

    def join(self) -> None:
        """Learn from the process that holds the folder where its sockets are."""
        lines = (self.path / "lock").read_text().splitlines()
        if len(lines) > 1:
            self.sockets = Path(lines[1])

    def release(self) -> None:
        """Let the next one in."""
        if self._lock is not None:
            shutil.rmtree(self.sockets, ignore_errors=True)
            os.close(self._lock)
            self._lock = None

    def _take(self) -> None:
        # The lock belongs to the open file, which no child inherits: it goes when this process goes, however it does.
        lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock, 20, 0).decode(errors="replace").partition("\n")[0] or "unknown"
            os.close(lock)
            raise InUseError(
                f"the data folder {self.path} is in use by process {holder}: stop that one, or name another folder"
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, os.fsencode(f"{os.getpid()}\n{self.sockets}\n"), 0)
        self._lock = lock

    def _make_sockets(self) -> None:
        with suppress(FileExistsError):
            self.sockets.mkdir(mode=0o700)
        found = self.sockets.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise EmbeddedError(
                f"{self.sockets} belongs to somebody else: remove it, or set TMPDIR to a private folder"
            )
        # As root, another user's PostgreSQL passes through it to a folder of its own; nobody can list it.
        self.sockets.chmod(0o711 if os.geteuid() == 0 else 0o700)


def _socket_folder(identity: str) -> Path:
    digest = hashlib.sha256(f"{os.geteuid()}:{identity}".encode(errors="surrogateescape")).hexdigest()[:12]
    folder = Path(tempfile.gettempdir(), f"shootout-{digest}")
    if len(os.fsencode(folder / _LONGEST_SOCKET)) <= SOCKET_PATH_BYTES:
        return folder
    return Path("/tmp", folder.name)  # noqa: S108 - made private, and refused when it isn't ours


def _stop_leftovers(identity: str) -> None:
    """Stop the supervised programs of this folder, and all they have started, that outlived their supervisor."""
    found = [process for process in psutil.process_iter() if _carries_mark(process, identity)]
    for process in found:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, stubborn = psutil.wait_procs(found, timeout=_GRACE_S)
    for process in stubborn:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=_GRACE_S)


def _carries_mark(process: psutil.Process, identity: str) -> bool:
    try:
        return process.pid != os.getpid() and process.environ().get(MARK) == identity
    except (psutil.Error, OSError):  # gone meanwhile, or somebody else's
        return False
