"""The source of an imported library item: stored for credit, even after the source is gone."""

from datetime import UTC, datetime
from typing import Annotated, Self

from msgspec import Meta, Struct

from tone_shootout.rendering.media_info import Kind, gear_name
from tone_shootout.rendering.output.credits import Credit
from tone_shootout.tone3000.licenses import HOME, POWERED_BY, get_license
from tone_shootout.tone3000.types import Model, Tone, plain

TITLE_LENGTH = 200
ADDRESS_LENGTH = 500

_KINDS: dict[str, Kind] = {"nam": "capture", "ir": "cab_ir"}


class Provenance(Struct, frozen=True, kw_only=True):
    """The model of TONE3000 that a library item was imported from."""

    tone_id: Annotated[int, Meta(description="Id of the tone at TONE3000.", examples=[900101])]
    model_id: Annotated[int, Meta(description="Id of the model at TONE3000.", examples=[910001])]
    title: Annotated[str, Meta(description="Title of the tone.", examples=["Bluebird 45 Lead"])]
    model_name: Annotated[str, Meta(description="Name of the model.", examples=["Gain 3"])]
    gear: Annotated[
        str | None,
        Meta(
            description="Gear type at TONE3000; null: not recorded at the time.",
            examples=["amp_cab"],
        ),
    ] = None
    creator: Annotated[str, Meta(description="Creator to credit.", examples=["Valve Shed"])]
    creator_url: Annotated[str, Meta(description="URL of the creator's page; empty if unknown.")]
    license: Annotated[str, Meta(description="License code at TONE3000.", examples=["cc-by-nc"])]
    license_name: Annotated[str, Meta(description="Name of the license.", examples=["CC BY-NC"])]
    license_url: Annotated[str, Meta(description="URL of the license text; empty if unknown.")]
    commercial: Annotated[
        bool | None,
        Meta(
            description="Whether the license allows commercial use of audio made with the file; null: unknown.",
            examples=[False],
        ),
    ]
    url: Annotated[str, Meta(description="URL of the tone's page.")]
    fetched_at: Annotated[datetime, Meta(description="When the file was downloaded or this record was last updated.")]

    @classmethod
    def of(cls, tone: Tone, model: Model) -> Self:
        """Return the provenance of a model, with sanitized texts and URLs."""
        terms = get_license(plain(tone.license)[:40])
        return cls(
            tone_id=tone.id,
            model_id=model.id,
            title=plain(tone.title)[:TITLE_LENGTH] or f"Tone {tone.id}",
            model_name=plain(model.name)[:TITLE_LENGTH] or f"Model {model.id}",
            gear=gear_name(plain(tone.gear)[:40]),
            creator=plain(tone.user.name)[:TITLE_LENGTH] or "unknown",
            creator_url=web_address(tone.user.url),
            license=terms.code,
            license_name=terms.name,
            license_url=terms.url,
            commercial=terms.commercial,
            url=web_address(tone.url),
            fetched_at=datetime.now(UTC),
        )

    @property
    def credit(self) -> Credit:
        """Credit as published with results."""
        return Credit(
            title=self.name,
            creator=self.creator,
            creator_url=self.creator_url,
            license=self.license,
            license_name=self.license_name,
            license_url=self.license_url,
            commercial=self.commercial,
            url=self.url,
            attribution=f"{POWERED_BY} – {HOME}",
        )

    @property
    def name(self) -> str:
        """Initial name of the library item."""
        return f"{self.title}, {self.model_name}"[:80].strip()


def kind_of(tone: Tone) -> Kind | None:
    """Return the kind of library item that a tone's files become; None: their format is not supported."""
    return _KINDS.get(tone.format)


def web_address(text: str) -> str:
    """Return a URL from TONE3000 if it is safe as a link, else an empty string."""
    allowed = text.startswith(("https://", "http://127.0.0.1:", "http://localhost:"))
    is_safe = all(char.isprintable() and not char.isspace() and char not in "<>\"'`" for char in text)
    return text if allowed and is_safe and len(text) <= ADDRESS_LENGTH else ""
