"""The settings page: tokens, sign-ins, webhooks, TONE3000, export and deletion."""

from typing import Any, Final

from litestar import Controller, Request, get
from litestar.di import NamedDependency, Provide
from litestar.params import SkipValidation
from litestar.response import Template

from tone_shootout.accounts.controllers import provide_sessions
from tone_shootout.accounts.dtos import MeRead, OpenSessionRead, TokenRead
from tone_shootout.accounts.principal import Principal
from tone_shootout.accounts.services import AccountService
from tone_shootout.accounts.sessions import SessionService
from tone_shootout.jobs.limits import StorageLimits
from tone_shootout.jobs.webhooks.controllers import provide_webhooks
from tone_shootout.jobs.webhooks.dtos import WebhookRead
from tone_shootout.jobs.webhooks.services import WebhookService
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.settings import Settings
from tone_shootout.pages.responses import page
from tone_shootout.shootouts.library.services import LibraryService

_ALL: Final = Paging(limit=100, offset=0)


class SettingsPageController(Controller):
    """`/settings`."""

    path = "/settings"
    include_in_schema = False
    dependencies = {  # noqa: RUF012 - Litestar reads a plain class attribute
        "sessions": Provide(provide_sessions, sync_to_thread=False),
        "webhooks": Provide(provide_webhooks, sync_to_thread=False),
    }

    @get()
    async def show(
        self,
        request: Request[Any, Any, Any],
        principal: NamedDependency[Principal],
        accounts: NamedDependency[SkipValidation[AccountService]],
        sessions: NamedDependency[SkipValidation[SessionService]],
        webhooks: NamedDependency[SkipValidation[WebhookService]],
        settings: NamedDependency[Settings],
        library: NamedDependency[SkipValidation[LibraryService]],
    ) -> Template:
        """Return the settings of the user's account."""
        user_id = principal.user_id
        tokens, _ = await accounts.list_tokens(user_id, _ALL)
        open_sessions, _ = await sessions.list_sessions(user_id, _ALL)
        hooks, _ = await webhooks.list(user_id, _ALL)
        return page(
            request,
            "settings.html",
            me=MeRead.of(await accounts.read(user_id), principal),
            tokens=[TokenRead.of(token) for token in tokens],
            sessions=[OpenSessionRead.of(session, principal) for session in open_sessions],
            webhooks=[WebhookRead.of(webhook) for webhook in hooks],
            storage=StorageLimits.of(await library.usage(user_id), await library.bounds(user_id)),
            tone3000=bool(settings.tone3000.client_id),
        )
