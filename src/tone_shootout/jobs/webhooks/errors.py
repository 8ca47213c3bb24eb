"""Errors of webhooks."""

from tone_shootout.kit.http.problems import ConflictError, InvalidError, NotFoundError


class WebhookNotFoundError(NotFoundError):
    """The user has no such webhook."""

    code = "webhook_not_found"

    def __init__(self) -> None:
        super().__init__("Webhook not found.")


class DeliveryNotFoundError(NotFoundError):
    """The webhook has no such delivery, or it was deleted after the retention period."""

    code = "delivery_not_found"

    def __init__(self) -> None:
        super().__init__("Delivery not found.")


class TooManyWebhooksError(ConflictError):
    """The user has as many webhooks as allowed."""

    code = "too_many_webhooks"

    def __init__(self, limit: int) -> None:
        super().__init__(f"You have {limit} webhooks, which is the limit. Delete one first.")


class WebhookDisabledError(ConflictError):
    """The webhook is disabled."""

    code = "webhook_disabled"

    def __init__(self) -> None:
        super().__init__("The webhook is disabled. Enable it first.")


class WebhookAddressError(InvalidError):
    """The URL cannot receive webhooks."""

    code = "webhook_address"
