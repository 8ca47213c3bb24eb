"""Tones and models of TONE3000 as clients see them: no token, and no address of a file."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from msgspec import Meta, Struct

from tone_shootout.rendering.media_info import Kind
from tone_shootout.shootouts.library.provenance import kind_of, web_address
from tone_shootout.shootouts.tones.services import labelled
from tone_shootout.tone3000.licences import HOME, POWERED_BY, licence_of
from tone_shootout.tone3000.types import EmbeddedUser, Model, Tone, plain

TEXT_LENGTH = 10_000


class PoweredByRead(Struct, kw_only=True):
    """What has to stand wherever TONE3000's library is shown."""

    text: Annotated[str, Meta(description="The words.", examples=[POWERED_BY])] = POWERED_BY
    url: Annotated[str, Meta(description="What they link to.", examples=[HOME])] = HOME


class CreatorRead(Struct, kw_only=True):
    """Who has made a tone."""

    id: Annotated[str, Meta(description="Their id at TONE3000.")]
    username: Annotated[str, Meta(description="Their name in addresses.", examples=["valve-shed"])]
    name: Annotated[str, Meta(description="What to call them.", examples=["Valve Shed"])]
    is_verified: Annotated[bool, Meta(description="Whether TONE3000 vouches for them.")]
    avatar_url: Annotated[str | None, Meta(description="Their picture.")]
    url: Annotated[str | None, Meta(description="Their page.")]

    @classmethod
    def of(cls, user: EmbeddedUser) -> Self:
        """Show a creator."""
        return cls(
            id=plain(user.id)[:64],
            username=plain(user.username)[:100],
            name=plain(user.name)[:200],
            is_verified=user.is_verified,
            avatar_url=web_address(user.avatar_url or "") or None,
            url=web_address(user.url) or None,
        )


class LicenceRead(Struct, kw_only=True):
    """Under which terms a creator publishes."""

    code: Annotated[str, Meta(description="TONE3000's word for it.", examples=["cc-by-nc"])]
    name: Annotated[str, Meta(description="What people call it.", examples=["CC BY-NC"])]
    url: Annotated[str | None, Meta(description="Where it can be read.")]
    commercial: Annotated[
        bool | None,
        Meta(
            description="Whether what is made with the files may be used commercially; null: not known.",
            examples=[False],
        ),
    ]

    @classmethod
    def of(cls, code: str) -> Self:
        """Show a licence."""
        licence = licence_of(plain(code)[:40])
        return cls(code=licence.code, name=licence.name, url=licence.url or None, commercial=licence.commercial)


class CountsRead(Struct, kw_only=True):
    """How many files a tone has."""

    a1: Annotated[int, Meta(description="Captures of the first architecture.", examples=[3])]
    a2: Annotated[int, Meta(description="Captures of the second.", examples=[4])]
    custom: Annotated[int, Meta(description="Captures of others.", examples=[0])]
    ir: Annotated[int, Meta(description="Impulse responses.", examples=[0])]
    total: Annotated[int, Meta(description="All of them.", examples=[7])]


class ToneLinks(Struct, kw_only=True):
    """Where to go from a tone."""

    self: Annotated[str, Meta(description="The tone.")]
    models: Annotated[str, Meta(description="Its files.")]


class ToneRead(Struct, kw_only=True):
    """A tone of TONE3000: one piece of gear with its captures or impulse responses."""

    id: Annotated[int, Meta(description="Its id at TONE3000.", examples=[900101])]
    title: Annotated[str, Meta(description="Its title.", examples=["Bluebird 45 Lead"])]
    description: Annotated[str, Meta(description="What its creator says about it, plain text.")]
    gear: Annotated[str, Meta(description="What it is of; values may be added at any time.", examples=["amp"])]
    format: Annotated[str, Meta(description="`nam`, `ir` or one that no block plays.", examples=["nam"])]
    kind: Annotated[Kind | None, Meta(description="What its files become in your library; null: no block plays them.")]
    licence: Annotated[LicenceRead, Meta(description="Its terms.")]
    creator: Annotated[CreatorRead, Meta(description="Who has made it: name them wherever you use it.")]
    makes: Annotated[list[str], Meta(description="Makes of the gear.", examples=[["Bluebird 45"]])]
    tags: Annotated[list[str], Meta(description="Words for it.", examples=[["crunch"]])]
    images: Annotated[list[str], Meta(description="Pictures.")]
    counts: Annotated[CountsRead, Meta(description="How many files it has.")]
    downloads_count: Annotated[int, Meta(description="How often it was fetched.", examples=[1204])]
    favorites_count: Annotated[int, Meta(description="How many keep it.", examples=[87])]
    is_favorite: Annotated[bool, Meta(description="Whether you keep it.")]
    is_public: Annotated[bool | None, Meta(description="Whether everybody sees it; null: not said.")]
    created_at: Annotated[datetime | None, Meta(description="When it was made.")]
    updated_at: Annotated[datetime | None, Meta(description="When it was changed last.")]
    published_at: Annotated[datetime | None, Meta(description="When it was published; null: never, or not said.")]
    url: Annotated[str | None, Meta(description="Its page at TONE3000.")]
    links: Annotated[ToneLinks, Meta(description="Where to go from here.")]
    powered_by: Annotated[PoweredByRead, Meta(description="What has to stand beside it.")]

    @classmethod
    def of(cls, tone: Tone) -> Self:
        """Show a tone. All texts are a stranger's: without control characters here, to be escaped in pages."""
        path = tone_path(tone.id)
        return cls(
            id=tone.id,
            title=plain(tone.title)[:200],
            description=_lines(tone.description or ""),
            gear=plain(tone.gear)[:40],
            format=plain(tone.format)[:40],
            kind=kind_of(tone),
            licence=LicenceRead.of(tone.license),
            creator=CreatorRead.of(tone.user),
            makes=[plain(make.name)[:100] for make in tone.makes],
            tags=[plain(tag.name)[:100] for tag in tone.tags],
            images=[address for image in tone.images if (address := web_address(image))],
            counts=CountsRead(
                a1=tone.a1_models_count,
                a2=tone.a2_models_count,
                custom=tone.custom_models_count,
                ir=tone.irs_count,
                total=tone.files_count,
            ),
            downloads_count=tone.downloads_count,
            favorites_count=tone.favorites_count,
            is_favorite=tone.is_favorite,
            is_public=tone.is_public,
            created_at=tone.created_at,
            updated_at=tone.updated_at,
            published_at=tone.published_at,
            url=web_address(tone.url) or None,
            links=ToneLinks(self=path, models=f"{path}/models"),
            powered_by=PoweredByRead(),
        )


class TonesRead(Struct, kw_only=True):
    """A few tones that TONE3000 has chosen."""

    items: Annotated[list[ToneRead], Meta(description="At most ten.")]

    @classmethod
    def of(cls, tones: Sequence[Tone]) -> Self:
        """Show some tones."""
        return cls(items=[ToneRead.of(tone) for tone in tones])


class ModelRead(Struct, kw_only=True):
    """One file of a tone."""

    id: Annotated[int, Meta(description="Its id at TONE3000.", examples=[910001])]
    tone_id: Annotated[int, Meta(description="The tone's id.", examples=[900101])]
    name: Annotated[str, Meta(description="Its name, which others of the tone may have too.", examples=["Gain 3"])]
    label: Annotated[str, Meta(description="A name that no other of the tone has.", examples=["Gain 3 (2)"])]
    kind: Annotated[Kind | None, Meta(description="What it becomes in your library; null: no block plays it.")]
    architecture: Annotated[str | None, Meta(description="`1`, `2` or `custom`; null: not a capture.", examples=["1"])]
    size: Annotated[str | None, Meta(description="Size of a capture of A1.", examples=["standard"])]
    created_at: Annotated[datetime | None, Meta(description="When it was made.")]
    library_item: Annotated[UUID | None, Meta(description="The item of your library that holds it already.")]
    import_url: Annotated[str, Meta(description="POST here to bring it into your library.")]


class ModelsRead(Struct, kw_only=True):
    """All files of a tone: of every architecture, and impulse responses."""

    items: Annotated[list[ModelRead], Meta(description="In TONE3000's own order within each architecture.")]
    total: Annotated[int, Meta(description="How many there are.", examples=[7])]
    tone: Annotated[ToneRead, Meta(description="Whose files they are.")]

    @classmethod
    def of(cls, tone: Tone, models: Sequence[Model], items: Mapping[int, UUID]) -> Self:
        """Show a tone's files."""
        shown = [
            ModelRead(
                id=model.id,
                tone_id=tone.id,
                name=plain(model.name)[:200],
                label=label,
                kind=kind_of(tone),
                architecture=None if model.architecture_version is None else plain(model.architecture_version)[:40],
                size=None if model.size is None else plain(model.size)[:40],
                created_at=model.created_at,
                library_item=items.get(model.id),
                import_url=f"{tone_path(tone.id)}/models/{model.id}/import",
            )
            for model, label in zip(models, labelled(models), strict=True)
        ]
        return cls(items=shown, total=len(shown), tone=ToneRead.of(tone))


class DeletedImportsRead(Struct, kw_only=True):
    """What became of files from TONE3000."""

    deleted: Annotated[int, Meta(description="Items that are deleted.", examples=[3])]
    kept: Annotated[
        int, Meta(description="Items that stay, because a shootout or an unfinished job needs them.", examples=[0])
    ]


def tone_path(tone_id: int) -> str:
    """Return the address of a tone here."""
    return f"/api/v1/tones/{tone_id}"


def _lines(text: str) -> str:
    return "\n".join(plain(line) for line in text[:TEXT_LENGTH].splitlines()).strip()
