"""Webhooks: create, update, rotate secrets, redeliver. The caller commits."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any, NamedTuple
from uuid import UUID

import httpx
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from tone_shootout.jobs.webhooks.errors import (
    DeliveryNotFoundError,
    TooManyWebhooksError,
    WebhookAddressError,
    WebhookDisabledError,
    WebhookNotFoundError,
)
from tone_shootout.jobs.webhooks.events import TEST_EVENT, test_message
from tone_shootout.jobs.webhooks.models import MAX_URL_LENGTH, Webhook, WebhookDelivery
from tone_shootout.jobs.webhooks.repositories import DeliveryRepository, WebhookRepository
from tone_shootout.jobs.webhooks.signing import new_secret
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.db.repository import RowLock
from tone_shootout.kit.keyring import KeyRing
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.ssrf_guard import AddressPolicy

OVERLAP = timedelta(days=1)
"""How long the previous secret also signs after a rotation."""


class IssuedSecret(NamedTuple):
    """An endpoint with its secret in plain text, shown once."""

    webhook: Webhook
    secret: str


class WebhookService:
    """Webhooks of a user, in one unit of work."""

    def __init__(self, session: AsyncSession, ring: KeyRing, settings: Settings) -> None:
        self._session = session
        self._webhooks = WebhookRepository(session)
        self._deliveries = DeliveryRepository(session)
        self._ring = ring
        self._settings = settings
        self._policy = AddressPolicy(settings.webhooks.allowed_networks)

    async def create(self, owner_id: UUID, *, url: str, description: str, events: Sequence[str]) -> IssuedSecret:
        """Create an endpoint.

        Raises:
            WebhookAddressError: the URL is invalid or not public.
            TooManyWebhooksError: the owner has as many as allowed.
        """
        webhook_id, secret = uuid7(), new_secret()
        webhook = Webhook(
            id=webhook_id,
            owner_id=owner_id,
            url=self._validated(url),
            description=description,
            events=list(dict.fromkeys(events)),
            secret=self._ring.encrypt(secret, purpose(webhook_id)),
        )
        limit = self._settings.webhooks.endpoints
        if not await self._webhooks.add_within_limit(webhook, limit=limit):
            raise TooManyWebhooksError(limit)
        return IssuedSecret(webhook, secret)

    async def get(self, owner_id: UUID, webhook_id: UUID, *, lock: RowLock | None = None) -> Webhook:
        """Return an endpoint.

        Raises:
            WebhookNotFoundError: the owner has no such endpoint.
        """
        webhook = await self._webhooks.get_owned(owner_id, webhook_id, lock=lock)
        if webhook is None:
            raise WebhookNotFoundError
        return webhook

    async def list(self, owner_id: UUID, paging: Paging) -> tuple[Sequence[Webhook], int]:
        """Return a page of the owner's endpoints, newest first, and how many there are in all."""
        return await self._webhooks.list_owned(owner_id, paging=paging, order_by=[Webhook.id.desc()])

    async def change(
        self,
        owner_id: UUID,
        webhook_id: UUID,
        changes: dict[str, Any],
        *,
        condition: Callable[[Webhook], None] | None = None,
    ) -> Webhook:
        """Update an endpoint. Enabling it makes its pending messages due.

        `condition` raises an error if the locked endpoint must not be changed.

        Raises:
            WebhookNotFoundError: the owner has no such endpoint.
            WebhookAddressError: the new URL is invalid or not public.
        """
        webhook = await self.get(owner_id, webhook_id, lock="no_key_update")
        if condition is not None:
            condition(webhook)
        if "url" in changes:
            webhook.url = self._validated(changes["url"])
        if "description" in changes:
            webhook.description = changes["description"]
        if "events" in changes:
            webhook.events = list(dict.fromkeys(changes["events"]))
        if changes.get("enabled") is False:
            webhook.disabled_reason = webhook.disabled_reason or "owner"
        elif changes.get("enabled") and webhook.disabled_reason:
            webhook.disabled_reason = None
            await self._deliveries.retry_pending(webhook_id)
        await self._session.flush()
        return webhook

    async def delete(
        self, owner_id: UUID, webhook_id: UUID, *, condition: Callable[[Webhook], None] | None = None
    ) -> None:
        """Delete an endpoint with its deliveries.

        `condition` raises an error if the locked endpoint must not be deleted.

        Raises:
            WebhookNotFoundError: the owner has no such endpoint.
        """
        if condition is not None:
            condition(await self.get(owner_id, webhook_id, lock="update"))
        if not await self._webhooks.delete_owned(owner_id, webhook_id):
            raise WebhookNotFoundError

    async def rotate(self, owner_id: UUID, webhook_id: UUID) -> IssuedSecret:
        """Create a new secret; for a day, messages are signed with both.

        Raises:
            WebhookNotFoundError: the owner has no such endpoint.
        """
        webhook = await self.get(owner_id, webhook_id, lock="no_key_update")
        secret = new_secret()
        webhook.previous_secret, webhook.previous_until = webhook.secret, datetime.now(UTC) + OVERLAP
        webhook.secret = self._ring.encrypt(secret, purpose(webhook_id))
        await self._session.flush()
        return IssuedSecret(webhook, secret)

    async def test(self, owner_id: UUID, webhook_id: UUID) -> WebhookDelivery:
        """Enqueue a test message.

        Raises:
            WebhookNotFoundError: the owner has no such endpoint.
            WebhookDisabledError: it is disabled.
        """
        await self._get_enabled(owner_id, webhook_id)
        now = datetime.now(UTC)
        delivery = WebhookDelivery(
            webhook_id=webhook_id, type=TEST_EVENT, payload=test_message(now), round_at=now, next_attempt_at=now
        )
        await self._deliveries.add(delivery)
        return delivery

    async def list_deliveries(
        self, owner_id: UUID, webhook_id: UUID, paging: Paging, *, status: str | None = None
    ) -> tuple[Sequence[WebhookDelivery], int]:
        """Return a page of an endpoint's deliveries, newest first, and how many there are in all.

        Raises:
            WebhookNotFoundError: the owner has no such endpoint.
        """
        await self.get(owner_id, webhook_id)
        return await self._deliveries.list_owned(owner_id, webhook_id, status=status, paging=paging)

    async def get_delivery(self, owner_id: UUID, webhook_id: UUID, delivery_id: UUID) -> WebhookDelivery:
        """Return a delivery.

        Raises:
            WebhookNotFoundError: the owner has no such endpoint.
            DeliveryNotFoundError: the endpoint has no such delivery.
        """
        await self.get(owner_id, webhook_id)
        found = await self._deliveries.get_owned(owner_id, webhook_id, delivery_id)
        if found is None:
            raise DeliveryNotFoundError
        return found

    async def redeliver(self, owner_id: UUID, webhook_id: UUID, delivery_id: UUID) -> WebhookDelivery:
        """Make a message due now, with a new day of attempts.

        Raises:
            WebhookNotFoundError: the owner has no such endpoint.
            DeliveryNotFoundError: the endpoint has no such delivery.
            WebhookDisabledError: the endpoint is disabled.
        """
        await self._get_enabled(owner_id, webhook_id)
        found = await self._deliveries.get_owned(owner_id, webhook_id, delivery_id, lock="update")
        if found is None:
            raise DeliveryNotFoundError
        found.status = "pending"
        found.round_attempts = 0
        found.round_at = found.next_attempt_at = datetime.now(UTC)
        await self._session.flush()
        return found

    async def _get_enabled(self, owner_id: UUID, webhook_id: UUID) -> Webhook:
        webhook = await self.get(owner_id, webhook_id)
        if webhook.disabled_reason is not None:
            raise WebhookDisabledError
        return webhook

    def _validated(self, text: str) -> str:
        """Return a normalized URL.

        Raises:
            WebhookAddressError: the URL is malformed, or certainly not public.
        """
        schemes = ["https"] if self._settings.environment == "production" else ["https", "http"]
        try:
            url = httpx.URL(text)
            host = url.host
        except (httpx.InvalidURL, UnicodeError):  # UnicodeError: an invalid internationalized host
            raise WebhookAddressError("The URL is malformed.") from None
        if url.scheme not in schemes or not host:
            raise WebhookAddressError(f"Expected a URL that starts with {' or '.join(schemes)}://.")
        if url.port is not None and not 0 < url.port < 65536:
            raise WebhookAddressError("Expected a port from 1 to 65535.")
        if url.userinfo or url.fragment:
            raise WebhookAddressError("Expected a URL without user, password and fragment.")
        if not self._is_allowed_host(host):
            raise WebhookAddressError("Expected a public address, got one of this machine or a private network.")
        if len(str(url)) > MAX_URL_LENGTH:
            raise WebhookAddressError(f"Expected at most {MAX_URL_LENGTH} characters after percent-encoding.")
        return str(url)

    def _is_allowed_host(self, host: str) -> bool:
        """Return False for an IP address that is not allowed. Names are resolved and checked at each delivery."""
        if host == "localhost" or host.endswith(".localhost"):
            return self._policy.allows("127.0.0.1")
        try:
            ip_address(host)
        except ValueError:
            return True
        return self._policy.allows(host)


def purpose(webhook_id: UUID) -> str:
    """Return the key ring's purpose for an endpoint's secret."""
    return f"webhook:{webhook_id}"


async def reencrypt_secrets(session: AsyncSession, ring: KeyRing) -> int:
    """Encrypt all secrets with the ring's first key, so that older keys can be removed; return the number of webhooks.

    Raises:
        UnreadableSecretError: a secret was encrypted with a key that is not in the ring.
    """
    webhooks = await WebhookRepository(session).list_for_update()
    for webhook in webhooks:
        webhook.secret = ring.rotate(webhook.secret)
        if webhook.previous_secret is not None:
            webhook.previous_secret = ring.rotate(webhook.previous_secret)
    await session.flush()
    return len(webhooks)
