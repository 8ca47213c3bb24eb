"""REST API of listening tests."""

import asyncio
from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Controller, Request, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, Parameter, QueryParameter

from tone_shootout.accounts.idempotency import Idempotent
from tone_shootout.accounts.principal import Principal
from tone_shootout.kit.db.pagination import Page, Paging
from tone_shootout.kit.http.preconditions import NOT_MODIFIED, IfMatch, IfNoneMatch, etag, tagged
from tone_shootout.kit.http.problems import problems
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage
from tone_shootout.kit.throttle import Rate, Throttle, address_of
from tone_shootout.listening.blind import export, scores
from tone_shootout.listening.blind.dtos import (
    SESSIONS,
    TESTS,
    AnswerCreate,
    ListeningResultsRead,
    ListeningSessionRead,
    ListeningTestCreate,
    ListeningTestRead,
    ListeningTestUpdate,
    OwnResultRead,
    changes_of,
    listening_test_path,
    session_path,
)
from tone_shootout.listening.blind.errors import ResultsHiddenError
from tone_shootout.listening.blind.excerpts import ExcerptCache, make_stimulus, pad
from tone_shootout.listening.blind.listener import listener_cookie, new_token, read_token
from tone_shootout.listening.blind.services import ListeningTestService, ListeningTestState, kind_of, segments_of
from tone_shootout.listening.blind.session_service import ListeningSessionService, OpenSession
from tone_shootout.listening.blind.sounds import load_excerpt
from tone_shootout.listening.shares.controllers import Slug
from tone_shootout.listening.shares.dtos import SHARES

TestId = Annotated[UUID, Parameter(description="Id of the test.")]
SessionId = Annotated[UUID, Parameter(description="Id of the session.")]
StimulusId = Annotated[str, Parameter(description="Id of the sound.", min_length=1, max_length=40)]
PUBLIC = {"public": True}
ANYBODY = {"public": True, "optional_authentication": True}
NO_STORE = {"Cache-Control": "no-store"}
STIMULUS_HEADERS = {
    "Cache-Control": "no-store, no-transform",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""The same for every sound: no validator, no range, no name, no compression, nothing stored."""


class ShareTestController(Controller):
    """Listening tests of a share."""

    path = f"{SHARES}/{{slug:str}}/tests"
    tags = ("listening tests",)

    @post(
        operation_id="create_listening_test",
        summary="Open a listening test",
        responses=problems(401, 403, 404, 409, 422),
    )
    async def create(
        self,
        slug: Slug,
        data: JSONBody[ListeningTestCreate],
        principal: NamedDependency[Principal],
        listening_tests: NamedDependency[ListeningTestService],
        idempotent: NamedDependency[Idempotent],
    ) -> Response[ListeningTestRead]:
        """Open a blind test on your share. Anybody with its address takes it, without an account."""

        async def make() -> Response[ListeningTestRead]:
            state = await listening_tests.create(
                principal.user_id,
                slug,
                kind=data.kind,
                method=data.method,
                positions=data.segments,
                trials=data.trials,
                start_s=data.start_s,
                duration_s=data.duration_s,
                results=data.results,
                closes_at=data.closes_at,
            )
            content = ListeningTestRead.of(state, principal.user_id)
            headers = {"Location": listening_test_path(state.test.id), "ETag": etag(content)}
            return Response(content, status_code=201, headers=headers)

        return await idempotent(make)

    @get(
        operation_id="list_listening_tests",
        summary="List listening tests of a share",
        opt=ANYBODY,
        responses=problems(404),
    )
    async def list_tests(
        self,
        slug: Slug,
        request: Request[Any, Any, Any],
        listening_tests: NamedDependency[ListeningTestService],
        paging: NamedDependency[Paging],
    ) -> Page[ListeningTestRead]:
        """List the listening tests of a share, newest first."""
        rows, total = await listening_tests.list_of_share(slug, paging)
        return paging.page([ListeningTestRead.of(row, _viewer(request)) for row in rows], total)


class ListeningTestController(Controller):
    """Listening tests: their owners close and delete them, anybody takes them."""

    path = TESTS
    tags = ("listening tests",)

    @get(
        "/{test_id:uuid}",
        operation_id="get_listening_test",
        summary="Get a listening test",
        opt=ANYBODY,
        responses={**NOT_MODIFIED, **problems(404)},
    )
    async def get_test(
        self,
        test_id: TestId,
        request: Request[Any, Any, Any],
        listening_tests: NamedDependency[ListeningTestService],
        if_none_match: NamedDependency[IfNoneMatch],
    ) -> Response[ListeningTestRead]:
        """Return a test. Its segments are for its owner only."""
        state = await listening_tests.get(test_id)
        response = if_none_match.respond(ListeningTestRead.of(state, _viewer(request)))
        response.headers.update(NO_STORE)
        return response

    @patch(
        "/{test_id:uuid}",
        operation_id="change_listening_test",
        summary="Update a listening test",
        responses=problems(401, 403, 404, 412, 422),
    )
    async def change(
        self,
        test_id: TestId,
        data: JSONBody[ListeningTestUpdate],
        principal: NamedDependency[Principal],
        listening_tests: NamedDependency[ListeningTestService],
        if_match: NamedDependency[IfMatch],
    ) -> Response[ListeningTestRead]:
        """Change when your test closes, or who sees its results."""

        def read(state: ListeningTestState) -> ListeningTestRead:
            return ListeningTestRead.of(state, principal.user_id)

        condition = if_match.of(read)
        state = await listening_tests.change(principal.user_id, test_id, changes_of(data), condition=condition)
        return tagged(read(state))

    @delete(
        "/{test_id:uuid}",
        operation_id="delete_listening_test",
        summary="Delete a listening test",
        responses=problems(401, 403, 404, 412),
    )
    async def delete_test(
        self,
        test_id: TestId,
        principal: NamedDependency[Principal],
        listening_tests: NamedDependency[ListeningTestService],
        if_match: NamedDependency[IfMatch],
    ) -> None:
        """Delete your test with all its answers."""
        condition = if_match.of(lambda state: ListeningTestRead.of(state, principal.user_id))
        await listening_tests.delete(principal.user_id, test_id, condition=condition)

    @post(
        "/{test_id:uuid}/sessions",
        operation_id="start_listening_session",
        summary="Take a listening test",
        opt=PUBLIC,
        responses={
            200: ResponseSpec(
                ListeningSessionRead, generate_examples=False, description="This browser has a session already"
            ),
            **problems(403, 404, 409),
        },
    )
    async def start(
        self,
        test_id: TestId,
        request: Request[Any, Any, Any],
        listening_tests: NamedDependency[ListeningTestService],
        throttle: NamedDependency[Throttle],
        settings: NamedDependency[Settings],
    ) -> Response[ListeningSessionRead]:
        """Start a session for this browser, or return the one that it has. A random cookie stands for the listener."""
        rate = Rate("listening", settings.limits.listening_sessions_per_hour, 3600)
        await throttle.take(rate, address_of(request.scope))
        token = read_token(request) or new_token()
        state, session, is_new = await listening_tests.start(test_id, token)
        return Response(
            ListeningSessionRead.of(OpenSession(session, state)),
            status_code=201 if is_new else 200,
            headers={**NO_STORE, "Location": session_path(session.id)},
            cookies=[listener_cookie(token, settings.security)],
        )

    @get(
        "/{test_id:uuid}/results",
        operation_id="get_listening_results",
        summary="Get the results of a listening test",
        opt=ANYBODY,
        responses={
            200: ResponseSpec(ListeningResultsRead, generate_examples=False, description="The results."),
            **problems(403, 404),
        },
    )
    async def results(
        self,
        test_id: TestId,
        request: Request[Any, Any, Any],
        listening_tests: NamedDependency[ListeningTestService],
        result_format: Annotated[
            Literal["json", "csv"], QueryParameter(name="format", description="`csv`: a row for each answer.")
        ] = "json",
    ) -> Response[Any]:
        """Return numbers of listeners and statistics over all who have finished."""
        state = await listening_tests.get(test_id)
        await listening_tests.require_visible_results(state, _viewer(request), read_token(request))
        runs = await listening_tests.runs(test_id)
        if result_format == "json":
            content = await asyncio.to_thread(ListeningResultsRead.of, state, runs)
            return Response(content, headers=NO_STORE)
        headers = {**NO_STORE, "Content-Disposition": f'attachment; filename="listening-test-{test_id}.csv"'}
        rows = scores.rows(runs, kind_of(state.test), state.tones)
        return Response(export.to_csv(rows), media_type="text/csv", headers=headers)

    @get(
        "/{test_id:uuid}/webmushra",
        operation_id="get_webmushra",
        summary="Get a listening test for webMUSHRA",
        responses={
            200: ResponseSpec(bytes, generate_examples=False, media_type="text/plain", description="The file."),
            **problems(401, 404),
        },
    )
    async def webmushra(
        self,
        test_id: TestId,
        principal: NamedDependency[Principal],
        listening_tests: NamedDependency[ListeningTestService],
    ) -> Response[Any]:
        """Return a configuration of webMUSHRA that asks the same, for your own laboratory."""
        state = await listening_tests.get_owned(principal.user_id, test_id)
        content = export.to_webmushra(state.test, segments_of(state.test, state.share), state.share.title)
        headers = {"Content-Disposition": f'attachment; filename="listening-test-{test_id}.yaml"'}
        return Response(content, media_type="text/plain", headers=headers)


class ListeningSessionController(Controller):
    """Sessions of listeners, who are known by their cookies."""

    path = SESSIONS
    tags = ("listening tests",)
    opt = PUBLIC

    @get(
        "/{listening_session_id:uuid}",
        operation_id="get_listening_session",
        summary="Get a session",
        responses=problems(404),
    )
    async def get_session(
        self,
        listening_session_id: SessionId,
        request: Request[Any, Any, Any],
        listening_sessions: NamedDependency[ListeningSessionService],
    ) -> Response[ListeningSessionRead]:
        """Return a session, to resume it after a reload."""
        opened = await listening_sessions.get(read_token(request), listening_session_id)
        return Response(ListeningSessionRead.of(opened), headers=NO_STORE)

    @get(
        "/{listening_session_id:uuid}/stimuli/{stimulus_id:str}",
        operation_id="get_stimulus",
        summary="Get a sound of a session",
        responses={
            200: ResponseSpec(
                bytes, generate_examples=False, media_type="application/octet-stream", description="A 24-bit WAV file."
            ),
            **problems(404, 503),
        },
    )
    async def stimulus(
        self,
        listening_session_id: SessionId,
        stimulus_id: StimulusId,
        request: Request[Any, Any, Any],
        listening_tests: NamedDependency[ListeningTestService],
        listening_sessions: NamedDependency[ListeningSessionService],
        excerpts: NamedDependency[ExcerptCache],
        storage: NamedDependency[Storage],
    ) -> Response[bytes]:
        """Send a sound with dither of its own. Nothing but the sound tells which tone it is."""
        started = asyncio.get_running_loop().time()
        test, tone = await listening_sessions.stimulus(read_token(request), listening_session_id, stimulus_id)
        excerpt = await excerpts.get(test.id, lambda: load_excerpt(listening_tests, storage, test))
        content = await asyncio.to_thread(make_stimulus, excerpt, tone)
        await pad(started)
        return Response(content, media_type="application/octet-stream", headers=STIMULUS_HEADERS)

    @post(
        "/{listening_session_id:uuid}/answers",
        operation_id="answer_trial",
        summary="Answer a trial",
        status_code=200,
        responses=problems(403, 404, 409, 422),
    )
    async def answer(
        self,
        listening_session_id: SessionId,
        data: JSONBody[AnswerCreate],
        request: Request[Any, Any, Any],
        listening_sessions: NamedDependency[ListeningSessionService],
    ) -> Response[ListeningSessionRead]:
        """Store the answer to the next trial, once. The response says nothing about whether it is right."""
        opened = await listening_sessions.answer(read_token(request), listening_session_id, data.answer())
        return Response(ListeningSessionRead.of(opened), status_code=200, headers=NO_STORE)

    @post(
        "/{listening_session_id:uuid}/finish",
        operation_id="finish_listening_session",
        summary="Finish a session",
        status_code=200,
        responses=problems(403, 404, 409),
    )
    async def finish(
        self,
        listening_session_id: SessionId,
        request: Request[Any, Any, Any],
        listening_tests: NamedDependency[ListeningTestService],
        listening_sessions: NamedDependency[ListeningSessionService],
    ) -> Response[OwnResultRead]:
        """End a session after its last answer, and return the result as far as the owner shows it."""
        token = read_token(request)
        opened = await listening_sessions.finish(token, listening_session_id)
        try:
            await listening_tests.require_visible_results(opened.state, None, token)
        except ResultsHiddenError:
            return Response(OwnResultRead.of(opened, is_visible=False), status_code=200, headers=NO_STORE)
        return Response(OwnResultRead.of(opened, is_visible=True), status_code=200, headers=NO_STORE)


def _viewer(request: Request[Any, Any, Any]) -> UUID | None:
    """Return the signed-in user, if there is one."""
    user = request.scope["user"]
    return user.user_id if isinstance(user, Principal) else None
