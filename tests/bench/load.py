"""Load by raw connections: a client library would cost more for each request than what is measured."""

import selectors
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psutil

PATIENCE_S = 30.0


class Target(Protocol):
    """A service under load."""

    @property
    def port(self) -> int: ...
    @property
    def process(self) -> psutil.Process: ...


@dataclass(frozen=True)
class Load:
    """Result of one measurement."""

    count: int
    errors: int
    rate: float
    """Requests per second."""
    cpu_s: float
    """Processor time of the service per request."""


def processor_s(process: psutil.Process) -> float:
    """Return the processor time that a process has used: in nanoseconds where the system counts them, else in ticks."""
    tasks = Path(f"/proc/{process.pid}/task")
    if (tasks / str(process.pid) / "schedstat").exists():
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e9
    times = process.cpu_times()
    return float(times.user + times.system)


class _Client:
    """One connection that sends a request, reads its answer, and sends the next."""

    def __init__(self, port: int, request: bytes) -> None:
        self._port = port
        self._request = request
        self._received = b""
        self.socket = self._connected()

    def _connected(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self._port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def send(self) -> None:
        self._received = b""
        self.socket.sendall(self._request)

    def receive(self) -> bool | None:
        """Read; return whether the answer is a success, None until it is complete."""
        data = self.socket.recv(1 << 18)
        if not data:
            raise ConnectionError(f"closed after {self._received[:500]!r}")
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator:
            return None
        fields = head.lower()
        start = fields.index(b"content-length:") + 15
        end = fields.find(b"\r\n", start)
        if len(body) < int(fields[start : end if end >= 0 else None]):
            return None
        return head.startswith(b"HTTP/1.1 20")

    def reopen(self) -> None:
        """Replace the connection."""
        self.socket.close()
        self.socket = self._connected()


class _SocketClient(_Client):
    """Opens a WebSocket, waits for its first message, closes it and opens another."""

    def receive(self) -> bool | None:
        data = self.socket.recv(1 << 16)
        self._received += data
        head, separator, rest = self._received.partition(b"\r\n\r\n")
        if not data or (separator and not head.startswith(b"HTTP/1.1 101")):
            return False
        return rest.startswith(b"\x81") or None


def measure(target: Target, request: bytes, connections: int, seconds: float, *, websocket: bool = False) -> Load:
    """Send a request on each connection again and again; for a WebSocket, open one after the other."""
    kind = _SocketClient if websocket else _Client
    clients = [kind(target.port, request) for _ in range(connections)]
    count = errors = 0
    with selectors.DefaultSelector() as selector:
        cpu, begun = processor_s(target.process), time.perf_counter()
        until = begun + seconds
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
            client.send()
        while selector.get_map():
            ready = selector.select(PATIENCE_S)
            if not ready:
                raise TimeoutError(f"no answer within {PATIENCE_S:g} s")
            for key, _ in ready:
                client = key.data
                if (succeeded := client.receive()) is None:
                    continue
                count += 1
                errors += not succeeded
                goes_on = time.perf_counter() < until
                if websocket or not goes_on:
                    selector.unregister(client.socket)
                if not goes_on:
                    client.socket.close()
                    continue
                if websocket:
                    client.reopen()
                    selector.register(client.socket, selectors.EVENT_READ, client)
                client.send()
        elapsed, cpu = time.perf_counter() - begun, processor_s(target.process) - cpu
    return Load(count, errors, count / elapsed, cpu / count)
