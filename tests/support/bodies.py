"""Bodies that the documented limits allow, with nothing else decided."""

from polyfactory.factories.msgspec_factory import MsgspecFactory

from tone_shootout.jobs.webhooks.dtos import WebhookCreate, WebhookUpdate


class WebhookRequestFactory(MsgspecFactory[WebhookCreate]):
    """A webhook to be made."""

    url = "https://hooks.example/"


class WebhookChangesFactory(MsgspecFactory[WebhookUpdate]):
    """Any changes of a webhook, and of any part of it."""

    url = "https://hooks.example/changed"
