"""Pages of listening tests: taking one, its results, and the tests of a share for its owner."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Controller, Request, get
from litestar.di import NamedDependency
from litestar.params import PathParameter, SkipValidation
from litestar.response import Redirect, Template

from tone_shootout.accounts.principal import Principal
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.http.prefix import prefix_of
from tone_shootout.listening.blind.dtos import (
    ListeningResultsRead,
    ListeningSessionRead,
    ListeningTestRead,
    OwnResultRead,
)
from tone_shootout.listening.blind.errors import ListeningTestNotFoundError, ResultsHiddenError
from tone_shootout.listening.blind.excerpts import DEFAULT_S, MAX_S
from tone_shootout.listening.blind.listener import read_token
from tone_shootout.listening.blind.services import ListeningTestService, ListeningTestState
from tone_shootout.listening.blind.session_service import OpenSession
from tone_shootout.listening.blind.trials import LETTERS, MAX_ROUNDS
from tone_shootout.listening.shares.addresses import checked_slug
from tone_shootout.listening.shares.facts import SharedFacts, SharedSegment
from tone_shootout.listening.shares.services import ShareService
from tone_shootout.listening.statistics.abx import TRIALS, power_sentence
from tone_shootout.pages.responses import page

MOST_TESTS: Final = 100
"""Tests of a share that its owner's page lists, and among which the newest open one is sought."""

_HIDDEN: Final = {"X-Robots-Tag": "noindex"}
"""For search engines: the addresses of unlisted shares are for those who have them."""

ShareSlug = Annotated[str, PathParameter()]
TestId = Annotated[UUID, PathParameter()]
ListeningTests = NamedDependency[SkipValidation[ListeningTestService]]


class ListeningTestPageController(Controller):
    """`/s/{slug}/test`: a listening test, for everybody. Before its end, the page names no tone but to match names."""

    path = "/s/{slug:str}/test"
    include_in_schema = False
    opt = {"public": True, "optional_authentication": True}  # noqa: RUF012 - Litestar reads a plain class attribute

    @get()
    async def newest(
        self, slug: ShareSlug, request: Request[Any, Any, Any], listening_tests: ListeningTests
    ) -> Redirect:
        """Redirect to the newest test that is open, or to the newest of all.

        The address of the test stays the same when its owner opens another one: a listener can come back to it.
        """
        states, _ = await listening_tests.list_of_share(checked_slug(slug), Paging(limit=MOST_TESTS, offset=0))
        if not states:
            raise ListeningTestNotFoundError
        found = next((state for state in states if state.is_open), states[0])
        prefix = prefix_of(request.scope)
        return Redirect(
            f"{prefix}/s/{slug}/test/{found.test.id}", status_code=303, headers={"Cache-Control": "no-store"}
        )

    @get("/{test_id:uuid}")
    async def show(
        self,
        slug: ShareSlug,
        test_id: TestId,
        request: Request[Any, Any, Any],
        listening_tests: ListeningTests,
    ) -> Template:
        """Return the test; after its end the own result, and that of all listeners where the owner shows it."""
        state = await _test_of(listening_tests, slug, test_id)
        test = ListeningTestRead.of(state, None)
        token = read_token(request)
        row = await listening_tests.find_session(test_id, token)
        opened = OpenSession(row, state) if row else None
        session = ListeningSessionRead.of(opened) if opened else None
        own = results = None
        hidden = ""
        if session is None or session.is_finished:
            try:
                await listening_tests.require_visible_results(state, None, token)
            except ResultsHiddenError as error:
                hidden = error.detail
            else:
                results = await _results(listening_tests, state)
        if opened and session and session.is_finished:
            own = OwnResultRead.of(opened, is_visible=not hidden)
        return page(
            request,
            "test.html",
            headers=_HIDDEN,
            slug=slug,
            test=test,
            session=session,
            letters=_letters(test),
            names=[tone.chain for tone in state.tones] if test.kind == "identification" else [],
            own=own,
            results=results,
            hidden=hidden,
        )

    @get("/{test_id:uuid}/results")
    async def results(
        self,
        slug: ShareSlug,
        test_id: TestId,
        request: Request[Any, Any, Any],
        listening_tests: ListeningTests,
    ) -> Template:
        """Return the results of all listeners, to those who may see them."""
        state = await _test_of(listening_tests, slug, test_id)
        user = request.scope["user"]
        viewer = user.user_id if isinstance(user, Principal) else None
        await listening_tests.require_visible_results(state, viewer, read_token(request))
        return page(
            request,
            "test_results.html",
            headers=_HIDDEN,
            slug=slug,
            test=ListeningTestRead.of(state, viewer),
            results=await _results(listening_tests, state),
        )


class ShareTestsPageController(Controller):
    """`/shares/{slug}/tests`: the listening tests of a share, for its owner."""

    path = "/shares/{slug:str}/tests"
    include_in_schema = False

    @get()
    async def show(
        self,
        slug: ShareSlug,
        request: Request[Any, Any, Any],
        principal: NamedDependency[Principal],
        shares: NamedDependency[SkipValidation[ShareService]],
        listening_tests: ListeningTests,
    ) -> Template:
        """Return the forms that open a test, and the tests that there are."""
        share = await shares.get_owned(principal.user_id, checked_slug(slug))
        states, total = await listening_tests.list_of_share(slug, Paging(limit=MOST_TESTS, offset=0))
        segments = msgspec.convert(share.facts, SharedFacts).segments
        return page(
            request,
            "share_tests.html",
            share=share,
            tests=[ListeningTestRead.of(state, principal.user_id) for state in states],
            total=total,
            chains={segment.position: segment.chain for segment in segments},
            tracks=_by_track(segments),
            powers=[(count, power_sentence(count)) for count in TRIALS],
            rounds=range(1, MAX_ROUNDS + 1),
            default_s=DEFAULT_S,
            most_s=MAX_S,
            now=datetime.now(UTC),
        )


async def _test_of(listening_tests: ListeningTestService, slug: str, test_id: UUID) -> ListeningTestState:
    """Return a test of the share at an address.

    Raises:
        ListeningTestNotFoundError: the share has no such test.
    """
    state = await listening_tests.get(test_id)
    if state.share.slug != slug:
        raise ListeningTestNotFoundError
    return state


async def _results(listening_tests: ListeningTestService, state: ListeningTestState) -> ListeningResultsRead:
    runs = await listening_tests.runs(state.test.id)
    return await asyncio.to_thread(ListeningResultsRead.of, state, runs)


def _letters(test: ListeningTestRead) -> list[str]:
    """Return the letters of the sounds in a trial."""
    if test.kind == "abx":
        return ["a", "b", "x"]
    return list(LETTERS[: 2 if test.method == "pairs" else test.tones])


def _by_track(segments: tuple[SharedSegment, ...]) -> dict[str, list[SharedSegment]]:
    """Return segments by DI track: those of one test have the same."""
    found: dict[str, list[SharedSegment]] = {}
    for segment in segments:
        found.setdefault(segment.di_track, []).append(segment)
    return found
