"""CORS that preserves the `Vary` header of the application (RFC 9110, section 12.5.5)."""

from litestar.enums import ScopeType
from litestar.middleware._internal.cors import CORSMiddleware
from litestar.types import Message, Receive, Scope, Send


class VaryCorsMiddleware(CORSMiddleware):
    """CORS middleware of Litestar that adds `Origin` to `Vary` on every response instead of replacing the header.

    If origins are allowed, every response depends on `Origin`: a cache must not serve the response for a request
    without `Origin` to a page of an allowed origin.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a preflight request, or call the next application and add headers to the response."""
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        await super().__call__(scope, receive, _merge_vary(send, []))

    def send_wrapper(self, send: Send, origin: str, has_cookie: bool) -> Send:
        """Return a `send` that adds the CORS headers and preserves the `Vary` header of the application."""
        original: list[bytes] = []
        with_cors = super().send_wrapper(send=_merge_vary(send, original), origin=origin, has_cookie=has_cookie)

        async def record_vary(message: Message) -> None:
            if message["type"] == "http.response.start":
                original.extend(value for name, value in message["headers"] if name.lower() == b"vary")
            await with_cors(message)

        return record_vary


def _merge_vary(send: Send, original: list[bytes]) -> Send:
    """Return a `send` that merges `original`, the current values of `Vary` and `Origin` into one header."""

    async def merged_send(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", []))
            values = [*original, *(value for name, value in headers if name.lower() == b"vary"), b"Origin"]
            names = dict.fromkeys(part.strip() for value in values for part in value.split(b",") if part.strip())
            unique = {name.lower(): name for name in reversed(names)}
            message["headers"] = [
                *((name, value) for name, value in headers if name.lower() != b"vary"),
                (b"vary", b", ".join(reversed(unique.values()))),
            ]
        await send(message)

    return merged_send
