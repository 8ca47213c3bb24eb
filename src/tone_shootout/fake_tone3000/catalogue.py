"""The library: people, tones, models, files."""

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


class _Asked:
    """A request: whose it is, and what it says."""

    def __init__(self, request: Request[Any, Any, Any], state: State) -> None:
        self.world: World = state["world"]
        self.query = dict(request.query_params)
        self.base = base_of(request)
        self._authorization = request.headers.get("authorization")

    @property
    def person(self) -> Person:
        return self.world.person(self._authorization)

    @property
    def person_if_any(self) -> Person | None:
        return self.person if self._authorization else None

    @property
    def gear(self) -> str | None:
        """The one gear that is asked for; `ir` for every impulse response."""
        gear = self.query.get("gear")
        if gear is None or gear in GEARS:
            return gear
        if gear not in DEPRECATED_GEARS:
            raise RefusedError(400, {"error": f"gear must be one of: {', '.join(GEARS)}"})
        return DEPRECATED_GEARS[gear]

    @property
    def architecture(self) -> str | None:
        architecture = self.query.get("architecture")
        if architecture is not None and architecture not in ARCHITECTURES:
            raise RefusedError(400, {"error": "architecture must be '1', '2', or 'custom' when provided"})
        return architecture

    def page(self, rows: Sequence[Any], show: Callable[[Any], dict[str, Any]], *, most: int) -> dict[str, Any]:
        """Return the page of a list that is asked for; more than `most` rows are cut to that without a word."""
        size = min(max(self._number("page_size", SHORT), 1), most)
        number = max(self._number("page", 1), 1)
        return {
            "data": [show(row) for row in rows[(number - 1) * size : number * size]],
            "page": number,
            "page_size": size,
            "total": len(rows),
            "total_pages": -(-len(rows) // size),
        }

    def shown(self, tone: ToneRow) -> dict[str, Any]:
        """Show a tone to whoever asks."""
        person = self.person_if_any
        kept = person is not None and tone.id in self.world.favorites[person.username]
        return tone.shown(self.base, is_favorite=kept, architecture=self.architecture)

    def _number(self, name: str, default: int) -> int:
        text = self.query.get(name, "")
        return int(text) if text.isdecimal() else default


@get("/api/v1/user")
async def user(request: Request[Any, Any, Any], state: State) -> dict[str, Any]:
    """Show who asks."""
    asked = _Asked(request, state)
    return asked.person.account(asked.base)


@get("/api/v1/users")
async def users(request: Request[Any, Any, Any], state: State) -> dict[str, Any]:
    """List people."""
    asked = _Asked(request, state)
    _ = asked.person
    tones = [tone for tone in asked.world.tones.values() if tone.visibility == "public"]

    def show(person: Person) -> dict[str, Any]:
        own = [tone for tone in tones if tone.owner == person]
        counts = {
            "downloads_count": sum(tone.downloads for tone in own),
            "favorites_count": sum(tone.favorites for tone in own),
            "models_count": sum(len(tone.models) for tone in own),
            "tones_count": len(own),
        }
        return {**person.account(asked.base), **counts}

    wanted = asked.query.get("query", "").lower()
    return asked.page([one for one in PEOPLE.values() if wanted in one.username.lower()], show, most=10)


@get("/api/v1/tones/trending")
async def trending(request: Request[Any, Any, Any], state: State) -> dict[str, Any]:
    """List what many use; nobody has to be signed in."""
    asked = _Asked(request, state)
    rows = [tone for tone in _listed(asked.world) if _is_of(tone, asked.gear)]
    rows.sort(key=lambda tone: -tone.downloads)
    return {"data": [asked.shown(tone) for tone in rows[:SHORT]]}


@get("/api/v1/tones/latest")
async def latest(request: Request[Any, Any, Any], state: State) -> dict[str, Any]:
    """List what is new."""
    asked = _Asked(request, state)
    _ = asked.person
    rows = sorted(_listed(asked.world), key=lambda tone: tone.published_at or "", reverse=True)
    return {"data": [asked.shown(tone) for tone in rows[:SHORT]]}


@get("/api/v1/tones/search")
async def search(request: Request[Any, Any, Any], state: State) -> dict[str, Any]:
    """Search everything that is public."""
    asked = _Asked(request, state)
    person = asked.person
    kept = asked.world.favorites[person.username]
    rows = [tone for tone in asked.world.tones.values() if tone.visibility == "public" and _matches(asked, tone)]
    return asked.page(rows, lambda tone: tone.found(asked.base, is_favorite=tone.id in kept), most=25)


@get([f"/api/v1/tones/{name}" for name in LISTS])
async def own_list(request: Request[Any, Any, Any], state: State) -> dict[str, Any]:
    """List what somebody has made, keeps or has fetched."""
    asked = _Asked(request, state)
    person, world = asked.person, asked.world
    lists = {
        "created": [tone.id for tone in world.tones.values() if tone.owner == person],
        "favorited": world.favorites[person.username],
        "downloaded": world.downloaded[person.username],
    }
    wanted, gear = asked.query.get("query", "").lower(), asked.gear
    rows = [world.tones[tone_id] for tone_id in lists[request.url.path.rpartition("/")[2]]]
    rows = [tone for tone in rows if world.sees(person, tone) and _is_of(tone, gear) and wanted in tone.title.lower()]
    return asked.page(rows, asked.shown, most=100)


@get("/api/v1/tones/{tone_id:int}")
async def tone(request: Request[Any, Any, Any], state: State, tone_id: int) -> dict[str, Any]:
    """Show a tone."""
    asked = _Asked(request, state)
    return asked.shown(asked.world.tone(asked.person, tone_id))


@put("/api/v1/tones/{tone_id:int}/favorite", status_code=200)
async def favorite(request: Request[Any, Any, Any], state: State, tone_id: int) -> dict[str, Any]:
    """Keep a tone."""
    asked = _Asked(request, state)
    person = asked.person
    found, kept = asked.world.tone(person, tone_id), asked.world.favorites[person.username]
    if found.id not in kept:
        kept.insert(0, found.id)
    return {"id": 77001, "tone_id": tone_id, "user_id": person.id, "created_at": "2026-10-10T10:10:10.1+00:00"}


@delete("/api/v1/tones/{tone_id:int}/favorite", status_code=204)
async def unfavorite(request: Request[Any, Any, Any], state: State, tone_id: int) -> None:
    """Keep it no more."""
    asked = _Asked(request, state)
    kept = asked.world.favorites[asked.person.username]
    if tone_id in kept:
        kept.remove(tone_id)


@get("/api/v1/tones/{tone_id:int}/download")
async def archive(request: Request[Any, Any, Any], state: State, tone_id: int) -> None:
    """Refuse what is for partners."""
    asked = _Asked(request, state)
    asked.world.tone(asked.person, tone_id)
    raise RefusedError(403, {"error": "Forbidden"})


@get("/api/v1/models")
async def models(request: Request[Any, Any, Any], state: State) -> dict[str, Any]:
    """List a tone's models; those of the second architecture only where they are asked for."""
    asked = _Asked(request, state)
    wanted = asked.query.get("tone_id", "")
    if not wanted.isdecimal():
        raise RefusedError(400, {"error": "tone_id is required"})
    found, architecture = asked.world.tone(asked.person, int(wanted)), asked.architecture
    rows = [row for row in found.models if _is_asked_for(row, found, architecture)]
    return asked.page(rows, lambda row: row.shown(found, asked.base), most=300)


@get("/api/v1/models/{model_id:int}")
async def model(request: Request[Any, Any, Any], state: State, model_id: int) -> dict[str, Any]:
    """Show a model."""
    asked = _Asked(request, state)
    found, row = _model(asked, model_id)
    return row.shown(found, asked.base)


@get("/api/v1/models/{model_id:int}/download/{tail:str}")
async def download(request: Request[Any, Any, Any], state: State, model_id: int, tail: str) -> Response[bytes]:
    """Send a model's file."""
    asked = _Asked(request, state)
    person = asked.person
    found, row = _model(asked, model_id)
    if tail != row.tail:
        raise RefusedError(404, {"error": "Model not found"})
    fetched = asked.world.downloaded[person.username]
    if found.id not in fetched:
        fetched.insert(0, found.id)
    return Response(content(row.file), media_type="audio/wav" if found.format == "ir" else "text/plain")


@get("/elsewhere/{name:str}")
async def elsewhere(name: str) -> Response[bytes]:
    """Send a file as a store would to which TONE3000 sends people on; the log tells whether a token came along."""
    return Response(content(name), media_type="application/octet-stream")


@get(["/api/v1/makes", "/api/v1/tags"])
async def names(request: Request[Any, Any, Any], state: State) -> dict[str, Any]:
    """List makes, or tags."""
    asked = _Asked(request, state)
    _ = asked.person
    kind = request.url.path.rpartition("/")[2]
    counted: dict[tuple[int, str], int] = {}
    for row in asked.world.tones.values():
        for name in row.makes if kind == "makes" else row.tags:
            counted[name] = counted.get(name, 0) + (row.visibility == "public")

    def show(row: tuple[tuple[int, str], int]) -> dict[str, Any]:
        (number, name), count = row
        address = f"{asked.base}/tones?{kind}={name.replace(' ', '+')}"
        return {"id": number, "name": name, "tones_count": count, "url": address}

    wanted = asked.query.get("query", "").lower()
    rows = [row for row in counted.items() if wanted in row[0][1].lower()]
    if asked.query.get("sort") == "name":
        rows.sort(key=lambda row: row[0][1])
    return asked.page(rows, show, most=25)


def _model(asked: _Asked, model_id: int) -> tuple[ToneRow, ModelRow]:
    person = asked.person
    for found in asked.world.tones.values():
        for row in found.models:
            if row.id == model_id:
                return asked.world.tone(person, found.id), row
    raise RefusedError(404, {"error": "Model not found"})


def _listed(world: World) -> list[ToneRow]:
    """What is shown to everybody unasked: public, with files, a picture and a description."""
    return [
        tone
        for tone in world.tones.values()
        if tone.visibility == "public" and tone.models and tone.has_image and tone.description
    ]


def _is_of(tone: ToneRow, gear: str | None) -> bool:
    return gear is None or tone.gear == gear or (gear == "ir" and tone.format == "ir")


def _is_asked_for(row: ModelRow, tone: ToneRow, architecture: str | None) -> bool:
    if tone.format != "nam":
        return True
    return row.architecture == architecture if architecture else row.architecture != "2"


def _matches(asked: _Asked, tone: ToneRow) -> bool:
    query = asked.query
    gears = [gear for gear in query.get("gears", query.get("gear", "")).split("_") if gear]
    unknown = [gear for gear in gears if gear not in GEARS and gear not in DEPRECATED_GEARS]
    if unknown:
        raise RefusedError(400, {"error": f"gear must be one of: {', '.join(GEARS)}"})
    wanted_format = query.get("format", query.get("platform", "ir" if "ir" in gears else None))
    gears = [DEPRECATED_GEARS.get(gear, gear) for gear in gears if gear != "ir"]
    architecture = asked.architecture
    found = {row.architecture for row in tone.models}
    has_architecture = architecture in found if architecture else found != {"2"}
    sizes = [size for size in query.get("sizes", "").split("_") if size]
    return (
        query.get("query", "").lower() in tone.title.lower()
        and (not gears or tone.gear in gears)
        and (wanted_format is None or tone.format == wanted_format)
        and has_architecture
        and (not sizes or any(row.size in sizes for row in tone.models))
        and _one_of(query.get("tags", ""), "_", [name for _, name in tone.tags])
        and _one_of(query.get("makes", ""), "_", [name for _, name in tone.makes])
        and _one_of(query.get("creators", ""), ",", [tone.owner.username])
        and (query.get("verified") != "true" or tone.owner.is_verified)
    )


def _one_of(asked: str, separator: str, names_of_tone: list[str]) -> bool:
    return not asked or bool(set(asked.split(separator)) & set(names_of_tone))


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
