"""The whole service on one machine: servers, migrations, web and worker."""

import http.client
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from tone_shootout.embedded.errors import EmbeddedError, InUseError
from tone_shootout.embedded.instance import Instance
from tone_shootout.embedded.servers import Servers
from tone_shootout.embedded.supervisor import Program
from tone_shootout.kit.private_files import write_private
from tone_shootout.kit.settings import (
    MINIMUM_SECRET_LENGTH,
    SettingsError,
    http_url,
    load_settings,
    new_encryption_key,
    new_secret,
    reachable_host,
)

ENCRYPTION_KEYS = "SHOOTOUT_SECURITY_ENCRYPTION_KEYS"
DATABASE_URL = "SHOOTOUT_DATABASE_URL"
REDIS_URL = "SHOOTOUT_REDIS_URL"
STAND_IN_CLIENT_ID = "t3k_pub_stand_in"
ADDRESS = "address"
"""File in the data folder that holds the URL of the running service."""
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_Handler = Callable[[int, FrameType | None], object] | int


class Service(Instance):
    """Everything that `shootout serve` runs.

    PostgreSQL and Valkey (each unless its URL is set in `environ`), then migrations, then web and worker. A program
    that exits is restarted. While the service runs, SIGTERM and SIGHUP raise KeyboardInterrupt like SIGINT, so that
    every stop takes the same path.

    Args:
        data: the data folder; created if missing.
        host: address that the web process listens on.
        port: port of the web process; 0 chooses a free one.
        fake_tone3000: also run the TONE3000 stand-in, and use it instead of TONE3000.
        environ: base environment; None: the environment of this process.
        on_event: called with one line of text for each event.
        on_output: called with each output line of web and worker.

    Attributes:
        environ: environment of the child processes, set by `start`: data folder, URLs, secrets.
    """

    def __init__(
        self,
        data: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 8000,
        fake_tone3000: bool = False,
        environ: Mapping[str, str] | None = None,
        on_event: Callable[[str], None] | None = None,
        on_output: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(data, on_event=on_event, on_output=on_output)
        self.environ: dict[str, str] = {}
        self._given = dict(os.environ if environ is None else environ)
        self._host = host
        self._port = port
        self._fake_tone3000 = fake_tone3000
        self._handlers: dict[signal.Signals, _Handler] = {}

    @property
    def url(self) -> str:
        """URL of the service for a browser on this machine."""
        return http_url(self._host, self._port)

    def start(self) -> None:
        """Start all programs and return when the web process is ready.

        Raises:
            EmbeddedError: a program can't start; none is left running.
        """
        if not self._handlers:
            self._handlers = {signum: signal.getsignal(signum) or signal.SIG_DFL for signum in _STOP_SIGNALS}
            self._handle(signal.default_int_handler)
        super().start()

    def wait(self) -> None:
        """Block until a stop signal arrives.

        Raises:
            EmbeddedError: the supervisor gave up.
        """
        if self._supervisor is None:
            return
        try:
            self._supervisor.wait()
        except KeyboardInterrupt:
            return

    def stop(self) -> None:
        """Stop all programs in order, in bounded time; further signals are ignored meanwhile."""
        self._handle(signal.SIG_IGN)
        if self._supervisor is not None:
            (self._folder.path / ADDRESS).unlink(missing_ok=True)
        super().stop()
        self._handle(None)
        self._handlers = {}

    def _handle(self, handler: _Handler | None) -> None:
        """Install `handler` for the stop signals; None restores the previous handlers."""
        if threading.current_thread() is not threading.main_thread():
            return  # Python allows signal handlers in the main thread only
        for signum, before in self._handlers.items():
            if before != signal.SIG_IGN:  # ignored under nohup or in a script's background: keep ignoring it
                signal.signal(signum, before if handler is None else handler)

    def _programs(self) -> Sequence[Program]:
        self._port = _free_port(self._host, self._port)
        # Read by other commands on this machine. A kill leaves the file behind; its URL then refuses connections.
        (self._folder.path / ADDRESS).write_text(f"{self.url}\n", "utf-8")
        self.environ = {
            **_service_environ(self._given, self._folder.path, self._postgres.url(), self._valkey.url),
            "SHOOTOUT_SERVER_HOST": self._host,
            "SHOOTOUT_SERVER_PORT": str(self._port),
        }
        stand_ins = [self._stand_in()] if self._fake_tone3000 else []
        try:
            settings = load_settings(self.environ)
        except SettingsError as error:
            raise EmbeddedError(str(error)) from error
        servers = []
        if not self._given.get(DATABASE_URL):
            servers.append(self._postgres.program())
        if not self._given.get(REDIS_URL):
            servers.append(self._valkey.program())
        migrations = self._program("migrations", "db", "upgrade", needs=[server.name for server in servers], once=True)
        after = (*migrations.needs, migrations.name)
        web = self._program("web", "web", needs=after, ready=self._web_is_ready, grace_s=settings.server.grace_s + 2.0)
        worker = self._program("worker", "worker", needs=after, grace_s=settings.worker.grace_s + 1.0)
        return [*servers, *stand_ins, migrations, web, worker]

    def _stand_in(self) -> Program:
        """Point the settings at a TONE3000 stand-in on a free local port and return its program."""
        port = _free_port("127.0.0.1", 0)
        url = f"http://127.0.0.1:{port}"
        self.environ |= {
            "SHOOTOUT_TONE3000_BASE_URL": url,
            "SHOOTOUT_TONE3000_CLIENT_ID": STAND_IN_CLIENT_ID,
            "SHOOTOUT_TONE3000_SEARCH": "true",
        }
        return self._program(
            "TONE3000 stand-in",
            "--port",
            str(port),
            module="tone_shootout.fake_tone3000",
            needs=(),
            ready=lambda _pid: _responds("127.0.0.1", port, "/control"),
        )

    def _program(
        self,
        name: str,
        *command: str,
        needs: Sequence[str],
        module: str = "tone_shootout",
        once: bool = False,
        ready: Callable[[int], bool] | None = None,
        grace_s: float = 5.0,
    ) -> Program:
        return Program(
            name=name,
            # -P: the working directory is the data folder, which Python must not import from.
            command=[sys.executable, "-P", "-m", module, *command],
            environ={**self.environ, **self._folder.marker, "PYTHONUNBUFFERED": "1"},
            folder=self._folder.path,
            log=self._folder.log(name.lower().replace(" ", "-")),
            needs=tuple(needs),
            once=once,
            ready=ready,
            ready_within_s=600.0 if once else 180.0,
            stop_signals=((signal.SIGTERM, grace_s),),
            echo=not once,
        )

    def _web_is_ready(self, _pid: int) -> bool:
        return _responds(reachable_host(self._host), self._port, "/health/ready")


def _responds(host: str, port: int, path: str) -> bool:
    """Return whether a GET request gets a response with status 200."""
    connection = http.client.HTTPConnection(host, port, timeout=2.0)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def running_url(data: Path) -> str | None:
    """Return the URL of the service that runs on a data folder, or None."""
    try:
        return (data.expanduser() / ADDRESS).read_text("utf-8").strip() or None
    except OSError:
        return None


@contextmanager
def use_servers(data: Path, *, environ: Mapping[str, str] | None = None) -> Generator[dict[str, str], None, None]:
    """Yield an environment with the URLs of PostgreSQL and Valkey for a command.

    URLs set in `environ` take precedence; else a running instance on the data folder is used; else the servers run for
    the duration of the context.

    Args:
        data: the data folder.
        environ: base environment; None: the environment of this process.

    Raises:
        EmbeddedError: the servers can't start.
    """
    given = dict(os.environ if environ is None else environ)
    servers = Servers(data)
    try:
        if not (given.get(DATABASE_URL) and given.get(REDIS_URL)):
            try:
                servers.start()
            except InUseError:
                servers.attach()
        yield _service_environ(given, data.expanduser().absolute(), servers.database_url, servers.redis_url)
    finally:
        servers.stop()


def _service_environ(given: Mapping[str, str], data: Path, database_url: str, redis_url: str) -> dict[str, str]:
    environ = {**given, "SHOOTOUT_DATA": str(data)}
    for name, value in ((DATABASE_URL, database_url), (REDIS_URL, redis_url)):
        environ[name] = environ.get(name) or value
    environ["SHOOTOUT_SECURITY_SECRET"] = environ.get("SHOOTOUT_SECURITY_SECRET") or _secret(
        data / "secret", new_secret
    )
    if not environ.get(ENCRYPTION_KEYS):
        environ[ENCRYPTION_KEYS] = json.dumps([_secret(data / "encryption-key", new_encryption_key)])
    return environ


def _secret(path: Path, make: Callable[[], str]) -> str:
    """Return the secret stored in `path`; the first call creates the file, readable by its owner only."""
    if not path.exists():
        write_private(path, make())
    secret = path.read_text("utf-8").strip()
    if len(secret) < MINIMUM_SECRET_LENGTH:
        raise EmbeddedError(
            f"{path} is damaged: expected at least {MINIMUM_SECRET_LENGTH} characters. Remove it to create a new one"
        )
    return secret


def _free_port(host: str, port: int) -> int:
    """Return `port`, or a free one for 0, after a check that it can be bound."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.create_server(address[:2], family=family) as listener:
            return int(listener.getsockname()[1])
    except (OSError, OverflowError) as error:
        raise EmbeddedError(f"can't listen on {host} port {port}: {error}") from error
