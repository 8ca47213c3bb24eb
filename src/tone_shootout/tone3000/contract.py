"""Contract checks of TONE3000's API: promises that the client relies on.

Tests check them against the stand-in, operators against the real service (`shootout tone3000 check`). The checks only
read. Promises for which the service has no example, such as an account without favorites, are left out.
"""

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import msgspec
from msgspec import Struct

from tone_shootout.tone3000.client import API, SEARCH_PAGE, USERS_PAGE, Search, Tone3000
from tone_shootout.tone3000.download import Downloads
from tone_shootout.tone3000.errors import GrantError, NotAvailableError, NotPermittedError, Tone3000Error
from tone_shootout.tone3000.http_client import HttpClient
from tone_shootout.tone3000.oauth import AUTHORIZE, OAuthClient, challenge_of, new_verifier
from tone_shootout.tone3000.types import Model, Page, TokenPair, Tone

MISSING_TONE_ID: Final = 999_999_999
T = TypeVar("T")
Verdict = Literal["kept", "broken", "left out"]


class Finding(Struct, kw_only=True):
    """Result of the check of one promise."""

    promise: str
    verdict: Verdict
    detail: str


class _Error(Struct):
    error: str


class _BrokenPromiseError(Exception):
    """The promise is broken."""


class _SkippedError(Exception):
    """The service has no example to check."""


class Target:
    """The service to check.

    Args:
        http_client: client of the service.
        token: access token of a user.
        deprecations: names of deprecated forms reported by the service; `http_client` appends to it.
    """

    def __init__(self, http_client: HttpClient, token: str, deprecations: list[str]) -> None:
        self.http_client = http_client
        self.client = Tone3000(http_client)
        self.token = token
        self.deprecations = deprecations
        self._tones: list[Tone] | None = None

    async def tones(self) -> list[Tone]:
        """Return the tones to check: trending, latest and the user's favorites."""
        if self._tones is None:
            client, token = self.client, self.token
            rows = [
                *await client.trending(token),
                *await client.latest(token),
                *(await client.favorited(token)).data,
            ]
            self._tones = list({tone.id: tone for tone in rows}.values())
        return self._tones

    async def tone_with(self, predicate: Callable[[Tone], bool], what: str) -> Tone:
        """Return the first tone that satisfies `predicate`; `what` names it in the error."""
        for tone in await self.tones():
            if predicate(tone):
                return tone
        raise _SkippedError(f"no {what} among trending, latest and favorite tones")

    async def status(self, path: str, *, token: str | None = None, **query: str | int) -> tuple[int, bytes]:
        """Return status and body of a GET request."""
        await self.http_client.wait_for_rate_limit()
        async with (
            self.http_client.timeout(),
            self.http_client.stream("GET", path, token, parameters=query) as response,
        ):
            return response.status_code, await self.http_client.read_body(response)


Promise = Callable[[Target], Awaitable[str]]
_PROMISES: dict[str, Promise] = {}


def _promise(text: str) -> Callable[[Promise], Promise]:
    def register(function: Promise) -> Promise:
        _PROMISES[text] = function
        return function

    return register


def _require(condition: object, detail: str) -> None:
    if not condition:
        raise _BrokenPromiseError(detail)


async def check_promises(target: Target) -> AsyncIterator[Finding]:
    """Check all promises in order and yield their results."""
    for text, promise in _PROMISES.items():
        verdict: Verdict
        try:
            verdict, detail = "kept", await promise(target)
        except _BrokenPromiseError as error:
            verdict, detail = "broken", str(error)
        except _SkippedError as error:
            verdict, detail = "left out", str(error)
        except Tone3000Error as error:
            verdict, detail = "broken", f"{error.code}: {error.detail}"
        yield Finding(promise=text, verdict=verdict, detail=detail)


@_promise("Trending tones need no token: at most ten, with title, creator and counters")
async def _trending(target: Target) -> str:
    tones = await target.client.trending()
    _require(0 < len(tones) <= 10, f"{len(tones)} tones")
    for tone in tones:
        _require(tone.title and tone.user.username and tone.gear and tone.format, f"tone {tone.id} lacks a field")
        _require(tone.files_count > 0, f"tone {tone.id} has no files")
    return f"{len(tones)} tones"


@_promise("All other requests need a token; an API key is not accepted as one")
async def _needs_token(target: Target) -> str:
    for token in (None, "no-such-token", target.http_client.settings.client_id or None):
        status, body = await target.status(f"{API}/user", token=token)
        _require(status == 401, f"status {status} instead of 401")
    return _error_of(body)


@_promise("A token identifies a user")
async def _person(target: Target) -> str:
    person = await target.client.user(target.token)
    _require(person.id and person.username, "the user lacks an id or a name")
    return person.username


@_promise("Lists of created, favorite and downloaded tones have pages numbered from 1")
async def _lists(target: Target) -> str:
    counts = []
    for fetch_page in (target.client.created, target.client.favorited, target.client.downloaded):
        page = await fetch_page(target.token, page_size=2)
        _require(page.page == 1 and len(page.data) <= 2, f"page {page.page} with {len(page.data)} rows")
        _require(page.total_pages * max(page.page_size, 1) >= page.total, "the totals contradict each other")
        beyond = await fetch_page(target.token, page=page.total_pages + 1, page_size=2)
        _require(not beyond.data, "the page after the last one has rows")
        counts.append(page.total)
    return "{} created, {} favorites, {} downloaded".format(*counts)


@_promise("An unknown gear type is rejected with a list of the known ones")
async def _gear(target: Target) -> str:
    status, body = await target.status(f"{API}/tones/favorited", token=target.token, gear="washing-machine")
    _require(status == 400, f"status {status} instead of 400")
    _require("amp-cab" in _error_of(body), f"the error is {_error_of(body)!r}")
    return _error_of(body)


@_promise("A single tone equals the tone in a list")
async def _tone(target: Target) -> str:
    listed = await target.tone_with(lambda _: True, "tone")
    tone = await target.client.tone(target.token, listed.id)
    for name in ("title", "gear", "format", "a1_models_count", "a2_models_count", "irs_count", "custom_models_count"):
        _require(getattr(tone, name) == getattr(listed, name), f"{name} differs")
    _require(tone.license, "the tone has no license")
    return f"{tone.title!r} by {tone.user.name}, license {tone.license}"


@_promise("A missing tone and its models are rejected")
async def _nothing(target: Target) -> str:
    found = []
    for path, query in ((f"/tones/{MISSING_TONE_ID}", {}), ("/models", {"tone_id": MISSING_TONE_ID})):
        status, _ = await target.status(f"{API}{path}", token=target.token, **query)
        _require(status in (403, 404), f"status {status} of {path}")
        found.append(str(status))
    return " and ".join(found)


@_promise("Models of architecture A2 are listed only on request")
async def _second_architecture(target: Target) -> str:
    tone = await target.tone_with(lambda tone: tone.a2_models_count > 0, "tone with captures of A2")
    plain = await target.client.models(target.token, tone.id)
    _require(all(model.architecture_version != "2" for model in plain.data), "A2 is listed without a request")
    a2 = await target.client.models(target.token, tone.id, architecture="2")
    _require(a2.data and all(model.architecture_version == "2" for model in a2.data), "other models than A2, or none")
    return f"{a2.total} of {tone.title!r}"


@_promise("An unknown architecture is rejected")
async def _architecture(target: Target) -> str:
    tone = await target.tone_with(lambda _: True, "tone")
    status, body = await target.status(f"{API}/models", token=target.token, tone_id=tone.id, architecture="9")
    _require(status == 400, f"status {status} instead of 400")
    return _error_of(body)


@_promise("The counters of a tone equal the number of its models")
async def _counters(target: Target) -> str:
    tone = await target.tone_with(lambda tone: tone.files_count > 0, "tone with files")
    models = await target.client.all_models(target.token, tone)
    _require(len(models) == tone.files_count, f"{len(models)} models, but the counters add up to {tone.files_count}")
    _require(all(model.name and model.model_url for model in models), "a model lacks a name or a URL")
    return f"{len(models)} of {tone.title!r}"


@_promise("Impulse responses have no size and no architecture")
async def _impulse_responses(target: Target) -> str:
    tone = await target.tone_with(lambda tone: tone.format == "ir" and tone.irs_count > 0, "impulse response")
    models = await target.client.all_models(target.token, tone)
    _require(models, "no models are listed")
    has_neither = all(model.size is None and model.architecture_version is None for model in models)
    _require(has_neither, "a model has a size or an architecture")
    return f"{len(models)} of {tone.title!r}"


@_promise("A single model equals the model in a list")
async def _model(target: Target) -> str:
    listed = await _first_model(target, lambda tone: tone.files_count > 0, "tone with files")
    model = await target.client.model(target.token, listed.id)
    for name in ("id", "tone_id", "name", "size", "architecture_version"):
        _require(getattr(model, name) == getattr(listed, name), f"{name} differs")
    return f"{model.name!r}"


@_promise("The file of a capture is a .nam document and needs a token")
async def _capture(target: Target) -> str:
    listed = await _first_model(target, lambda tone: tone.format == "nam" and tone.files_count > 0, "capture")
    content = await _fetch(target, listed)
    try:
        document = msgspec.json.decode(content, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise _BrokenPromiseError(f"the file is not a JSON object: {error}") from None
    _require({"version", "architecture", "config"} <= set(document), "the file lacks version, architecture or config")
    return f"{document['architecture']} {document['version']}, {len(content)} bytes"


@_promise("The file of an impulse response is WAV and needs a token")
async def _wav(target: Target) -> str:
    listed = await _first_model(target, lambda tone: tone.irs_count > 0, "impulse response")
    content = await _fetch(target, listed)
    _require(content[:4] == b"RIFF" and content[8:12] == b"WAVE", "the file has no WAV header")
    return f"{len(content)} bytes"


@_promise("Lists of makes, tags and users have pages of the requested size")
async def _names(target: Target) -> str:
    pages: tuple[tuple[str, Page[Any], int], ...] = (
        ("makes", await _skip_unless_permitted(target.client.makes(target.token)), SEARCH_PAGE),
        ("tags", await _skip_unless_permitted(target.client.tags(target.token)), SEARCH_PAGE),
        ("users", await _skip_unless_permitted(target.client.users(target.token)), USERS_PAGE),
    )
    for name, page, size in pages:
        _require(page.page_size == size, f"{page.page_size} {name} on a page instead of {size}")
    return ", ".join(f"{page.total} {name}" for name, page, _ in pages)


@_promise("Search returns at most 25 tones a page, and tones with A2 only on request")
async def _search(target: Target) -> str:
    if not target.http_client.settings.search:
        raise _SkippedError("SHOOTOUT_TONE3000_SEARCH is off")
    page = await _skip_unless_permitted(target.client.search(target.token, Search(), page_size=100))
    _require(page.page_size <= 25, f"{page.page_size} on a page")
    without_a1 = [tone for tone in page.data if tone.format == "nam" and not tone.a1_models_count]
    has_a2_only = any(tone.a2_models_count and not tone.custom_models_count for tone in without_a1)
    _require(not has_a2_only, "a tone with A2 only is found without a request")
    a2 = await target.client.search(target.token, Search(architecture="2"))
    _require(all(tone.a2_models_count for tone in a2.data), "the search for A2 finds a tone without A2")
    return f"{page.total} tones, {a2.total} with A2"


@_promise("The archive of a tone is reserved for partners")
async def _archive(target: Target) -> str:
    tone = await target.tone_with(lambda tone: tone.files_count > 0, "tone with files")
    status, _ = await target.status(f"{API}/tones/{tone.id}/download", token=target.token)
    _require(status in (200, 400, 403), f"status {status}")
    return "permitted" if status == 200 else "not permitted"


@_promise("A sign-in with an unknown API key gets an error page and no redirect")
async def _unknown_key(target: Target) -> str:
    query = {
        "client_id": "t3k_pub_of_nobody",
        "redirect_uri": "http://127.0.0.1:1/callback",
        "response_type": "code",
        "code_challenge": challenge_of(new_verifier()),
        "code_challenge_method": "S256",
        "state": "conformance",
    }
    status, _ = await target.status(AUTHORIZE, **query)
    _require(400 <= status < 500, f"status {status}")
    return f"status {status}"


@_promise("Unknown authorization codes and refresh tokens are rejected")
async def _grants(target: Target) -> str:
    oauth = OAuthClient(_require_key(target))
    redirect_url, verifier = "http://127.0.0.1:1/callback", new_verifier()
    requests: tuple[Callable[[], Awaitable[TokenPair]], ...] = (
        lambda: oauth.exchange(code="no-such-code", verifier=verifier, redirect_url=redirect_url),
        lambda: oauth.refresh("no-such-token"),
    )
    errors = []
    for request in requests:
        try:
            await request()
        except GrantError as error:
            errors.append(error.error)
    _require(errors == ["invalid_grant", "invalid_grant"], f"the errors are {errors}")
    return "invalid_grant"


@_promise("A device gets a code and stays pending until a user allows it")
async def _device(target: Target) -> str:
    oauth = OAuthClient(_require_key(target))
    device = await oauth.start_device()
    _require(device.user_code and device.verification_uri.startswith("http"), "the response lacks a code or a URL")
    try:
        await oauth.poll_device(device.device_code)
    except GrantError as error:
        _require(not error.is_final, f"the error is {error.error}")
        return f"{device.verification_uri}, {device.expires_in} s, every {device.interval} s"
    raise _BrokenPromiseError("the device was signed in without a user's permission")


@_promise("No request of the client uses a deprecated form")
async def _deprecations(target: Target) -> str:
    _require(not target.deprecations, ", ".join(sorted(set(target.deprecations))))
    return "none"


async def _skip_unless_permitted(request: Awaitable[T]) -> T:
    """Await a request that TONE3000 may reserve for commercial agreements."""
    try:
        return await request
    except NotPermittedError:
        raise _SkippedError("not permitted for this API key") from None


def _require_key(target: Target) -> HttpClient:
    if not target.http_client.settings.client_id:
        raise _SkippedError("SHOOTOUT_TONE3000_CLIENT_ID is not set")
    return target.http_client


async def _first_model(target: Target, predicate: Callable[[Tone], bool], what: str) -> Model:
    tone = await target.tone_with(predicate, what)
    models = await target.client.all_models(target.token, tone)
    if not models:
        raise _BrokenPromiseError(f"{tone.title!r} lists no models")
    return models[0]


async def _fetch(target: Target, model: Model) -> bytes:
    downloads = Downloads(target.http_client)
    status, _ = await target.status(downloads.resolve_url(model.model_url))
    _require(status == 401, f"status {status} instead of 401 without a token")
    with tempfile.TemporaryDirectory(prefix="shootout-conformance-") as folder:
        path = Path(folder) / "file"
        try:
            await downloads.fetch(target.token, model, path)
        except NotAvailableError:
            raise _BrokenPromiseError("the model is listed, but its file is not available") from None
        return path.read_bytes()


def _error_of(body: bytes) -> str:
    """Return the message of an error response."""
    try:
        return msgspec.json.decode(body, type=_Error).error
    except msgspec.MsgspecError:
        raise _BrokenPromiseError("the error response is not {'error': …}") from None
