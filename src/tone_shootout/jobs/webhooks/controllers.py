"""REST API of webhooks."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response, delete, get, patch, post
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, Parameter, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.accounts.idempotency import Idempotent
from tone_shootout.accounts.principal import Principal
from tone_shootout.jobs.webhooks.dtos import (
    PATH,
    DeliveryDetailRead,
    DeliveryRead,
    DeliveryStatus,
    WebhookCreate,
    WebhookRead,
    WebhookSecretRead,
    WebhookUpdate,
    delivery_path,
    webhook_path,
)
from tone_shootout.jobs.webhooks.models import WebhookDelivery
from tone_shootout.jobs.webhooks.services import WebhookService
from tone_shootout.kit.db.pagination import Page, Paging
from tone_shootout.kit.http.preconditions import NOT_MODIFIED, IfMatch, IfNoneMatch, etag, tagged
from tone_shootout.kit.http.problems import problems
from tone_shootout.kit.keyring import KeyRing
from tone_shootout.kit.settings import Settings

NO_STORE = {"Cache-Control": "no-store"}

WebhookId = Annotated[UUID, Parameter(description="Webhook id.")]
DeliveryId = Annotated[UUID, Parameter(description="Delivery id.")]


def provide_webhooks(
    db_session: NamedDependency[AsyncSession],
    key_ring: NamedDependency[KeyRing],
    settings: NamedDependency[Settings],
) -> WebhookService:
    """Return the service for the request's unit of work."""
    return WebhookService(db_session, key_ring, settings)


class WebhookController(Controller):
    """Webhooks and their deliveries."""

    path = PATH
    tags = ("webhooks",)
    dependencies = {"webhooks": Provide(provide_webhooks, sync_to_thread=False)}  # noqa: RUF012 - Litestar reads it

    @post(
        operation_id="create_webhook",
        summary="Create a webhook",
        responses=problems(400, 401, 403, 409, 422),
    )
    async def create(
        self,
        data: JSONBody[WebhookCreate],
        principal: NamedDependency[Principal],
        webhooks: NamedDependency[WebhookService],
        idempotent: NamedDependency[Idempotent],
    ) -> Response[WebhookSecretRead]:
        """Create a webhook for your jobs. Only this response contains its secret."""

        async def make() -> Response[WebhookSecretRead]:
            issued = await webhooks.create(
                principal.user_id, url=data.url, description=data.description, events=data.events
            )
            content = WebhookSecretRead.of(issued)
            headers = {**NO_STORE, "Location": webhook_path(issued.webhook.id), "ETag": etag(content.webhook)}
            return Response(content, status_code=201, headers=headers)

        return await idempotent(make, secret=True)

    @get(operation_id="list_webhooks", summary="List webhooks", responses=problems(400, 401))
    async def list_webhooks(
        self,
        principal: NamedDependency[Principal],
        webhooks: NamedDependency[WebhookService],
        paging: NamedDependency[Paging],
    ) -> Page[WebhookRead]:
        """List your webhooks, newest first."""
        rows, total = await webhooks.list(principal.user_id, paging)
        return paging.page([WebhookRead.of(row) for row in rows], total)

    @get(
        "/{webhook_id:uuid}",
        operation_id="get_webhook",
        summary="Get a webhook",
        responses={**NOT_MODIFIED, **problems(400, 401, 404)},
    )
    async def get_webhook(
        self,
        webhook_id: WebhookId,
        principal: NamedDependency[Principal],
        webhooks: NamedDependency[WebhookService],
        if_none_match: NamedDependency[IfNoneMatch],
    ) -> Response[WebhookRead]:
        """Get a webhook, without its secret."""
        return if_none_match.respond(WebhookRead.of(await webhooks.get(principal.user_id, webhook_id)))

    @patch(
        "/{webhook_id:uuid}",
        operation_id="change_webhook",
        summary="Update a webhook",
        responses=problems(400, 401, 403, 404, 412, 422),
    )
    async def change(
        self,
        webhook_id: WebhookId,
        data: JSONBody[WebhookUpdate],
        principal: NamedDependency[Principal],
        webhooks: NamedDependency[WebhookService],
        if_match: NamedDependency[IfMatch],
    ) -> Response[WebhookRead]:
        """Update a webhook's URL, description or events, or disable or enable it."""
        changes = msgspec.to_builtins(data)
        webhook = await webhooks.change(principal.user_id, webhook_id, changes, condition=if_match.of(WebhookRead.of))
        return tagged(WebhookRead.of(webhook))

    @delete(
        "/{webhook_id:uuid}",
        operation_id="delete_webhook",
        summary="Delete a webhook",
        responses=problems(400, 401, 403, 404, 412),
    )
    async def delete_webhook(
        self,
        webhook_id: WebhookId,
        principal: NamedDependency[Principal],
        webhooks: NamedDependency[WebhookService],
        if_match: NamedDependency[IfMatch],
    ) -> None:
        """Delete a webhook with its deliveries; pending messages are not sent."""
        await webhooks.delete(principal.user_id, webhook_id, condition=if_match.of(WebhookRead.of))

    @post(
        "/{webhook_id:uuid}/secret",
        operation_id="rotate_webhook_secret",
        summary="Rotate the secret",
        responses=problems(400, 401, 403, 404, 409, 422),
    )
    async def rotate(
        self,
        webhook_id: WebhookId,
        principal: NamedDependency[Principal],
        webhooks: NamedDependency[WebhookService],
        idempotent: NamedDependency[Idempotent],
    ) -> Response[WebhookSecretRead]:
        """Create a new secret. For a day, messages are signed with both secrets."""

        async def make() -> Response[WebhookSecretRead]:
            issued = await webhooks.rotate(principal.user_id, webhook_id)
            headers = {**NO_STORE, "Location": webhook_path(webhook_id)}
            return Response(WebhookSecretRead.of(issued), status_code=201, headers=headers)

        return await idempotent(make, secret=True)

    @post(
        "/{webhook_id:uuid}/test",
        operation_id="test_webhook",
        summary="Test a webhook",
        status_code=202,
        responses=problems(400, 401, 403, 404, 409, 422),
    )
    async def test(
        self,
        webhook_id: WebhookId,
        principal: NamedDependency[Principal],
        webhooks: NamedDependency[WebhookService],
        idempotent: NamedDependency[Idempotent],
    ) -> Response[DeliveryRead]:
        """Send a message of type `webhook.test`; `Location` is its delivery."""

        async def make() -> Response[DeliveryRead]:
            return _accepted(await webhooks.test(principal.user_id, webhook_id))

        return await idempotent(make)

    @get(
        "/{webhook_id:uuid}/deliveries",
        operation_id="list_deliveries",
        summary="List deliveries",
        responses=problems(400, 401, 404),
    )
    async def list_deliveries(
        self,
        webhook_id: WebhookId,
        principal: NamedDependency[Principal],
        webhooks: NamedDependency[WebhookService],
        paging: NamedDependency[Paging],
        in_status: Annotated[
            DeliveryStatus | None, QueryParameter(name="status", description="Only deliveries in this status.")
        ] = None,
    ) -> Page[DeliveryRead]:
        """List a webhook's deliveries, newest first."""
        rows, total = await webhooks.list_deliveries(principal.user_id, webhook_id, paging, status=in_status)
        return paging.page([DeliveryRead.of(row) for row in rows], total)

    @get(
        "/{webhook_id:uuid}/deliveries/{delivery_id:uuid}",
        operation_id="get_delivery",
        summary="Get a delivery",
        responses=problems(400, 401, 404),
    )
    async def get_delivery(
        self,
        webhook_id: WebhookId,
        delivery_id: DeliveryId,
        principal: NamedDependency[Principal],
        webhooks: NamedDependency[WebhookService],
    ) -> DeliveryDetailRead:
        """Get a delivery with its body and attempts."""
        return DeliveryDetailRead.of(await webhooks.get_delivery(principal.user_id, webhook_id, delivery_id))

    @post(
        "/{webhook_id:uuid}/deliveries/{delivery_id:uuid}/redeliver",
        operation_id="redeliver",
        summary="Redeliver a message",
        status_code=202,
        responses=problems(400, 401, 403, 404, 409, 422),
    )
    async def redeliver(
        self,
        webhook_id: WebhookId,
        delivery_id: DeliveryId,
        principal: NamedDependency[Principal],
        webhooks: NamedDependency[WebhookService],
        idempotent: NamedDependency[Idempotent],
    ) -> Response[DeliveryRead]:
        """Send a message again now, even if it was delivered; its `webhook-id` stays the same."""

        async def make() -> Response[DeliveryRead]:
            return _accepted(await webhooks.redeliver(principal.user_id, webhook_id, delivery_id))

        return await idempotent(make)


def _accepted(delivery: WebhookDelivery) -> Response[DeliveryRead]:
    headers = {"Location": delivery_path(delivery)}
    return Response(DeliveryRead.of(delivery), status_code=202, headers=headers)
