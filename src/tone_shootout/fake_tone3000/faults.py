"""Middleware that injects faults and logs requests."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import parse_qsl

from litestar.datastructures import Headers

from tone_shootout.fake_tone3000.world import Fault, Request, World

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]
"""ASGI application."""

HTML: Final = b"<!doctype html><title>Attention required</title><p>The edge has refused this."
_CHUNK_BYTES: Final = 1024


class FaultMiddleware:
    """ASGI middleware around the application."""

    def __init__(self, app: App, world: World) -> None:
        self._app = app
        self._world = world

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Log the request, and inject the first fault that matches it."""
        if scope["type"] != "http" or scope["path"].startswith("/control"):
            await self._app(scope, receive, send)
            return
        receive = await self._log(scope, receive)
        if names := _deprecations(scope["path"], scope["query_string"].decode()):
            send = _deprecated(send, names)
        fault = next((fault for fault in self._world.faults if fault.matches(scope["method"], scope["path"])), None)
        if fault is None:
            await self._app(scope, receive, send)
            return
        if fault.times:
            fault.times -= 1
            if not fault.times:
                self._world.faults.remove(fault)
        await self._inject(fault, scope, receive, send)

    async def _log(self, scope: Message, receive: Receive) -> Receive:
        headers = Headers(scope["headers"])
        form: dict[str, str] = {}
        if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            body = b""
            while True:
                message = await receive()
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    break
            form = {name: value for name, value in parse_qsl(body.decode()) if name in ("grant_type", "client_id")}
            receive = _replay(body)
        self._world.requests.append(
            Request(
                method=scope["method"],
                path=scope["path"],
                query=scope["query_string"].decode(),
                host=headers.get("host", ""),
                authorized="authorization" in headers,
                user_agent=headers.get("user-agent", ""),
                cookie=headers.get("cookie", ""),
                form=form,
            )
        )
        return receive

    async def _inject(self, fault: Fault, scope: Message, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.0 if fault.kind == "slow_body" else fault.delay_s)
        extra: list[tuple[bytes, bytes]] = []
        if fault.retry_after is not None:
            extra.append((b"retry-after", fault.retry_after.encode()))
        match fault.kind:
            case "status":
                body = (fault.body if fault.body is not None else '{"error": "Injected by a test"}').encode()
                await _answer(send, fault.status, body, b"application/json", extra)
            case "html":
                await _answer(send, fault.status, HTML, b"text/html", extra)
            case "malformed":
                await _answer(send, 200, b'{"data": [', b"application/json", extra)
            case "redirect":
                await _answer(send, 302, b"", b"text/plain", [(b"location", fault.location.encode())])
            case "oversized":
                await _endless(send)
            case "gzip":
                packed = gzip.compress(b'{"data": []}')
                await _answer(send, 200, packed, b"application/json", [(b"content-encoding", b"gzip")])
            case "slow":
                await self._app(scope, receive, send)
            case "deprecated":
                await self._app(scope, receive, _deprecated(send, fault.words))
            case "cookie":
                await self._app(scope, receive, _add_headers(send, [(b"set-cookie", b"session=injected; Path=/")]))
            case "slow_body" | "truncated":
                await self._app(scope, receive, _slow_or_truncated(fault, send))


def _replay(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _deprecations(path: str, query: str) -> str:
    """Return the names of the deprecated forms in a request, comma-separated; none for OAuth endpoints."""
    if not path.startswith("/api/v1/") or path.startswith("/api/v1/oauth/"):
        return ""
    fields = dict(parse_qsl(query))
    gears = {*fields.get("gears", "").split("_"), fields.get("gear", "")}
    found = {"legacy_platform_key": "platform" in fields, "legacy_ir_gear_value": bool(gears & {"ir", "full-rig"})}
    return ",".join(name for name, is_used in found.items() if is_used)


def _deprecated(send: Send, names: str) -> Send:
    return _add_headers(
        send,
        [
            (b"deprecation", b"true"),
            (b"link", b'<https://tone3000.invalid/deprecations>; rel="deprecation"'),
            (b"x-tone3000-deprecations", names.encode()),
        ],
    )


def _add_headers(send: Send, headers: list[tuple[bytes, bytes]]) -> Send:
    async def altered(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *headers]
        await send(message)

    return altered


def _slow_or_truncated(fault: Fault, send: Send) -> Send:
    async def altered(message: Message) -> None:
        if message["type"] == "http.response.body":
            body = message["body"]
            for start in range(0, len(body), _CHUNK_BYTES):
                if fault.kind == "truncated" and start:
                    # The body is shorter than its content-length: the server closes the connection.
                    raise ConnectionAbortedError("injected by a test")
                chunk = body[start : start + _CHUNK_BYTES]
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                await asyncio.sleep(fault.delay_s)
            message["body"] = b""
        await send(message)

    return altered


async def _answer(send: Send, status: int, body: bytes, media_type: bytes, extra: list[tuple[bytes, bytes]]) -> None:
    headers = [(b"content-type", media_type), (b"content-length", str(len(body)).encode()), *extra]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def _endless(send: Send) -> None:
    headers = [(b"content-type", b"application/octet-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for _ in range(4096):
        await send({"type": "http.response.body", "body": bytes(65_536), "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
