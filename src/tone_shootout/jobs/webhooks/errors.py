"""What can go wrong with a webhook, as its owner is told."""

from tone_shootout.kit.http.problems import ConflictError, InvalidError, NotFoundError


class WebhookNotFoundError(NotFoundError):
    """No such endpoint among the asker's own."""

    code = "webhook_not_found"

    def __init__(self) -> None:
        super().__init__("You have no such webhook.")


class DeliveryNotFoundError(NotFoundError):
    """Nothing of that id was sent to the endpoint, or it is no longer kept."""

    code = "delivery_not_found"

    def __init__(self) -> None:
        super().__init__("This webhook has no such delivery.")


class TooManyWebhooksError(ConflictError):
    """As many as one user may have are there."""

    code = "too_many_webhooks"

    def __init__(self, most: int) -> None:
        super().__init__(f"You have {most} webhooks, as many as one user may have.")


class WebhookDisabledError(ConflictError):
    """Nothing is sent to an endpoint that is disabled."""

    code = "webhook_disabled"

    def __init__(self) -> None:
        super().__init__("This webhook is disabled; enable it first.")


class WebhookAddressError(InvalidError):
    """Nothing can be sent to such an address."""

    code = "webhook_address"
