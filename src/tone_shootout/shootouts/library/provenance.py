"""Where a library item comes from, when it was not uploaded: kept for credit, whatever becomes of the source."""

from datetime import UTC, datetime
from typing import Annotated, Self

from msgspec import Meta, Struct

from tone_shootout.rendering.media_info import Kind
from tone_shootout.rendering.output.credits import Credit
from tone_shootout.tone3000.licences import HOME, POWERED_BY, licence_of
from tone_shootout.tone3000.types import Model, Tone, plain

TITLE_LENGTH = 200
ADDRESS_LENGTH = 500

_KINDS: dict[str, Kind] = {"nam": "capture", "ir": "cab_ir"}


class Provenance(Struct, frozen=True, kw_only=True):
    """A model of TONE3000 that a library item holds."""

    tone_id: Annotated[int, Meta(description="The tone's id at TONE3000.", examples=[900101])]
    model_id: Annotated[int, Meta(description="The model's id there.", examples=[910001])]
    title: Annotated[str, Meta(description="The tone's title.", examples=["Bluebird 45 Lead"])]
    model: Annotated[str, Meta(description="The model's name.", examples=["Gain 3"])]
    gear: Annotated[
        str | None,
        Meta(description="TONE3000's word for the gear; null: kept before it was noted.", examples=["amp-cab"]),
    ] = None
    creator: Annotated[str, Meta(description="Whom to credit.", examples=["Valve Shed"])]
    creator_url: Annotated[str, Meta(description="Their page; empty where none is known.")]
    licence: Annotated[str, Meta(description="TONE3000's word for the licence.", examples=["cc-by-nc"])]
    licence_name: Annotated[str, Meta(description="What people call it.", examples=["CC BY-NC"])]
    licence_url: Annotated[str, Meta(description="Where it can be read; empty where nobody knows.")]
    commercial: Annotated[
        bool | None,
        Meta(
            description="Whether it lets what is made with the file be used commercially; null: not known.",
            examples=[False],
        ),
    ]
    url: Annotated[str, Meta(description="The tone's page.")]
    fetched_at: Annotated[datetime, Meta(description="When its file, or last what is said of it, was fetched.")]

    @classmethod
    def of(cls, tone: Tone, model: Model) -> Self:
        """Note what is to be known of a model, in a form that does no harm."""
        licence = licence_of(plain(tone.license)[:40])
        return cls(
            tone_id=tone.id,
            model_id=model.id,
            title=plain(tone.title)[:TITLE_LENGTH] or f"Tone {tone.id}",
            model=plain(model.name)[:TITLE_LENGTH] or f"Model {model.id}",
            gear=plain(tone.gear)[:40] or None,
            creator=plain(tone.user.name)[:TITLE_LENGTH] or "unknown",
            creator_url=web_address(tone.user.url),
            licence=licence.code,
            licence_name=licence.name,
            licence_url=licence.url,
            commercial=licence.commercial,
            url=web_address(tone.url),
            fetched_at=datetime.now(UTC),
        )

    @property
    def credit(self) -> Credit:
        """What is published of it."""
        return Credit(
            title=self.name,
            creator=self.creator,
            creator_url=self.creator_url,
            licence=self.licence,
            licence_name=self.licence_name,
            licence_url=self.licence_url,
            commercial=self.commercial,
            url=self.url,
            attribution=f"{POWERED_BY} – {HOME}",
        )

    @property
    def name(self) -> str:
        """What the item is called until its owner gives it another name."""
        return f"{self.title}, {self.model}"[:80].strip()


def kind_of(tone: Tone) -> Kind | None:
    """Return what a tone's files are to us; None: we can't use them."""
    return _KINDS.get(tone.format)


def web_address(text: str) -> str:
    """Return an address of theirs if it is one that may be shown as a link; else nothing."""
    allowed = text.startswith(("https://", "http://127.0.0.1:", "http://localhost:"))
    harmless = all(sign.isprintable() and not sign.isspace() and sign not in "<>\"'`" for sign in text)
    return text if allowed and harmless and len(text) <= ADDRESS_LENGTH else ""
