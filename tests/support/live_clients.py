"""Clients of the live channel, as simple as they can be."""

import json
import os
import socket
from base64 import b64encode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import ClientConnection, connect

from tests.integration.conftest import Person


def address(base_url: str, job_id: object, query: str = "") -> str:
    """Where a job's WebSocket is."""
    return f"{base_url.replace('http', 'ws', 1)}/api/v1/jobs/{job_id}/ws{query}"


@asynccontextmanager
async def watching(base_url: str, person: Person, job_id: object, query: str = "") -> AsyncGenerator[ClientConnection]:
    """A WebSocket to a job's events."""
    headers = {"Authorization": f"Bearer {person.token}"}
    async with connect(
        address(base_url, job_id, query), additional_headers=headers, open_timeout=60, ping_interval=None
    ) as connection:
        yield connection


async def rest(connection: ClientConnection) -> list[dict[str, Any]]:
    """All that comes until the service closes; it closes in order."""
    found = [json.loads(message) async for message in connection]
    assert connection.close_code == 1000
    return found


@asynccontextmanager
async def streaming(
    base_url: str, person: Person, job_id: object, query: str = "", **headers: str
) -> AsyncGenerator[AsyncGenerator[dict[str, Any], None]]:
    """A job's events as server-sent ones: each with the `id` and `event` that it came with."""
    headers["Authorization"] = f"Bearer {person.token}"
    async with (
        httpx.AsyncClient(base_url=base_url, timeout=60) as client,
        client.stream("GET", f"/api/v1/jobs/{job_id}/events{query}", headers=headers) as answer,
    ):
        assert answer.status_code == 200

        async def events() -> AsyncGenerator[dict[str, Any], None]:
            fields: dict[str, str] = {}
            async for line in answer.aiter_lines():
                if line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                    continue
                if "data" in fields:
                    event = json.loads(fields["data"])
                    assert (fields["id"], fields["event"]) == (str(event["seq"]), event["type"])
                    yield event
                fields = {}

        yield events()


class DeafReader:
    """A client that asks for a stream and then never reads."""

    def __init__(self, base_url: str, person: Person, path: str, *, upgrade: bool) -> None:
        where = urlsplit(base_url)
        assert where.hostname
        assert where.port
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect((where.hostname, where.port))
        lines = [f"GET {path} HTTP/1.1", f"Host: {where.netloc}", f"Authorization: Bearer {person.token}"]
        if upgrade:
            key = b64encode(os.urandom(16)).decode()
            lines += ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
            lines.append(f"Sec-WebSocket-Key: {key}")
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())

    @property
    def port(self) -> int:
        """Its own end of the connection."""
        return int(self.socket.getsockname()[1])

    def close(self) -> None:
        """Hang up."""
        self.socket.close()
