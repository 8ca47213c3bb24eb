"""Load by raw connections: a client library would cost more for each request than what is measured."""

import selectors
import socket
import time
from collections.abc import Callable
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


class _Connection:
    """One connection: sends a request, reads its answer, sends the next."""

    def __init__(self, port: int, request: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request = request
        self._received = b""

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


def measure_requests(target: Target, request: bytes, connections: int, seconds: float) -> Load:
    """Send a request on each connection again and again."""
    opened = [_Connection(target.port, request) for _ in range(connections)]
    try:
        return _measured(target, seconds, opened, _Connection.receive, _Connection.send)
    finally:
        for connection in opened:
            connection.socket.close()


class _Opening(_Connection):
    """Opens a WebSocket, waits for its first message, and opens another."""

    def __init__(self, port: int, request: bytes) -> None:
        super().__init__(port, request)
        self.port = port

    def receive(self) -> bool | None:
        data = self.socket.recv(1 << 16)
        self._received += data
        head, separator, rest = self._received.partition(b"\r\n\r\n")
        if not data or (separator and not head.startswith(b"HTTP/1.1 101")):
            return False
        return rest.startswith(b"\x81") or None


def measure_openings(target: Target, request: bytes, connections: int, seconds: float) -> Load:
    """Open WebSockets up to the first message, so many at a time."""
    opened = [_Opening(target.port, request) for _ in range(connections)]

    def receive(connection: _Connection) -> bool | None:
        return connection.receive()

    def send(connection: _Connection) -> None:
        connection.send()

    return _measured(target, seconds, list(opened), receive, send, reopen=True, request=request)


def _measured(
    target: Target,
    seconds: float,
    connections: list[_Connection],
    receive: Callable[[_Connection], bool | None],
    send: Callable[[_Connection], None],
    *,
    reopen: bool = False,
    request: bytes = b"",
) -> Load:
    count = errors = 0
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        cpu, begun = processor_s(target.process), time.perf_counter()
        until = begun + seconds
        for connection in connections:
            send(connection)
        waiting = len(connections)
        while waiting:
            ready = selector.select(PATIENCE_S)
            if not ready:
                raise TimeoutError(f"no answer within {PATIENCE_S:g} s")
            for key, _ in ready:
                connection = key.data
                if (succeeded := receive(connection)) is None:
                    continue
                count += 1
                errors += not succeeded
                going_on = time.perf_counter() < until
                if reopen:
                    selector.unregister(connection.socket)
                    connection.socket.close()
                    if going_on:
                        connection = _Opening(target.port, request)
                        selector.register(connection.socket, selectors.EVENT_READ, connection)
                if going_on:
                    send(connection)
                else:
                    waiting -= 1
        elapsed, cpu = time.perf_counter() - begun, processor_s(target.process) - cpu
    return Load(count, errors, count / elapsed, cpu / count)
