"""Tones and models of the stand-in, and their JSON."""

import re
from typing import Any, Final, Literal

from msgspec import Struct

from tone_shootout.fake_tone3000.people import BOX_MIKER, LAB_RAT, PEOPLE, VALVE_SHED, Person

Visibility = Literal["public", "private", "gone"]


class ModelRow(Struct, kw_only=True):
    """One file of a tone."""

    id: int
    name: str
    file: str
    tail: str
    """Last segment of the download URL."""
    size: str | None = None
    architecture: str | None = None
    at: str = "2026-03-04T10:00:01.3+00:00"

    def to_json(self, tone: "ToneRow", base: str) -> dict[str, Any]:
        """Return the JSON of the model."""
        return {
            "id": self.id,
            "tone_id": tone.id,
            "user_id": tone.owner.id,
            "created_at": self.at,
            "updated_at": self.at,
            "name": self.name,
            "model_url": f"{base}/api/v1/models/{self.id}/download/{self.tail}",
            "size": self.size,
            "architecture_version": self.architecture,
        }


class ToneRow(Struct, kw_only=True):
    """One tone."""

    id: int
    owner: Person
    title: str
    gear: str
    format: str = "nam"
    license: str = "t3k"
    description: str | None = None
    visibility: Visibility = "public"
    created_at: str
    published_at: str | None = None
    makes: list[tuple[int, str]] = []
    tags: list[tuple[int, str]] = []
    links: list[str] | None = None
    models: list[ModelRow] = []
    downloads: int = 0
    favorites: int = 0
    has_image: bool = True
    extra: dict[str, Any] = {}
    """JSON fields that override the generated ones; `{BASE}` stands for the URL of the stand-in."""

    def count(self, architecture: str | None, *, irs: bool = False) -> int:
        """Return the number of models of an architecture."""
        return sum(1 for model in self.models if model.architecture == architecture and (self.format == "ir") == irs)

    def to_json(self, base: str, *, is_favorite: bool, architecture: str | None = None) -> dict[str, Any]:
        """Return the JSON of the tone, alone and in lists."""
        counts = {
            "a1_models_count": self.count("1"),
            "a2_models_count": self.count("2"),
            "irs_count": self.count(None, irs=True),
            "custom_models_count": self.count("custom"),
        }
        by_architecture = {"1": counts["a1_models_count"], "2": counts["a2_models_count"]}
        by_architecture["custom"] = counts["custom_models_count"]
        models_count = (
            by_architecture[architecture]
            if architecture and self.format == "nam"
            else sum(counts.values()) - counts["a2_models_count"] + self.count(None)
        )
        sizes = sorted({model.size for model in self.models if model.size}) or None
        return {
            "id": self.id,
            "user_id": self.owner.id,
            "user": self.owner.embedded(base),
            "created_at": self.created_at,
            "updated_at": self.created_at,
            "published_at": self.published_at,
            "title": self.title,
            "description": self.description,
            "gear": self.gear,
            "images": [f"{base}/img/{self.id}.jpg"] if self.has_image else None,
            "is_public": self.visibility == "public",
            "links": self.links,
            "format": self.format,
            "license": self.license,
            "sizes": sizes,
            "makes": [{"id": number, "name": name} for number, name in self.makes],
            "tags": [{"id": number, "name": name} for number, name in self.tags],
            "models_count": models_count,
            **counts,
            "downloads_count": self.downloads,
            "favorites_count": self.favorites,
            "is_favorite": is_favorite,
            "url": f"{base}/tones/{'-'.join(re.findall('[a-z0-9]+', self.title.lower()))}-{self.id}",
            **{
                name: value.replace("{BASE}", base) if isinstance(value, str) else value
                for name, value in self.extra.items()
            },
        }

    def to_search_json(self, base: str, *, is_favorite: bool) -> dict[str, Any]:
        """Return the JSON of the tone in search results, which has other fields than in lists."""
        row = self.to_json(base, is_favorite=is_favorite)
        for name in ("sizes", "is_public", "links"):
            row.pop(name, None)
        row["makes"] = [{"name": name} for _, name in self.makes]
        row["tags"] = [{"name": name} for _, name in self.tags]
        row["models_count"] = len(self.models)
        return row


def _models(first: int, *rows: tuple[str, str, str, str | None, str | None]) -> list[ModelRow]:
    return [
        ModelRow(id=first + index, name=name, file=file, tail=tail, size=size, architecture=architecture)
        for index, (name, file, tail, size, architecture) in enumerate(rows)
    ]


BLUEBIRD: Final = 900101
KITCHEN_FUZZ: Final = 900102
NIGHTJAR: Final = 900103
EMPTY_SHELF: Final = 900104
OPEN_BACK: Final = 900201
BACK_ROOM: Final = 900301
RACK: Final = 900401
BROKEN: Final = 900901


def all_tones() -> dict[int, ToneRow]:
    """Return new copies of all tones by id."""
    tones = [
        ToneRow(
            id=BLUEBIRD,
            owner=VALVE_SHED,
            title="Bluebird 45 Lead",
            description="Six gain stops, head only.\nLoad box, no cab.",
            gear="amp",
            created_at="2026-03-04T10:00:00+00:00",
            published_at="2026-03-04T10:05:41.9+00:00",
            makes=[(501, "Bluebird 45")],
            tags=[(71, "crunch"), (72, "high gain")],
            links=["https://video.example/900101"],
            downloads=1204,
            favorites=87,
            models=[
                *_models(
                    910001,
                    ("Gain 3", "clean.nam", "q1w2e3.nam", "standard", "1"),
                    ("Gain 3", "crunch.nam", "r4t5y6.nam", "nano", "1"),
                    ("Gain 6", "high-gain.nam", "b1n2m3.nam", "standard", "1"),
                ),
                *_models(
                    910011,
                    ("Gain 3", "clean_a2.nam", "u7i8o9_a2.nam", None, "2"),
                    ("Gain 6", "crunch_a2.nam", "a1s2d3_a2.nam", None, "2"),
                    ("Gain 3", "clean_a2.nam", "u7i8o9_a2.nam", None, "2"),
                    ("Gain 9", "high-gain_a2.nam", "f4g5h6_a2.nam", None, "2"),
                ),
            ],
        ),
        ToneRow(
            id=KITCHEN_FUZZ,
            owner=LAB_RAT,
            title="Kitchen fuzz (draft)",
            gear="pedal",
            license="cc-by-nc",
            visibility="private",
            created_at="2026-09-09T09:09:09.909090+00:00",
            has_image=False,
            favorites=1,
            models=_models(910005, ("Full", "high-gain.nam", "k1t2c3.nam", "custom", "custom")),
        ),
        ToneRow(
            id=NIGHTJAR,
            owner=VALVE_SHED,
            title="Nightjar Combo",
            description="New-generation capture only.",
            gear="amp-cab",
            license="cc-by-sa",
            created_at="2026-08-01T12:00:00.1+00:00",
            published_at="2026-08-01T12:01:00+00:00",
            makes=[(502, "Nightjar 20")],
            downloads=9,
            favorites=2,
            models=_models(
                910031,
                ("Dawn", "clean_a2.nam", "d1a2w3_a2.nam", None, "2"),
                ("Dusk", "crunch_a2.nam", "d4u5s6_a2.nam", None, "2"),
            ),
        ),
        ToneRow(
            id=EMPTY_SHELF,
            owner=BOX_MIKER,
            title="Empty shelf",
            gear="tape-echo",
            format="future-format",
            license="house-rules",
            created_at="2026-10-01T00:00:00+00:00",
            published_at="2026-10-01T00:00:00+00:00",
            has_image=False,
            extra={
                "is_public": None,
                "sizes": [],
                "url": "{BASE}//empty-shelf-900104",
                "some_new_field": {"x": 1},
            },
        ),
        ToneRow(
            id=OPEN_BACK,
            owner=BOX_MIKER,
            title="2x12 Open Back Set",
            description="Three positions.",
            gear="cab",
            format="ir",
            license="cc-by",
            created_at="2026-05-05T05:05:05.5+00:00",
            published_at="2026-05-05T05:06:00+00:00",
            makes=[(640, "Open 2x12")],
            tags=[(15, "cab")],
            links=[],
            downloads=412,
            favorites=33,
            models=_models(
                910021,
                ("Center 57", "center.wav", "z1x2c3.wav", None, None),
                ("Edge 57", "edge.wav", "v4b5n6.wav", None, None),
                ("Back 121", "back.wav", "m7l8k9.wav", None, None),
            ),
        ),
        ToneRow(
            id=BACK_ROOM,
            owner=BOX_MIKER,
            title="Back room",
            gear="amp",
            license="t3k",
            visibility="private",
            created_at="2026-07-07T07:07:07+00:00",
            models=_models(910041, ("Only", "crunch.nam", "p1r2v3.nam", "standard", "1")),
        ),
        ToneRow(
            id=RACK,
            owner=BOX_MIKER,
            title="Rack of another kind",
            gear="outboard",
            format="aida-x",
            license="cco",
            created_at="2026-06-06T06:06:06+00:00",
            published_at="2026-06-06T06:06:06+00:00",
            models=_models(910051, ("One", "rack.aidax", "r1a2c3.json", None, None)),
        ),
        ToneRow(
            id=BROKEN,
            owner=BOX_MIKER,
            title="Broken files",
            gear="amp",
            license="cc-by-nc-nd",
            created_at="2026-02-02T02:02:02+00:00",
            published_at="2026-02-02T02:02:02+00:00",
            models=_models(
                910091,
                ("A page", "page.nam", "b1.nam", "standard", "1"),
                ("Half", "truncated.nam", "b2.nam", "standard", "1"),
                ("No config", "no-config.nam", "b3.nam", "standard", "1"),
            ),
        ),
    ]
    return {tone.id: tone for tone in tones}


def all_favorites() -> dict[str, list[int]]:
    """Return the favorites of each user, newest first."""
    favorites: dict[str, list[int]] = {username: [] for username in PEOPLE}
    favorites["lab_rat"] = [BLUEBIRD, KITCHEN_FUZZ, OPEN_BACK]
    return favorites
