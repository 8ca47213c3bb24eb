"""A store that speaks S3: moto's server in a process of its own, behind a door that tests can shut."""

import re
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from socket import SHUT_RDWR, create_connection, create_server, socket

import httpx

from tone_shootout.kit.settings import StorageSettings

BUCKET = "shootout"


class S3:
    """The store, and the door in front of it: a port that takes connections or does not.

    Args:
        port: where the store itself listens.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._lock = threading.Lock()
        self._connections: set[socket] = set()
        self._door: socket | None = None
        self._condition: tuple[bytes, bytes] | None = None
        self.left = threading.Event()
        """Set while the door is shut."""
        self.port = 0
        self.come_back()

    @property
    def address(self) -> str:
        """Where clients find it."""
        return f"http://127.0.0.1:{self.port}"

    def settings(self, bucket: str = BUCKET) -> StorageSettings:
        """Return what a service of ours is configured with."""
        options = {
            "aws_endpoint": self.address,
            "allow_http": "true",
            "aws_access_key_id": "x",
            "aws_secret_access_key": "x",
            "aws_region": "us-east-1",
        }
        return StorageSettings(url=f"s3://{bucket}", options=options, free_bytes=0)

    def create(self, bucket: str = BUCKET) -> None:
        """Create a bucket."""
        httpx.put(f"{self.address}/{bucket}", timeout=30).raise_for_status()

    def leave(self) -> None:
        """Go away: cut open connections and refuse new ones."""
        with self._lock:
            door, self._door = self._door, None
            connections = list(self._connections)
            self.left.set()
        if door is not None:
            with suppress(OSError):
                door.shutdown(SHUT_RDWR)
            door.close()
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(SHUT_RDWR)

    def leave_at(self, method: bytes, part: bytes) -> None:
        """Be away from the next request on of that method, with `part` in its path; it is not answered any more."""
        self._condition = (method, part)

    def come_back(self) -> None:
        """Be there again, under the same address."""
        with self._lock:
            door = self._door = create_server(("127.0.0.1", self.port))
            self.port = door.getsockname()[1]
            self.left.clear()
        threading.Thread(target=self._answer, args=(door,), daemon=True).start()

    def _answer(self, door: socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = door.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket) -> None:
        with client, create_connection(("127.0.0.1", self._port)) as store:
            with self._lock:
                self._connections |= {client, store}
            if self._door is None:
                return
            back = threading.Thread(target=_pump, args=(store, client), daemon=True)
            back.start()
            with suppress(OSError):
                while data := client.recv(1 << 16):
                    if self._is_last(data):
                        self.leave()
                        break
                    store.sendall(data)
            with suppress(OSError):
                store.shutdown(SHUT_RDWR)
            back.join()
        with self._lock:
            self._connections -= {client, store}

    def _is_last(self, data: bytes) -> bool:
        if self._condition is None:
            return False
        method, part = self._condition
        line = data.partition(b"\r\n")[0]
        if not (line.startswith(method + b" ") and part in line):
            return False
        self._condition = None
        return True


def _pump(source: socket, target: socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(SHUT_RDWR)


@contextmanager
def s3_process() -> Generator[S3, None, None]:
    """Run a store with an empty bucket."""
    command = [sys.executable, "-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            port = next(int(found[1]) for line in process.stderr if (found := re.search(r"127\.0\.0\.1:(\d+)", line)))
            threading.Thread(target=lambda: [None for _ in process.stderr or ()], daemon=True).start()
            store = S3(port)
            store.create()
            yield store
            store.leave()
        finally:
            process.kill()
