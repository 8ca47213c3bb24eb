"""Tones and models of TONE3000 as the API represents them, without tokens and file URLs."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from tone_shootout.rendering.media_info import Kind, gear_name
from tone_shootout.shootouts.library.dtos import item_path
from tone_shootout.shootouts.library.provenance import kind_of, web_address
from tone_shootout.shootouts.tones.services import unique_labels
from tone_shootout.tone3000.licenses import HOME, POWERED_BY, get_license
from tone_shootout.tone3000.types import EmbeddedUser, Model, Tone, plain

TEXT_LENGTH = 10_000


class PoweredByRead(Struct, kw_only=True):
    """Attribution to show wherever TONE3000's library is shown."""

    text: Annotated[str, Meta(description="Text of the attribution.", examples=[POWERED_BY])] = POWERED_BY
    url: Annotated[str, Meta(description="Link of the attribution.", examples=[HOME])] = HOME


class CreatorRead(Struct, kw_only=True):
    """Creator of a tone."""

    id: Annotated[str, Meta(description="Id at TONE3000.")]
    username: Annotated[str, Meta(description="Name in URLs.", examples=["valve-shed"])]
    name: Annotated[str, Meta(description="Display name.", examples=["Valve Shed"])]
    is_verified: Annotated[bool, Meta(description="Whether TONE3000 has verified the creator.")]
    avatar_url: Annotated[str | None, Meta(description="URL of the picture.")]
    url: Annotated[str | None, Meta(description="URL of the page at TONE3000.")]

    @classmethod
    def of(cls, user: EmbeddedUser) -> Self:
        """Return a creator's representation."""
        return cls(
            id=plain(user.id)[:64],
            username=plain(user.username)[:100],
            name=plain(user.name)[:200],
            is_verified=user.is_verified,
            avatar_url=web_address(user.avatar_url or "") or None,
            url=web_address(user.url) or None,
        )


class LicenseRead(Struct, kw_only=True):
    """License of a tone."""

    code: Annotated[str, Meta(description="Code at TONE3000.", examples=["cc-by-nc"])]
    name: Annotated[str, Meta(description="Name of the license.", examples=["CC BY-NC"])]
    url: Annotated[str | None, Meta(description="URL of the license text.")]
    commercial: Annotated[
        bool | None,
        Meta(
            description="Whether the license allows commercial use of audio made with the files; null: unknown.",
            examples=[False],
        ),
    ]

    @classmethod
    def of(cls, code: str) -> Self:
        """Return a license's representation."""
        terms = get_license(plain(code)[:40])
        return cls(code=terms.code, name=terms.name, url=terms.url or None, commercial=terms.commercial)


class CountsRead(Struct, kw_only=True):
    """Number of files of a tone."""

    a1: Annotated[int, Meta(description="Captures of architecture A1.", examples=[3])]
    a2: Annotated[int, Meta(description="Captures of architecture A2.", examples=[4])]
    custom: Annotated[int, Meta(description="Captures of other architectures.", examples=[0])]
    ir: Annotated[int, Meta(description="Impulse responses.", examples=[0])]
    total: Annotated[int, Meta(description="All files.", examples=[7])]


class ToneLinks(Struct, kw_only=True):
    """Links of a tone."""

    self: Annotated[str, Meta(description="The tone.")]
    models: Annotated[str, Meta(description="The tone's files.")]


class ToneRead(Struct, kw_only=True):
    """A tone of TONE3000: captures or impulse responses of one piece of gear."""

    id: Annotated[int, Meta(description="Id at TONE3000.", examples=[900101])]
    title: Annotated[str, Meta(description="Title of the tone.", examples=["Bluebird 45 Lead"])]
    description: Annotated[str, Meta(description="The creator's description, plain text.")]
    gear: Annotated[str, Meta(description="Gear type. TONE3000 can add values at any time.", examples=["amp"])]
    format: Annotated[str, Meta(description="`nam`, `ir` or an unsupported format.", examples=["nam"])]
    kind: Annotated[Kind | None, Meta(description="Kind of its files in your library; null: unsupported format.")]
    license: Annotated[LicenseRead, Meta(description="License of the tone.")]
    creator: Annotated[CreatorRead, Meta(description="Creator, to be credited wherever the tone is used.")]
    makes: Annotated[list[str], Meta(description="Makes of the gear.", examples=[["Bluebird 45"]])]
    tags: Annotated[list[str], Meta(description="Tags.", examples=[["crunch"]])]
    images: Annotated[list[str], Meta(description="URLs of pictures.")]
    counts: Annotated[CountsRead, Meta(description="Number of its files.")]
    downloads_count: Annotated[int, Meta(description="Number of downloads.", examples=[1204])]
    favorites_count: Annotated[int, Meta(description="Number of users who have it as a favorite.", examples=[87])]
    is_favorite: Annotated[bool, Meta(description="Whether it is one of your favorites.")]
    is_public: Annotated[bool | None, Meta(description="Whether it is public; null: not stated.")]
    created_at: Annotated[datetime | None, Meta(description="When it was created.")]
    updated_at: Annotated[datetime | None, Meta(description="When it was last updated.")]
    published_at: Annotated[datetime | None, Meta(description="When it was published; null: never or not stated.")]
    url: Annotated[str | None, Meta(description="URL of its page at TONE3000.")]
    links: Annotated[ToneLinks, Meta(description="Links.")]
    powered_by: Annotated[PoweredByRead, Meta(description="Attribution to show beside it.")]

    @classmethod
    def of(cls, tone: Tone) -> Self:
        """Return a tone's representation.

        The texts come from strangers: control characters are removed here, HTML must be escaped in pages.
        """
        path = tone_path(tone.id)
        return cls(
            id=tone.id,
            title=plain(tone.title)[:200],
            description=_lines(tone.description or ""),
            gear=gear_name(plain(tone.gear)[:40]) or "",
            format=plain(tone.format)[:40].replace("-", "_"),
            kind=kind_of(tone),
            license=LicenseRead.of(tone.license),
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


class ModelLinks(Struct, kw_only=True):
    """Links of a file of a tone."""

    tone: Annotated[str, Meta(description="The tone.")]
    import_: Annotated[str, Meta(description="POST here to import it into your library.")] = msgspec.field(
        name="import"
    )
    library_item: Annotated[str | None, Meta(description="The item already imported from it; null: none.")]


class ModelRead(Struct, kw_only=True):
    """One file of a tone."""

    id: Annotated[int, Meta(description="Id at TONE3000.", examples=[910001])]
    tone_id: Annotated[int, Meta(description="Id of the tone.", examples=[900101])]
    name: Annotated[str, Meta(description="Name of the file, not always unique within the tone.", examples=["Gain 3"])]
    label: Annotated[str, Meta(description="Name of the file, unique within the tone.", examples=["Gain 3 (2)"])]
    kind: Annotated[Kind | None, Meta(description="Kind of the file in your library; null: unsupported format.")]
    architecture: Annotated[str | None, Meta(description="`1`, `2` or `custom`; null: not a capture.", examples=["1"])]
    size_class: Annotated[str | None, Meta(description="Size class of an A1 capture.", examples=["standard"])]
    created_at: Annotated[datetime | None, Meta(description="When it was created.")]
    library_item_id: Annotated[UUID | None, Meta(description="Id of the item already imported from it; null: none.")]
    links: Annotated[ModelLinks, Meta(description="Links.")]

    @classmethod
    def list_of(cls, tone: Tone, models: Sequence[Model], items: Mapping[int, UUID]) -> list[Self]:
        """Return the representation of a tone's files; `items` are the ids of the items imported from them."""
        return [
            cls(
                id=model.id,
                tone_id=tone.id,
                name=plain(model.name)[:200],
                label=label,
                kind=kind_of(tone),
                architecture=None if model.architecture_version is None else plain(model.architecture_version)[:40],
                size_class=None if model.size is None else plain(model.size)[:40],
                created_at=model.created_at,
                library_item_id=item_id,
                links=ModelLinks(
                    tone=tone_path(tone.id),
                    import_=f"{tone_path(tone.id)}/models/{model.id}/import",
                    library_item=None if item_id is None else item_path(item_id),
                ),
            )
            for model, label in zip(models, unique_labels(models), strict=True)
            for item_id in (items.get(model.id),)
        ]


class DeletedImportsRead(Struct, kw_only=True):
    """Result of deleting imported items."""

    deleted: Annotated[int, Meta(description="Number of deleted items.", examples=[3])]
    kept: Annotated[
        int, Meta(description="Number of items left because a shootout or an unfinished job uses them.", examples=[0])
    ]


def tone_path(tone_id: int) -> str:
    """Return the URL path of a tone."""
    return f"/api/v1/tones/{tone_id}"


def _lines(text: str) -> str:
    return "\n".join(plain(line) for line in text[:TEXT_LENGTH].splitlines()).strip()
