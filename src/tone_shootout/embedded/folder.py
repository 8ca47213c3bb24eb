"""The data folder: a lock for one supervisor at a time, private sockets, cleanup after a killed supervisor."""

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

MARKER = "SHOOTOUT_SUPERVISED"
"""Environment variable that names the data folder of a supervised program; set for all of them except PostgreSQL."""
SOCKET_PATH_BYTES = 103
"""Maximum length of a unix socket's path (macOS; Linux allows four more)."""
_LONGEST_SOCKET = "postgres/.s.PGSQL.5432"
_GRACE_S = 5.0


class DataFolder:
    """A data folder, locked for this process from `acquire` to `release`.

    Attributes:
        path: absolute path of the folder.
        sockets: short private folder for unix sockets, whose paths are limited to about 100 bytes. It lies in the
            system's temporary folder and not in the login session's, which is removed when the user logs out.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self._identity = str(self.path.resolve())
        self.sockets = _socket_folder(self._identity)
        self._lock: int | None = None

    @property
    def marker(self) -> dict[str, str]:
        """Environment variable that identifies the supervised programs of this folder."""
        return {MARKER: self._identity}

    def log(self, name: str) -> Path:
        """Return the log file of the program `name`."""
        return self.path / "logs" / f"{name}.log"

    def acquire(self) -> None:
        """Create and lock the folder, and stop programs that a killed supervisor left running on it.

        Raises:
            InUseError: another process has locked it.
            OSError: the folder can't be created or written.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock_folder()
        self.log("").parent.mkdir(mode=0o700, exist_ok=True)
        _stop_leftovers(self._identity)
        self._make_sockets()

    def attach(self) -> None:
        """Read the socket folder of the process that has locked the data folder."""
        lines = (self.path / "lock").read_text("utf-8").splitlines()
        if len(lines) > 1:
            self.sockets = Path(lines[1])

    def release(self) -> None:
        """Unlock the folder and remove its sockets."""
        if self._lock is not None:
            shutil.rmtree(self.sockets, ignore_errors=True)
            os.close(self._lock)
            self._lock = None

    def _lock_folder(self) -> None:
        # The lock belongs to the open file, which no child inherits: the kernel drops it however this process ends.
        lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock, 20, 0).decode(errors="replace").partition("\n")[0] or "unknown"
            os.close(lock)
            raise InUseError(
                f"the data folder {self.path} is in use by process {holder}: stop it or use another folder"
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, os.fsencode(f"{os.getpid()}\n{self.sockets}\n"), 0)
        self._lock = lock

    def _make_sockets(self) -> None:
        with suppress(FileExistsError):
            self.sockets.mkdir(mode=0o700)
        found = self.sockets.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise EmbeddedError(f"{self.sockets} belongs to another user: remove it, or set TMPDIR to a private folder")
        # As root, PostgreSQL runs as another user and must traverse this folder to reach its own; it can't list it.
        self.sockets.chmod(0o711 if os.geteuid() == 0 else 0o700)


def _socket_folder(identity: str) -> Path:
    digest = hashlib.sha256(f"{os.geteuid()}:{identity}".encode(errors="surrogateescape")).hexdigest()[:12]
    folder = Path(tempfile.gettempdir(), f"shootout-{digest}")
    if len(os.fsencode(folder / _LONGEST_SOCKET)) <= SOCKET_PATH_BYTES:
        return folder
    return Path("/tmp", folder.name)  # noqa: S108 - created with mode 0700, and refused when another user owns it


def _stop_leftovers(identity: str) -> None:
    """Stop the supervised programs of this folder that outlived their supervisor, and their children."""
    found = [process for process in psutil.process_iter() if _has_marker(process, identity)]
    for process in found:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, still_running = psutil.wait_procs(found, timeout=_GRACE_S)
    for process in still_running:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(still_running, timeout=_GRACE_S)


def _has_marker(process: psutil.Process, identity: str) -> bool:
    try:
        return process.pid != os.getpid() and process.environ().get(MARKER) == identity
    except (psutil.Error, OSError):  # it has exited, or belongs to another user
        return False
