"""The account of who asks, over HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from litestar import Controller, Response, delete, get, post
from litestar.background_tasks import BackgroundTask
from litestar.di import NamedDependency, Provide
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, PathParameter, SkipValidation
from litestar.response import Stream

from tone_shootout.accounts.account_deletion import Leaving, forget
from tone_shootout.accounts.controllers._parts import NO_STORE, provide_accounts
from tone_shootout.accounts.cookies import no_cookies
from tone_shootout.accounts.dtos import MeRead, TokenCreate, TokenRead, TokenSecretRead
from tone_shootout.accounts.export import EXPORTS, archive, begun
from tone_shootout.accounts.principal import Principal
from tone_shootout.accounts.services import AccountService
from tone_shootout.kit.db.pagination import Page, Paging
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.http.openapi import DownloadOperation
from tone_shootout.kit.http.problems import problems
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage
from tone_shootout.kit.throttle import Throttle


class MeController(Controller):
    """The account of who asks."""

    path = "/api/v1/me"
    tags = ("accounts",)
    dependencies = {"accounts": Provide(provide_accounts, sync_to_thread=False)}  # noqa: RUF012 - Litestar reads it

    @get(operation_id="get_me", summary="Who am I?", responses=problems(401))
    async def get_me(self, principal: NamedDependency[Principal], accounts: NamedDependency[AccountService]) -> MeRead:
        """Show your account."""
        user, connection = await accounts.get_user(principal.user_id), await accounts.get_connection(principal.user_id)
        return MeRead.of(user, principal, connection)

    @delete(operation_id="delete_me", summary="Delete my account", responses=problems(401, 403))
    async def delete_me(
        self,
        principal: NamedDependency[Principal],
        accounts: NamedDependency[AccountService],
        leaving: NamedDependency[SkipValidation[Leaving]],
        storage: NamedDependency[Storage],
        settings: NamedDependency[Settings],
    ) -> Response[None]:
        """Delete your account at once and for good: library, shootouts, jobs, results, tokens and sessions.

        Jobs that are under way are cancelled first, which takes a moment.
        """
        ended = await leaving.end_work(principal.user_id)
        await accounts.delete_user(principal.user_id)
        return Response(
            None,
            status_code=204,
            cookies=no_cookies(settings.security),
            background=BackgroundTask(forget, storage, principal.user_id, ended=ended),
        )

    @get(
        "/export",
        operation_id="export_me",
        operation_class=DownloadOperation,
        summary="Export my account",
        responses={
            200: ResponseSpec(bytes, generate_examples=False, media_type="application/zip", description="The archive"),
            **problems(401, 503),
        },
    )
    async def export_me(
        self,
        principal: NamedDependency[Principal],
        storage: NamedDependency[Storage],
        throttle: NamedDependency[Throttle],
        session_maker: NamedDependency[SkipValidation[SessionMaker]],
    ) -> Stream:
        """Send everything that is kept of you as a ZIP archive: the database's rows as JSON, and all files."""
        await throttle.take(EXPORTS, str(principal.user_id))
        content = await begun(archive(session_maker, storage, principal.user_id))
        headers = {**NO_STORE, "Content-Disposition": 'attachment; filename="tone-shootout-account.zip"'}
        return Stream(content, media_type="application/zip", headers=headers)

    @get("/tokens", operation_id="list_tokens", summary="List API tokens", responses=problems(400, 401))
    async def list_tokens(
        self,
        principal: NamedDependency[Principal],
        accounts: NamedDependency[AccountService],
        paging: NamedDependency[Paging],
    ) -> Page[TokenRead]:
        """List your API tokens that are not revoked, the newest first."""
        rows, total = await accounts.list_tokens(principal.user_id, paging)
        return paging.page([TokenRead.of(token) for token in rows], total)

    @post("/tokens", operation_id="create_token", summary="Make an API token", responses=problems(400, 401, 403))
    async def create_token(
        self,
        data: JSONBody[TokenCreate],
        principal: NamedDependency[Principal],
        accounts: NamedDependency[AccountService],
    ) -> Response[TokenSecretRead]:
        """Make an API token. The answer is the only one that shows it."""
        days = data.expires_in_days
        expires_at = None if days is None else datetime.now(UTC) + timedelta(days=days)
        user = await accounts.get_user(principal.user_id)
        issued = await accounts.issue_token(user, name=data.name, scope=data.scope, expires_at=expires_at)
        return Response(TokenSecretRead.of(issued), status_code=201, headers=NO_STORE)

    @delete(
        "/tokens/{token_id:uuid}",
        operation_id="revoke_token",
        summary="Revoke an API token",
        responses=problems(401, 403, 404),
    )
    async def revoke_token(
        self,
        token_id: Annotated[UUID, PathParameter(description="The token's id.")],
        principal: NamedDependency[Principal],
        accounts: NamedDependency[AccountService],
    ) -> None:
        """Revoke one of your API tokens, and end the sessions that were started with it."""
        await accounts.revoke_token(principal.user_id, token_id)
