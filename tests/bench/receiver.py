"""Many clients of the live channel in a process of their own, which does nothing but note when what comes has come.

A library for WebSockets in the process that writes the events would be measured instead of the service: it costs more
for each message than the service does.
"""

import base64
import json
import os
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from tone_shootout.kit.http.web_server import allow_many_connections

PATIENCE_S = 30.0
"""Longest silence, in seconds."""
LIMIT_S = 90.0
"""Seconds after which the clients give up, from their start."""
TEXT, PING = 0x81, 0x89
AT_ONCE = 50
"""Connections that are opened before the answers are read: fewer than the service lets wait."""


class Receivers:
    """Clients in their process: one for each job that was named, as often as it was."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._line()  # all have their snapshots

    def times(self) -> list[list[float]]:
        """When each client had each event, by the clock of this machine (`time.monotonic`)."""
        found: list[list[float]] = json.loads(self._line())
        return found

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the receivers have died")
        return line


@contextmanager
def receivers(url: str, token: str, jobs: Sequence[object], events: int) -> Generator[Receivers, None, None]:
    """Run a client for each of these jobs, which waits for so many events behind the snapshot."""
    requested = json.dumps({"url": url, "token": token, "jobs": [str(job) for job in jobs], "events": events})
    command = [sys.executable, "-m", "tests.bench.receiver", requested]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Receivers(process)
        finally:
            process.kill()


class _Client:
    """One connection: what has come and is no whole frame yet, and when the others came."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.times: list[float] = []
        self.next: int | None = None
        """Number of the event that has to come next; None before the snapshot."""
        self._rest = b""
        self._upgraded = False

    def hear(self) -> None:
        data = self.connection.recv(65536)
        now = time.monotonic()
        if not data:
            raise RuntimeError(f"closed after {len(self.times)} events: {self._rest!r}")
        self._rest += data
        if not self._upgraded:
            head, separator, rest = self._rest.partition(b"\r\n\r\n")
            if not separator:
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self._upgraded, self._rest = True, rest
        while (frame := self._frame()) is not None:
            kind, payload = frame
            if kind == PING:
                self.connection.send(bytes((0x8A, 0x80 | len(payload), 0, 0, 0, 0)) + payload)
            elif self.next is None:
                assert kind == TEXT, payload
                self.next = int(json.loads(payload)["seq"]) + 1
            else:
                assert payload.startswith(b'{"seq":%d,' % self.next), payload
                self.next += 1
                self.times.append(now)

    def _frame(self) -> tuple[int, bytes] | None:
        """Take a whole frame, of a server: not masked, and here never longer than 64 kB."""
        rest = self._rest
        if len(rest) < 4:
            return None
        begin, size = (4, int.from_bytes(rest[2:4], "big")) if rest[1] == 126 else (2, rest[1])
        if len(rest) < begin + size:
            return None
        self._rest = rest[begin + size :]
        return rest[0], rest[begin : begin + size]


def _listen(url: str, token: str, jobs: Sequence[str], events: int) -> list[list[float]]:
    where = urlsplit(url)
    selector = selectors.DefaultSelector()
    clients: list[_Client] = []
    until = time.monotonic() + LIMIT_S

    def hear() -> None:
        ready = selector.select(PATIENCE_S)
        if not ready or time.monotonic() > until:
            had = min(len(client.times) for client in clients)
            reason = f"no end within {LIMIT_S:g} s" if ready else f"silence for {PATIENCE_S:g} s"
            raise RuntimeError(f"{reason}: {len(clients)} of {len(jobs)} clients, {had} of {events} events")
        for key, _ in ready:
            key.data.hear()

    for job in jobs:
        connection = socket.create_connection((where.hostname, where.port))
        lines = [f"GET /api/v1/jobs/{job}/ws HTTP/1.1", f"Host: {where.netloc}", f"Authorization: Bearer {token}"]
        lines += ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
        lines.append(f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}")
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        clients.append(_Client(connection))
        selector.register(connection, selectors.EVENT_READ, clients[-1])
        while sum(client.next is None for client in clients[-AT_ONCE:]) == AT_ONCE:
            hear()
    while any(client.next is None for client in clients):
        hear()
    print("ready", flush=True)
    while any(len(client.times) < events for client in clients):
        hear()
    return [client.times for client in clients]


def main(requested: dict[str, Any]) -> None:
    """Be the clients that are asked for."""
    allow_many_connections()
    print(json.dumps(_listen(**requested)), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
