"""What we hold TONE3000 to: one list of promises, tried on the stand-in by our tests and on the real one by operators.

Each promise is a question or two that changes nothing. What a service has no example of (an account without favourites,
say) is left out, and said to be.
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
from tone_shootout.tone3000.oauth import AUTHORIZE, SignIn, challenge_of, new_verifier
from tone_shootout.tone3000.types import Model, Page, TokenPair, Tone

NOBODYS_TONE: Final = 999_999_999
T = TypeVar("T")
Verdict = Literal["kept", "broken", "left out"]


class Finding(Struct, kw_only=True):
    """What was found of one promise."""

    promise: str
    verdict: Verdict
    detail: str


class _Error(Struct):
    error: str


class _BrokenError(Exception):
    """The promise is not kept."""


class _NoExampleError(Exception):
    """There is nothing to try it on."""


class Subject:
    """The service that is looked at.

    Args:
        calls: the way to it.
        token: of somebody who lets theirs be used for this.
        deprecations: what it has said of old forms; filled by `calls`.
    """

    def __init__(self, calls: HttpClient, token: str, deprecations: list[str]) -> None:
        self.calls = calls
        self.client = Tone3000(calls)
        self.token = token
        self.deprecations = deprecations
        self._tones: list[Tone] | None = None

    async def tones(self) -> list[Tone]:
        """Return tones to try things on: what is trending and latest, and what the person keeps."""
        if self._tones is None:
            client, token = self.client, self.token
            rows = [
                *await client.trending(token),
                *await client.latest(token),
                *(await client.favorited(token)).data,
            ]
            self._tones = list({tone.id: tone for tone in rows}.values())
        return self._tones

    async def tone_with(self, has: Callable[[Tone], bool], what: str) -> Tone:
        """Return a tone of which something holds."""
        for tone in await self.tones():
            if has(tone):
                return tone
        raise _NoExampleError(f"no {what} among trending, latest and favourites")

    async def status(self, path: str, *, token: str | None = None, **query: str | int) -> tuple[int, bytes]:
        """Return status and body of a bare question."""
        await self.calls.wait_for_turn()
        async with self.calls.in_time(), self.calls.answer("GET", path, token, parameters=query) as response:
            return response.status_code, await self.calls.body(response)


Promise = Callable[[Subject], Awaitable[str]]
_PROMISES: dict[str, Promise] = {}


def _promise(text: str) -> Callable[[Promise], Promise]:
    def note(function: Promise) -> Promise:
        _PROMISES[text] = function
        return function

    return note


def _hold(condition: object, detail: str) -> None:
    if not condition:
        raise _BrokenError(detail)


async def examine(subject: Subject) -> AsyncIterator[Finding]:
    """Try every promise, one after the other."""
    for text, promise in _PROMISES.items():
        verdict: Verdict
        try:
            verdict, detail = "kept", await promise(subject)
        except _BrokenError as error:
            verdict, detail = "broken", str(error)
        except _NoExampleError as error:
            verdict, detail = "left out", str(error)
        except Tone3000Error as error:
            verdict, detail = "broken", f"{error.code}: {error.detail}"
        yield Finding(promise=text, verdict=verdict, detail=detail)


@_promise("Trending is for everybody: at most ten tones with a title, a creator and counters")
async def _trending(subject: Subject) -> str:
    tones = await subject.client.trending()
    _hold(0 < len(tones) <= 10, f"{len(tones)} tones")
    for tone in tones:
        _hold(tone.title and tone.user.username and tone.gear and tone.format, f"tone {tone.id} lacks something")
        _hold(tone.files_count > 0, f"tone {tone.id} has no files")
    return f"{len(tones)} tones"


@_promise("Everything else needs a token, and a key is none")
async def _needs_token(subject: Subject) -> str:
    for token in (None, "no-such-token", subject.calls.settings.client_id or None):
        status, body = await subject.status(f"{API}/user", token=token)
        _hold(status == 401, f"status {status} instead of 401")
    return _error(body)


@_promise("A token is somebody's")
async def _person(subject: Subject) -> str:
    person = await subject.client.user(subject.token)
    _hold(person.id and person.username, "without an id or a name")
    return person.username


@_promise("Created, favourited and downloaded tones come in pages that count from 1")
async def _lists(subject: Subject) -> str:
    counts = []
    for ask in (subject.client.created, subject.client.favorited, subject.client.downloaded):
        page = await ask(subject.token, page_size=2)
        _hold(page.page == 1 and len(page.data) <= 2, f"page {page.page} with {len(page.data)} rows")
        _hold(page.total_pages * max(page.page_size, 1) >= page.total, "the totals contradict each other")
        beyond = await ask(subject.token, page=page.total_pages + 1, page_size=2)
        _hold(not beyond.data, "rows on a page behind the last one")
        counts.append(page.total)
    return "{} created, {} favourited, {} downloaded".format(*counts)


@_promise("A gear that is not known is refused, and the known ones are named")
async def _gear(subject: Subject) -> str:
    status, body = await subject.status(f"{API}/tones/favorited", token=subject.token, gear="washing-machine")
    _hold(status == 400, f"status {status} instead of 400")
    _hold("amp-cab" in _error(body), f"the answer is {_error(body)!r}")
    return _error(body)


@_promise("A tone by itself is the tone of the list")
async def _tone(subject: Subject) -> str:
    listed = await subject.tone_with(lambda _: True, "tone")
    tone = await subject.client.tone(subject.token, listed.id)
    for name in ("title", "gear", "format", "a1_models_count", "a2_models_count", "irs_count", "custom_models_count"):
        _hold(getattr(tone, name) == getattr(listed, name), f"{name} is another one")
    _hold(tone.license, "without a licence")
    return f"{tone.title!r} by {tone.user.name}, licence {tone.license}"


@_promise("A tone that is not there, and a model of it, are refused")
async def _nothing(subject: Subject) -> str:
    found = []
    for path, query in ((f"/tones/{NOBODYS_TONE}", {}), ("/models", {"tone_id": NOBODYS_TONE})):
        status, _ = await subject.status(f"{API}{path}", token=subject.token, **query)
        _hold(status in (403, 404), f"status {status} of {path}")
        found.append(str(status))
    return " and ".join(found)


@_promise("Models of the second architecture are listed where they are asked for, and only there")
async def _second_architecture(subject: Subject) -> str:
    tone = await subject.tone_with(lambda tone: tone.a2_models_count > 0, "tone with captures of A2")
    plain = await subject.client.models(subject.token, tone.id)
    _hold(all(model.architecture_version != "2" for model in plain.data), "A2 without being asked for")
    asked = await subject.client.models(subject.token, tone.id, architecture="2")
    _hold(asked.data and all(model.architecture_version == "2" for model in asked.data), "not A2, or nothing at all")
    return f"{asked.total} of {tone.title!r}"


@_promise("An architecture that is not known is refused")
async def _architecture(subject: Subject) -> str:
    tone = await subject.tone_with(lambda _: True, "tone")
    status, body = await subject.status(f"{API}/models", token=subject.token, tone_id=tone.id, architecture="9")
    _hold(status == 400, f"status {status} instead of 400")
    return _error(body)


@_promise("The counters of a tone are how many models it lists")
async def _counters(subject: Subject) -> str:
    tone = await subject.tone_with(lambda tone: tone.files_count > 0, "tone with files")
    models = await subject.client.all_models(subject.token, tone)
    _hold(len(models) == tone.files_count, f"{len(models)} models, and the counters say {tone.files_count}")
    _hold(all(model.name and model.model_url for model in models), "a model without a name or an address")
    return f"{len(models)} of {tone.title!r}"


@_promise("Impulse responses have neither size nor architecture")
async def _impulse_responses(subject: Subject) -> str:
    tone = await subject.tone_with(lambda tone: tone.format == "ir" and tone.irs_count > 0, "impulse response")
    models = await subject.client.all_models(subject.token, tone)
    _hold(models, "none is listed")
    _hold(all(model.size is None and model.architecture_version is None for model in models), "one has")
    return f"{len(models)} of {tone.title!r}"


@_promise("A model by itself is the model of the list")
async def _model(subject: Subject) -> str:
    listed = await _first_model(subject, lambda tone: tone.files_count > 0, "tone with files")
    model = await subject.client.model(subject.token, listed.id)
    for name in ("id", "tone_id", "name", "size", "architecture_version"):
        _hold(getattr(model, name) == getattr(listed, name), f"{name} is another one")
    return f"{model.name!r}"


@_promise("A capture's file is a capture, and needs a token")
async def _capture(subject: Subject) -> str:
    listed = await _first_model(subject, lambda tone: tone.format == "nam" and tone.files_count > 0, "capture")
    content = await _fetched(subject, listed)
    try:
        document = msgspec.json.decode(content, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise _BrokenError(f"it is no JSON object: {error}") from None
    _hold({"version", "architecture", "config"} <= set(document), "it lacks version, architecture or config")
    return f"{document['architecture']} {document['version']}, {len(content)} bytes"


@_promise("An impulse response's file is a WAV, and needs a token")
async def _wav(subject: Subject) -> str:
    listed = await _first_model(subject, lambda tone: tone.irs_count > 0, "impulse response")
    content = await _fetched(subject, listed)
    _hold(content[:4] == b"RIFF" and content[8:12] == b"WAVE", "it does not begin like one")
    return f"{len(content)} bytes"


@_promise("Makes, tags and people come in pages as large as we ask for")
async def _names(subject: Subject) -> str:
    pages: tuple[tuple[str, Page[Any], int], ...] = (
        ("makes", await _granted(subject.client.makes(subject.token)), SEARCH_PAGE),
        ("tags", await _granted(subject.client.tags(subject.token)), SEARCH_PAGE),
        ("people", await _granted(subject.client.users(subject.token)), USERS_PAGE),
    )
    for name, page, asked in pages:
        _hold(page.page_size == asked, f"{page.page_size} {name} on a page instead of {asked}")
    return ", ".join(f"{page.total} {name}" for name, page, _ in pages)


@_promise("A search is cut to 25, and hides what has the second architecture alone unless that is asked for")
async def _search(subject: Subject) -> str:
    if not subject.calls.settings.search:
        raise _NoExampleError("SHOOTOUT_TONE3000_SEARCH is off")
    page = await _granted(subject.client.search(subject.token, Search(), page_size=100))
    _hold(page.page_size <= 25, f"{page.page_size} on a page")
    only_second = [tone for tone in page.data if tone.format == "nam" and not tone.a1_models_count]
    _hold(not any(tone.a2_models_count and not tone.custom_models_count for tone in only_second), "it shows one")
    second = await subject.client.search(subject.token, Search(architecture="2"))
    _hold(all(tone.a2_models_count for tone in second.data), "asked for A2, it shows one that has none")
    return f"{page.total} tones, {second.total} with A2"


@_promise("An archive of a tone is for partners")
async def _archive(subject: Subject) -> str:
    tone = await subject.tone_with(lambda tone: tone.files_count > 0, "tone with files")
    status, _ = await subject.status(f"{API}/tones/{tone.id}/download", token=subject.token)
    _hold(status in (200, 400, 403), f"status {status}")
    return "granted" if status == 200 else "not granted"


@_promise("A sign-in with a key that is not known gets a page, and nobody is sent anywhere")
async def _unknown_key(subject: Subject) -> str:
    query = {
        "client_id": "t3k_pub_of_nobody",
        "redirect_uri": "http://127.0.0.1:1/callback",
        "response_type": "code",
        "code_challenge": challenge_of(new_verifier()),
        "code_challenge_method": "S256",
        "state": "conformance",
    }
    status, _ = await subject.status(AUTHORIZE, **query)
    _hold(400 <= status < 500, f"status {status}")
    return f"status {status}"


@_promise("Codes and refresh tokens that nobody has issued are refused")
async def _grants(subject: Subject) -> str:
    sign_in = SignIn(_with_key(subject))
    back, verifier = "http://127.0.0.1:1/callback", new_verifier()
    attempts: tuple[Callable[[], Awaitable[TokenPair]], ...] = (
        lambda: sign_in.exchange(code="no-such-code", verifier=verifier, redirect_url=back),
        lambda: sign_in.refresh("no-such-token"),
    )
    errors = []
    for attempt in attempts:
        try:
            await attempt()
        except GrantError as error:
            errors.append(error.error)
    _hold(errors == ["invalid_grant", "invalid_grant"], f"the answers are {errors}")
    return "invalid_grant"


@_promise("A device gets a code, and waits until somebody lets it in")
async def _device(subject: Subject) -> str:
    sign_in = SignIn(_with_key(subject))
    device = await sign_in.start_device()
    _hold(device.user_code and device.verification_uri.startswith("http"), "without a code or an address")
    try:
        await sign_in.poll_device(device.device_code)
    except GrantError as error:
        _hold(not error.is_final, f"the answer is {error.error}")
        return f"{device.verification_uri}, {device.expires_in} s, every {device.interval} s"
    raise _BrokenError("it was let in by nobody")


@_promise("None of our requests uses an old form")
async def _deprecations(subject: Subject) -> str:
    _hold(not subject.deprecations, ", ".join(sorted(set(subject.deprecations))))
    return "not one"


async def _granted(ask: Awaitable[T]) -> T:
    """What TONE3000 reserves for commercial agreements may be refused."""
    try:
        return await ask
    except NotPermittedError:
        raise _NoExampleError("not granted to this key") from None


def _with_key(subject: Subject) -> HttpClient:
    if not subject.calls.settings.client_id:
        raise _NoExampleError("SHOOTOUT_TONE3000_CLIENT_ID is not set")
    return subject.calls


async def _first_model(subject: Subject, has: Callable[[Tone], bool], what: str) -> Model:
    tone = await subject.tone_with(has, what)
    models = await subject.client.all_models(subject.token, tone)
    if not models:
        raise _BrokenError(f"{tone.title!r} lists no models")
    return models[0]


async def _fetched(subject: Subject, model: Model) -> bytes:
    downloads = Downloads(subject.calls)
    status, _ = await subject.status(downloads.address(model.model_url))
    _hold(status == 401, f"without a token, the status is {status}")
    with tempfile.TemporaryDirectory(prefix="shootout-conformance-") as folder:
        path = Path(folder) / "file"
        try:
            await downloads.fetch(subject.token, model, path)
        except NotAvailableError:
            raise _BrokenError("it is listed, and can't be fetched") from None
        return path.read_bytes()


def _error(body: bytes) -> str:
    """Return what an answer says went wrong, if it says so in the known form."""
    try:
        return msgspec.json.decode(body, type=_Error).error
    except msgspec.MsgspecError:
        raise _BrokenError("the error has another form than {'error': …}") from None
