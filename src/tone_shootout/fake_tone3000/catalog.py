"""Endpoints of the library: users, tones, models, files."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from litestar import Request, Response, delete, get, put
from litestar.datastructures import State

from tone_shootout.fake_tone3000.files import content
from tone_shootout.fake_tone3000.oauth import base_of
from tone_shootout.fake_tone3000.people import PEOPLE, Person
from tone_shootout.fake_tone3000.tones import ModelRow, ToneRow
from tone_shootout.fake_tone3000.world import RefusedError, World

GEARS: Final = ("amp", "amp-cab", "pedal", "outboard", "cab", "space", "experimental")
DEPRECATED_GEARS: Final = {"full-rig": "amp-cab", "ir": "ir"}
ARCHITECTURES: Final = ("1", "2", "custom")
SHORT: Final = 10
LISTS: Final = ("created", "favorited", "downloaded")


class _Query:
    """User and query parameters of a request."""

    def __init__(self, request: Request[Any, Any, Any], state: State) -> None:
        self.world: World = state["world"]
        self.params = dict(request.query_params)
        self.base = base_of(request)
        self._authorization = request.headers.get("authorization")

    @property
    def person(self) -> Person:
        return self.world.person(self._authorization)

    @property
    def optional_person(self) -> Person | None:
        return self.person if self._authorization else None

    @property
    def gear(self) -> str | None:
        """Value of the parameter `gear`; `ir` selects all impulse responses."""
        gear = self.params.get("gear")
        if gear is None or gear in GEARS:
            return gear
        if gear not in DEPRECATED_GEARS:
            raise RefusedError(400, {"error": f"gear must be one of: {', '.join(GEARS)}"})
        return DEPRECATED_GEARS[gear]

    @property
    def architecture(self) -> str | None:
        architecture = self.params.get("architecture")
        if architecture is not None and architecture not in ARCHITECTURES:
            raise RefusedError(400, {"error": "architecture must be '1', '2', or 'custom' when provided"})
        return architecture

    def page(self, rows: Sequence[Any], show: Callable[[Any], dict[str, Any]], *, most: int) -> dict[str, Any]:
        """Return the requested page of a list; the page size is silently limited to `most`."""
        size = min(max(self._number("page_size", SHORT), 1), most)
        number = max(self._number("page", 1), 1)
        return {
            "data": [show(row) for row in rows[(number - 1) * size : number * size]],
            "page": number,
            "page_size": size,
            "total": len(rows),
            "total_pages": -(-len(rows) // size),
        }

    def tone_json(self, tone: ToneRow) -> dict[str, Any]:
        """Return the JSON of a tone for the user of the request."""
        person = self.optional_person
        is_favorite = person is not None and tone.id in self.world.favorites[person.username]
        return tone.to_json(self.base, is_favorite=is_favorite, architecture=self.architecture)

    def _number(self, name: str, default: int) -> int:
        text = self.params.get(name, "")
        return int(text) if text.isdecimal() else default


@get("/api/v1/user")
async def user(request: Request[Any, Any, Any], state: State) -> dict[str, Any]:
    """Return the authenticated user."""
    query = _Query(request, state)
    return query.person.account(query.base)


@get("/api/v1/users")
async def users(request: Request[Any, Any, Any], state: State) -> dict[str, Any]:
    """List users."""
    query = _Query(request, state)
    _ = query.person
    tones = [tone for tone in query.world.tones.values() if tone.visibility == "public"]

    def show(person: Person) -> dict[str, Any]:
        own = [tone for tone in tones if tone.owner == person]
        counts = {
            "downloads_count": sum(tone.downloads for tone in own),
            "favorites_count": sum(tone.favorites for tone in own),
            "models_count": sum(len(tone.models) for tone in own),
            "tones_count": len(own),
        }
        return {**person.account(query.base), **counts}

    wanted = query.params.get("query", "").lower()
    return query.page([person for person in PEOPLE.values() if wanted in person.username.lower()], show, most=10)


@get("/api/v1/tones/trending")
async def trending(request: Request[Any, Any, Any], state: State) -> dict[str, Any]:
    """List the most downloaded tones; no authentication needed."""
    query = _Query(request, state)
    rows = [tone for tone in _listed(query.world) if _is_of(tone, query.gear)]
    rows.sort(key=lambda tone: -tone.downloads)
    return {"data": [query.tone_json(tone) for tone in rows[:SHORT]]}


@get("/api/v1/tones/latest")
async def latest(request: Request[Any, Any, Any], state: State) -> dict[str, Any]:
    """List the newest tones."""
    query = _Query(request, state)
    _ = query.person
    rows = sorted(_listed(query.world), key=lambda tone: tone.published_at or "", reverse=True)
    return {"data": [query.tone_json(tone) for tone in rows[:SHORT]]}


@get("/api/v1/tones/search")
async def search(request: Request[Any, Any, Any], state: State) -> dict[str, Any]:
    """Search all public tones."""
    query = _Query(request, state)
    person = query.person
    favorites = query.world.favorites[person.username]
    rows = [tone for tone in query.world.tones.values() if tone.visibility == "public" and _matches(query, tone)]
    return query.page(rows, lambda tone: tone.to_search_json(query.base, is_favorite=tone.id in favorites), most=25)


@get([f"/api/v1/tones/{name}" for name in LISTS])
async def own_list(request: Request[Any, Any, Any], state: State) -> dict[str, Any]:
    """List the tones that the user has created, marked as favorites or downloaded."""
    query = _Query(request, state)
    person, world = query.person, query.world
    lists = {
        "created": [tone.id for tone in world.tones.values() if tone.owner == person],
        "favorited": world.favorites[person.username],
        "downloaded": world.downloaded[person.username],
    }
    wanted, gear = query.params.get("query", "").lower(), query.gear
    rows = [world.tones[tone_id] for tone_id in lists[request.url.path.rpartition("/")[2]]]
    rows = [
        tone for tone in rows if world.can_access(person, tone) and _is_of(tone, gear) and wanted in tone.title.lower()
    ]
    return query.page(rows, query.tone_json, most=100)


@get("/api/v1/tones/{tone_id:int}")
async def tone(request: Request[Any, Any, Any], state: State, tone_id: int) -> dict[str, Any]:
    """Return a tone."""
    query = _Query(request, state)
    return query.tone_json(query.world.tone(query.person, tone_id))


@put("/api/v1/tones/{tone_id:int}/favorite", status_code=200)
async def favorite(request: Request[Any, Any, Any], state: State, tone_id: int) -> dict[str, Any]:
    """Add a tone to the favorites."""
    query = _Query(request, state)
    person = query.person
    found, favorites = query.world.tone(person, tone_id), query.world.favorites[person.username]
    if found.id not in favorites:
        favorites.insert(0, found.id)
    return {"id": 77001, "tone_id": tone_id, "user_id": person.id, "created_at": "2026-10-10T10:10:10.1+00:00"}


@delete("/api/v1/tones/{tone_id:int}/favorite", status_code=204)
async def unfavorite(request: Request[Any, Any, Any], state: State, tone_id: int) -> None:
    """Remove a tone from the favorites."""
    query = _Query(request, state)
    favorites = query.world.favorites[query.person.username]
    if tone_id in favorites:
        favorites.remove(tone_id)


@get("/api/v1/tones/{tone_id:int}/download")
async def archive(request: Request[Any, Any, Any], state: State, tone_id: int) -> None:
    """Refuse the download of an archive, which TONE3000 reserves for partners."""
    query = _Query(request, state)
    query.world.tone(query.person, tone_id)
    raise RefusedError(403, {"error": "Forbidden"})


@get("/api/v1/models")
async def models(request: Request[Any, Any, Any], state: State) -> dict[str, Any]:
    """List the models of a tone; those of the second architecture only if requested."""
    query = _Query(request, state)
    wanted = query.params.get("tone_id", "")
    if not wanted.isdecimal():
        raise RefusedError(400, {"error": "tone_id is required"})
    found, architecture = query.world.tone(query.person, int(wanted)), query.architecture
    rows = [row for row in found.models if _has_architecture(row, found, architecture)]
    return query.page(rows, lambda row: row.to_json(found, query.base), most=300)


@get("/api/v1/models/{model_id:int}")
async def model(request: Request[Any, Any, Any], state: State, model_id: int) -> dict[str, Any]:
    """Return a model."""
    query = _Query(request, state)
    found, row = _model(query, model_id)
    return row.to_json(found, query.base)


@get("/api/v1/models/{model_id:int}/download/{tail:str}")
async def download(request: Request[Any, Any, Any], state: State, model_id: int, tail: str) -> Response[bytes]:
    """Send the file of a model."""
    query = _Query(request, state)
    person = query.person
    found, row = _model(query, model_id)
    if tail != row.tail:
        raise RefusedError(404, {"error": "Model not found"})
    fetched = query.world.downloaded[person.username]
    if found.id not in fetched:
        fetched.insert(0, found.id)
    return Response(content(row.file), media_type="audio/wav" if found.format == "ir" else "text/plain")


@get("/elsewhere/{name:str}")
async def elsewhere(name: str) -> Response[bytes]:
    """Send a file like an external storage to which TONE3000 redirects; the request log shows whether a token came."""
    return Response(content(name), media_type="application/octet-stream")


@get(["/api/v1/makes", "/api/v1/tags"])
async def names(request: Request[Any, Any, Any], state: State) -> dict[str, Any]:
    """List makes, or tags."""
    query = _Query(request, state)
    _ = query.person
    kind = request.url.path.rpartition("/")[2]
    counted: dict[tuple[int, str], int] = {}
    for row in query.world.tones.values():
        for name in row.makes if kind == "makes" else row.tags:
            counted[name] = counted.get(name, 0) + (row.visibility == "public")

    def show(row: tuple[tuple[int, str], int]) -> dict[str, Any]:
        (number, name), count = row
        url = f"{query.base}/tones?{kind}={name.replace(' ', '+')}"
        return {"id": number, "name": name, "tones_count": count, "url": url}

    wanted = query.params.get("query", "").lower()
    rows = [row for row in counted.items() if wanted in row[0][1].lower()]
    if query.params.get("sort") == "name":
        rows.sort(key=lambda row: row[0][1])
    return query.page(rows, show, most=25)


def _model(query: _Query, model_id: int) -> tuple[ToneRow, ModelRow]:
    person = query.person
    for found in query.world.tones.values():
        for row in found.models:
            if row.id == model_id:
                return query.world.tone(person, found.id), row
    raise RefusedError(404, {"error": "Model not found"})


def _listed(world: World) -> list[ToneRow]:
    """Return the tones of the front-page lists: public, with files, a picture and a description."""
    return [
        tone
        for tone in world.tones.values()
        if tone.visibility == "public" and tone.models and tone.has_image and tone.description
    ]


def _is_of(tone: ToneRow, gear: str | None) -> bool:
    return gear is None or tone.gear == gear or (gear == "ir" and tone.format == "ir")


def _has_architecture(row: ModelRow, tone: ToneRow, architecture: str | None) -> bool:
    if tone.format != "nam":
        return True
    return row.architecture == architecture if architecture else row.architecture != "2"


def _matches(query: _Query, tone: ToneRow) -> bool:
    params = query.params
    gears = [gear for gear in params.get("gears", params.get("gear", "")).split("_") if gear]
    unknown = [gear for gear in gears if gear not in GEARS and gear not in DEPRECATED_GEARS]
    if unknown:
        raise RefusedError(400, {"error": f"gear must be one of: {', '.join(GEARS)}"})
    wanted_format = params.get("format", params.get("platform", "ir" if "ir" in gears else None))
    gears = [DEPRECATED_GEARS.get(gear, gear) for gear in gears if gear != "ir"]
    architecture = query.architecture
    found = {row.architecture for row in tone.models}
    has_architecture = architecture in found if architecture else found != {"2"}
    sizes = [size for size in params.get("sizes", "").split("_") if size]
    return (
        params.get("query", "").lower() in tone.title.lower()
        and (not gears or tone.gear in gears)
        and (wanted_format is None or tone.format == wanted_format)
        and has_architecture
        and (not sizes or any(row.size in sizes for row in tone.models))
        and _one_of(params.get("tags", ""), "_", [name for _, name in tone.tags])
        and _one_of(params.get("makes", ""), "_", [name for _, name in tone.makes])
        and _one_of(params.get("creators", ""), ",", [tone.owner.username])
        and (params.get("verified") != "true" or tone.owner.is_verified)
    )


def _one_of(selected: str, separator: str, names_of_tone: list[str]) -> bool:
    return not selected or bool(set(selected.split(separator)) & set(names_of_tone))


HANDLERS: Final = (
    user,
    users,
    trending,
    latest,
    search,
    own_list,
    tone,
    favorite,
    unfavorite,
    archive,
    models,
    model,
    download,
    elsewhere,
    names,
)
