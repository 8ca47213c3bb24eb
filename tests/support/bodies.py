"""Bodies that the documented limits allow, with nothing else decided."""

from polyfactory.factories.msgspec_factory import MsgspecFactory

from tone_shootout.jobs.webhooks.dtos import WebhookChanges, WebhookRequest


class WebhookRequestFactory(MsgspecFactory[WebhookRequest]):
    """A webhook to be made."""

    url = "https://hooks.example/"


class WebhookChangesFactory(MsgspecFactory[WebhookChanges]):
    """Any changes of a webhook, and of any part of it."""

    url = "https://hooks.example/changed"
