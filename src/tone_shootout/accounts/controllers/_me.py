"""REST endpoints of the user's own account."""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from litestar import Controller, Response, delete, get, post
from litestar.background_tasks import BackgroundTask
from litestar.di import NamedDependency, Provide
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, PathParameter, SkipValidation
from litestar.response import Stream

from tone_shootout.accounts.account_deletion import JobCanceller, purge
from tone_shootout.accounts.controllers._shared import NO_STORE, provide_accounts
from tone_shootout.accounts.cookies import expired_session_cookies
from tone_shootout.accounts.dtos import MeRead, TokenCreate, TokenRead, TokenSecretRead, token_path
from tone_shootout.accounts.export import EXPORT_RATE, stream_archive
from tone_shootout.accounts.idempotency import Idempotent
from tone_shootout.accounts.principal import Principal
from tone_shootout.accounts.services import AccountService
from tone_shootout.kit.db.pagination import Page, Paging
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.http.openapi import DownloadOperation
from tone_shootout.kit.http.problems import problems
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage
from tone_shootout.kit.throttle import Throttle
from tone_shootout.kit.zip_stream import prefetch_first

TokenId = Annotated[UUID, PathParameter(description="Id of the token.")]


class MeController(Controller):
    """Account, export and API tokens of the authenticated user."""

    path = "/api/v1/me"
    tags = ("accounts",)
    dependencies = {"accounts": Provide(provide_accounts, sync_to_thread=False)}  # noqa: RUF012 - Litestar reads it

    @get(operation_id="get_me", summary="Get my account", responses=problems(400, 401))
    async def get_me(self, principal: NamedDependency[Principal], accounts: NamedDependency[AccountService]) -> MeRead:
        """Return your account, and the scope of the credential of this request."""
        return MeRead.of(await accounts.read(principal.user_id), principal)

    @delete(operation_id="delete_me", summary="Delete my account", responses=problems(400, 401, 403))
    async def delete_me(
        self,
        principal: NamedDependency[Principal],
        accounts: NamedDependency[AccountService],
        job_canceller: NamedDependency[SkipValidation[JobCanceller]],
        storage: NamedDependency[Storage],
        settings: NamedDependency[Settings],
    ) -> Response[None]:
        """Delete your account permanently, with library, shootouts, jobs, results, tokens and sessions.

        Unfinished jobs are cancelled first, which can take up to ten seconds.
        """
        jobs_released = await job_canceller.cancel_and_wait(principal.user_id)
        await accounts.delete_user(principal.user_id)
        return Response(
            None,
            status_code=204,
            cookies=expired_session_cookies(settings),
            background=BackgroundTask(purge, storage, principal.user_id, jobs_released=jobs_released),
        )

    @get(
        "/export",
        operation_id="export_me",
        operation_class=DownloadOperation,
        summary="Export my account",
        responses={
            200: ResponseSpec(bytes, generate_examples=False, media_type="application/zip", description="The archive"),
            **problems(400, 401, 503),
        },
    )
    async def export_me(
        self,
        principal: NamedDependency[Principal],
        storage: NamedDependency[Storage],
        throttle: NamedDependency[Throttle],
        session_maker: NamedDependency[SkipValidation[SessionMaker]],
    ) -> Stream:
        """Return a ZIP archive of all your data: database rows as JSON, and files."""
        await throttle.take(EXPORT_RATE, str(principal.user_id))
        content = await prefetch_first(stream_archive(session_maker, storage, principal.user_id))
        headers = {**NO_STORE, "Content-Disposition": 'attachment; filename="tone-shootout-account.zip"'}
        return Stream(content, media_type="application/zip", headers=headers)

    @get("/tokens", operation_id="list_tokens", summary="List API tokens", responses=problems(400, 401))
    async def list_tokens(
        self,
        principal: NamedDependency[Principal],
        accounts: NamedDependency[AccountService],
        paging: NamedDependency[Paging],
    ) -> Page[TokenRead]:
        """List your API tokens that are not revoked, newest first."""
        rows, total = await accounts.list_tokens(principal.user_id, paging)
        return paging.page([TokenRead.of(token) for token in rows], total)

    @post(
        "/tokens",
        operation_id="create_token",
        summary="Create an API token",
        responses=problems(400, 401, 403, 409, 422),
    )
    async def create_token(
        self,
        data: JSONBody[TokenCreate],
        principal: NamedDependency[Principal],
        accounts: NamedDependency[AccountService],
        idempotent: NamedDependency[Idempotent],
    ) -> Response[TokenSecretRead]:
        """Create an API token. Only this response contains the secret."""

        async def make() -> Response[TokenSecretRead]:
            days = data.expires_in_days
            expires_at = None if days is None else datetime.now(UTC) + timedelta(days=days)
            user = await accounts.get_user(principal.user_id)
            issued = await accounts.issue_token(user, name=data.name, scope=data.scope, expires_at=expires_at)
            headers = {**NO_STORE, "Location": token_path(issued.token.id)}
            return Response(TokenSecretRead.of(issued), status_code=201, headers=headers)

        return await idempotent(make, secret=True)

    @get(
        "/tokens/{token_id:uuid}",
        operation_id="get_token",
        summary="Get an API token",
        responses=problems(400, 401, 404),
    )
    async def get_token(
        self, token_id: TokenId, principal: NamedDependency[Principal], accounts: NamedDependency[AccountService]
    ) -> TokenRead:
        """Return one of your API tokens, without its secret."""
        return TokenRead.of(await accounts.get_token(principal.user_id, token_id))

    @delete(
        "/tokens/{token_id:uuid}",
        operation_id="revoke_token",
        summary="Revoke an API token",
        responses=problems(400, 401, 403, 404),
    )
    async def revoke_token(
        self,
        token_id: TokenId,
        principal: NamedDependency[Principal],
        accounts: NamedDependency[AccountService],
    ) -> None:
        """Revoke one of your API tokens, and end the sessions started with it."""
        await accounts.revoke_token(principal.user_id, token_id)
