"""Delivery: a worker claims due messages, sends them and records the attempts.

Delivery is at least once, each time with the same `webhook-id`. Failed messages are retried with growing delays for a
day. Redirects are not followed.
"""

import asyncio
import ssl
import time
from collections import Counter
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import version
from typing import Any, NamedTuple

import httpcore
import httpx
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.jobs.webhooks.repositories import (
    PER_ENDPOINT,
    PER_OWNER,
    ClaimedDelivery,
    DeliveryRepository,
    WebhookRepository,
)
from tone_shootout.jobs.webhooks.services import purpose
from tone_shootout.jobs.webhooks.signing import signed_headers
from tone_shootout.kit.backoff import Backoff
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.http.retry_after import parse_retry_after
from tone_shootout.kit.keyring import KeyRing, UnreadableSecretError
from tone_shootout.kit.periodic import running_periodically
from tone_shootout.kit.settings import WebhookSettings
from tone_shootout.kit.ssrf_guard import AddressPolicy, AddressRefusedError, GuardedBackend

CONCURRENCY = 20
"""Concurrent deliveries of a worker."""
MAX_DELAY_S = 4 * 3600.0
"""Longest delay between two attempts."""
RETRIES = Backoff(first_s=5.0, longest_s=MAX_DELAY_S, growth=3.0, jitter=0.2)
"""Delays after failed attempts."""
ROUND_DURATION = timedelta(days=1)
GONE = 410
BUSY = frozenset({429, 503})
"""Statuses whose `Retry-After` is honored."""
READ_BYTES = 16_384
"""Bytes of a response body that are read and discarded, so that the receiver sees no broken connection."""
GRACE_S = 3.0
"""Seconds that open deliveries have to finish when the worker stops."""

_FAILURES = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    OSError,
)


_log = structlog.get_logger(__name__)


class _Outcome(NamedTuple):
    """Result of an attempt: the response's status, or an error code."""

    status: int | None = None
    error: str | None = None
    retry_after_s: float = 0.0

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Deliverer:
    """Sends due messages.

    Args:
        sessions: opens database sessions.
        ring: decrypts the endpoints' secrets.
        settings: allowed networks, timeout and poll interval.
        backend: opens connections; by default one that allows public addresses only.
        ssl_context: trusted certificates; the system's by default.
    """

    def __init__(
        self,
        sessions: SessionMaker,
        ring: KeyRing,
        settings: WebhookSettings,
        *,
        backend: httpcore.AsyncNetworkBackend | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._sessions = sessions
        self._ring = ring
        self._settings = settings
        self._backend = backend or GuardedBackend(AddressPolicy(settings.allowed_networks))
        self._ssl_context = ssl_context or httpx.create_ssl_context()
        self._sending: dict[asyncio.Task[None], ClaimedDelivery] = {}
        self._has_room = asyncio.Event()
        """Set when a delivery ends while the most that may run at a time are running."""

    @asynccontextmanager
    async def delivering(self) -> AsyncGenerator[None, None]:
        """Deliver as long as the context lasts."""
        async with httpcore.AsyncConnectionPool(
            ssl_context=self._ssl_context,
            max_connections=CONCURRENCY,
            max_keepalive_connections=0,
            network_backend=self._backend,
        ) as pool:
            try:
                async with running_periodically(
                    partial(self._start_due, pool),
                    interval_s=self._settings.poll_s,
                    wake=self._has_room,
                    on_error=_report_failed_claim,
                ):
                    yield
            finally:
                await self._finish_open()

    async def _start_due(self, pool: httpcore.AsyncConnectionPool) -> None:
        """Start the due deliveries, as many as may run at a time."""
        while (free := CONCURRENCY - len(self._sending)) and (due := await self._claim(free)):
            for claimed in due:
                task = asyncio.create_task(self._deliver(pool, claimed))
                self._sending[task] = claimed
                task.add_done_callback(self._note_end)

    def _note_end(self, task: asyncio.Task[None]) -> None:
        if len(self._sending) >= CONCURRENCY:
            self._has_room.set()
        del self._sending[task]

    async def _finish_open(self) -> None:
        """Wait `GRACE_S` for open deliveries; the rest is due again when the leases expire."""
        if not self._sending:
            return
        _, unfinished = await asyncio.wait(self._sending, timeout=GRACE_S)
        for task in unfinished:
            task.cancel()
        if unfinished:
            await asyncio.wait(unfinished)

    async def _claim(self, limit: int) -> Collection[ClaimedDelivery]:
        sending = self._sending.values()
        endpoints, owners = Counter(it.webhook_id for it in sending), Counter(it.owner_id for it in sending)
        async with self._sessions() as session:
            claimed = await DeliveryRepository(session).claim(
                limit=limit,
                lease_s=self._settings.timeout_s + 30,
                busy=[webhook_id for webhook_id, number in endpoints.items() if number >= PER_ENDPOINT],
                busy_owners=[owner_id for owner_id, number in owners.items() if number >= PER_OWNER],
            )
            await session.commit()
        return claimed

    async def _deliver(self, pool: httpcore.AsyncConnectionPool, claimed: ClaimedDelivery) -> None:
        at, started = datetime.now(UTC), time.monotonic()
        outcome = await self._send(pool, claimed)
        attempt = {
            "at": at.isoformat(),
            "duration_ms": round((time.monotonic() - started) * 1000),
            "http_status": outcome.status,
            "error": outcome.error,
        }
        try:
            async with self._sessions() as session:
                await _conclude(session, claimed, outcome, attempt)
                await session.commit()
        except Exception:  # noqa: BLE001 - sent again when the lease expires
            _log.warning("webhook_attempt_not_recorded", delivery_id=str(claimed.id), exc_info=True)

    async def _send(self, pool: httpcore.AsyncConnectionPool, claimed: ClaimedDelivery) -> _Outcome:
        outcome: _Outcome | None = None
        try:
            headers = self._headers(claimed)
            url = httpx.URL(claimed.url)
            # The first address of a name may be unreachable (often IPv6): leave time for the next.
            connecting = {"timeout": {"connect": self._settings.timeout_s / 3}}
            target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
            async with (
                asyncio.timeout(self._settings.timeout_s),
                pool.stream(
                    b"POST", target, headers=headers, content=claimed.payload.encode(), extensions=connecting
                ) as response,
            ):
                outcome = _Outcome(response.status, retry_after_s=_retry_after_s(response))
                received = 0
                async for chunk in response.aiter_stream():
                    received += len(chunk)
                    if received > READ_BYTES:
                        break
        except UnreadableSecretError:
            return _Outcome(error="unreadable_secret")
        except _FAILURES as error:
            return outcome or _Outcome(error=_code_of(error))
        except Exception:  # noqa: BLE001 - counts as an attempt, or it would be retried for ever
            _log.exception("webhook_delivery_failed", delivery_id=str(claimed.id))
            return _Outcome(error="internal_error")
        return outcome

    def _headers(self, claimed: ClaimedDelivery) -> list[tuple[str, str]]:
        stored = [claimed.secret]
        if claimed.previous_secret and claimed.previous_until and claimed.previous_until > datetime.now(UTC):
            stored.append(claimed.previous_secret)
        secrets = [self._ring.decrypt(secret, purpose(claimed.webhook_id)) for secret in stored]
        signed = signed_headers(f"msg_{claimed.id.hex}", int(time.time()), claimed.payload, secrets)
        return [
            *signed.items(),
            ("content-type", "application/json"),
            ("user-agent", f"tone-shootout/{version('tone-shootout')}"),
        ]


async def _conclude(
    session: AsyncSession, claimed: ClaimedDelivery, outcome: _Outcome, attempt: dict[str, Any]
) -> None:
    """Record an attempt and its consequences for the message and the endpoint."""
    deliveries, webhooks = DeliveryRepository(session), WebhookRepository(session)
    if outcome.is_success:
        if await deliveries.record(claimed, attempt, status="delivered", next_attempt_at=None):
            await webhooks.note_success(claimed.webhook_id)
        return
    if outcome.status == GONE:
        if await deliveries.record(claimed, attempt, status="failed", next_attempt_at=None):
            await webhooks.disable(claimed.webhook_id, "gone")
        return
    retry_at = datetime.now(UTC) + timedelta(seconds=max(RETRIES.delay_s(claimed.round_attempt), outcome.retry_after_s))
    if retry_at <= claimed.round_at + ROUND_DURATION:
        await deliveries.record(claimed, attempt, next_attempt_at=retry_at)
    elif await deliveries.record(claimed, attempt, status="failed", next_attempt_at=None):
        await webhooks.disable(claimed.webhook_id, "failing", unless_success_since=claimed.round_at)


def _report_failed_claim(error: Exception, _failures: int) -> None:
    _log.warning("webhook_claim_failed", exc_info=error)


def _retry_after_s(response: httpcore.Response) -> float:
    """Return the delay that a busy receiver requests, at most `MAX_DELAY_S`; 0 if there is none."""
    if response.status not in BUSY:
        return 0.0
    text = next((value for name, value in response.headers if name.lower() == b"retry-after"), b"")
    seconds = parse_retry_after(text.decode("latin-1"), datetime.now(UTC))
    return 0.0 if seconds is None else min(seconds, MAX_DELAY_S)


def _code_of(error: Exception) -> str:
    match error:
        case AddressRefusedError():
            return "address_refused"
        case httpcore.TimeoutException() | TimeoutError():
            return "timeout"
        case httpcore.ConnectError() if isinstance(error.__context__, ssl.SSLError):
            return "tls_failed"
        case httpcore.ConnectError():
            return "not_reached"
        case httpcore.ProtocolError():
            return "not_http"
        case _:
            return "connection_lost"
