"""Webhooks over HTTP."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response, delete, get, patch, post
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, Parameter, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.accounts.principal import Principal
from tone_shootout.jobs.webhooks.dtos import (
    DeliveryDetailRead,
    DeliveryRead,
    DeliveryState,
    WebhookCreate,
    WebhookRead,
    WebhookSecretRead,
    WebhookUpdate,
)
from tone_shootout.jobs.webhooks.models import WebhookDelivery
from tone_shootout.jobs.webhooks.services import WebhookService
from tone_shootout.kit.db.pagination import Page, Paging
from tone_shootout.kit.http.problems import problems
from tone_shootout.kit.keyring import KeyRing
from tone_shootout.kit.settings import Settings

PATH = "/api/v1/webhooks"
NO_STORE = {"Cache-Control": "no-store"}

WebhookId = Annotated[UUID, Parameter(description="The webhook's id.")]
DeliveryId = Annotated[UUID, Parameter(description="The delivery's id.")]


def provide_webhooks(
    db_session: NamedDependency[AsyncSession],
    key_ring: NamedDependency[KeyRing],
    settings: NamedDependency[Settings],
) -> WebhookService:
    """Return the service in the request's unit of work."""
    return WebhookService(db_session, key_ring, settings)


class WebhookController(Controller):
    """Endpoints and what was sent to them."""

    path = PATH
    tags = ("webhooks",)
    dependencies = {"webhooks": Provide(provide_webhooks, sync_to_thread=False)}  # noqa: RUF012 - Litestar reads it

    @post(
        operation_id="create_webhook",
        summary="Make a webhook",
        responses=problems(400, 401, 403, 409, 422),
    )
    async def create(
        self,
        data: JSONBody[WebhookCreate],
        principal: NamedDependency[Principal],
        webhooks: NamedDependency[WebhookService],
    ) -> Response[WebhookSecretRead]:
        """Let an address of yours hear of your jobs. The answer is the only one that shows its secret."""
        issued = await webhooks.create(
            principal.user_id, url=data.url, description=data.description, events=data.events
        )
        headers = {**NO_STORE, "Location": f"{PATH}/{issued.webhook.id}"}
        return Response(WebhookSecretRead.of(issued), status_code=201, headers=headers)

    @get(operation_id="list_webhooks", summary="List webhooks", responses=problems(400, 401))
    async def list_webhooks(
        self,
        principal: NamedDependency[Principal],
        webhooks: NamedDependency[WebhookService],
        paging: NamedDependency[Paging],
    ) -> Page[WebhookRead]:
        """List your webhooks, the newest first."""
        rows, total = await webhooks.list(principal.user_id, paging)
        return paging.page([WebhookRead.of(row) for row in rows], total)

    @get("/{webhook_id:uuid}", operation_id="get_webhook", summary="Get a webhook", responses=problems(401, 404))
    async def get_webhook(
        self,
        webhook_id: WebhookId,
        principal: NamedDependency[Principal],
        webhooks: NamedDependency[WebhookService],
    ) -> WebhookRead:
        """Show a webhook, without its secret."""
        return WebhookRead.of(await webhooks.get(principal.user_id, webhook_id))

    @patch(
        "/{webhook_id:uuid}",
        operation_id="change_webhook",
        summary="Change a webhook",
        responses=problems(400, 401, 403, 404, 422),
    )
    async def change(
        self,
        webhook_id: WebhookId,
        data: JSONBody[WebhookUpdate],
        principal: NamedDependency[Principal],
        webhooks: NamedDependency[WebhookService],
    ) -> WebhookRead:
        """Change a webhook's address, description or events, or disable or enable it."""
        changes = msgspec.to_builtins(data)
        return WebhookRead.of(await webhooks.change(principal.user_id, webhook_id, changes))

    @delete(
        "/{webhook_id:uuid}",
        operation_id="delete_webhook",
        summary="Delete a webhook",
        responses=problems(401, 403, 404),
    )
    async def delete_webhook(
        self,
        webhook_id: WebhookId,
        principal: NamedDependency[Principal],
        webhooks: NamedDependency[WebhookService],
    ) -> None:
        """Delete a webhook with its log; what waits for it is not sent."""
        await webhooks.delete(principal.user_id, webhook_id)

    @post(
        "/{webhook_id:uuid}/secret",
        operation_id="rotate_webhook_secret",
        summary="Make a new secret",
        responses=problems(401, 403, 404),
    )
    async def rotate(
        self,
        webhook_id: WebhookId,
        principal: NamedDependency[Principal],
        webhooks: NamedDependency[WebhookService],
    ) -> Response[WebhookSecretRead]:
        """Make a new secret. For a day messages carry signatures of both, so that your receiver misses none."""
        issued = await webhooks.rotate(principal.user_id, webhook_id)
        return Response(WebhookSecretRead.of(issued), status_code=201, headers=NO_STORE)

    @post(
        "/{webhook_id:uuid}/test",
        operation_id="test_webhook",
        summary="Try a webhook out",
        status_code=202,
        responses=problems(401, 403, 404, 409),
    )
    async def test(
        self,
        webhook_id: WebhookId,
        principal: NamedDependency[Principal],
        webhooks: NamedDependency[WebhookService],
    ) -> Response[DeliveryRead]:
        """Send a message of the type `webhook.test`; follow the delivery at `Location`."""
        return _on_its_way(await webhooks.test(principal.user_id, webhook_id))

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
        in_state: Annotated[
            DeliveryState | None, QueryParameter(name="state", description="Only those in this state.")
        ] = None,
    ) -> Page[DeliveryRead]:
        """List what was and is to be sent to a webhook, the newest first."""
        rows, total = await webhooks.list_deliveries(principal.user_id, webhook_id, paging, state=in_state)
        return paging.page([DeliveryRead.of(row) for row in rows], total)

    @get(
        "/{webhook_id:uuid}/deliveries/{delivery_id:uuid}",
        operation_id="get_delivery",
        summary="Get a delivery",
        responses=problems(401, 404),
    )
    async def get_delivery(
        self,
        webhook_id: WebhookId,
        delivery_id: DeliveryId,
        principal: NamedDependency[Principal],
        webhooks: NamedDependency[WebhookService],
    ) -> DeliveryDetailRead:
        """Show a message with its body and how every attempt went."""
        return DeliveryDetailRead.of(await webhooks.get_delivery(principal.user_id, webhook_id, delivery_id))

    @post(
        "/{webhook_id:uuid}/deliveries/{delivery_id:uuid}/redeliver",
        operation_id="redeliver",
        summary="Send a message again",
        status_code=202,
        responses=problems(401, 403, 404, 409),
    )
    async def redeliver(
        self,
        webhook_id: WebhookId,
        delivery_id: DeliveryId,
        principal: NamedDependency[Principal],
        webhooks: NamedDependency[WebhookService],
    ) -> Response[DeliveryRead]:
        """Send a message again, now, whether it has arrived before or not; its `webhook-id` stays the same."""
        return _on_its_way(await webhooks.redeliver(principal.user_id, webhook_id, delivery_id))


def _on_its_way(delivery: WebhookDelivery) -> Response[DeliveryRead]:
    headers = {"Location": f"{PATH}/{delivery.webhook_id}/deliveries/{delivery.id}"}
    return Response(DeliveryRead.of(delivery), status_code=202, headers=headers)
